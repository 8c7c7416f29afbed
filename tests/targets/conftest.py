import pytest

from .samples import WORDS, numbered_docs, save_docs, save_teacher, write_store


@pytest.fixture
def targets(tmp_path):
    write_store(tmp_path / "targets" / "de", numbered_docs(10))
    return tmp_path / "targets"


@pytest.fixture
def project(tmp_path):
    """A corpus of two languages, one with unlabelled text, and their teachers."""
    for lang in ("de", "en"):
        save_docs(tmp_path / "corpus" / lang / "train.spacy", WORDS + WORDS[:2])
        save_docs(tmp_path / "corpus" / lang / "test.spacy", WORDS)
    pieces = ([["More"], ["London", "."]], [WORDS[0]])
    for i, words in enumerate(pieces):
        save_docs(tmp_path / "corpus" / "en" / "unlabelled" / f"0000{i}.spacy", words)
    save_docs(tmp_path / "corpus" / "kk" / "test.spacy", WORDS)
    save_teacher(tmp_path / "teachers" / "de")
    save_teacher(tmp_path / "teachers" / "en" / "model-best", seed=1)
    return tmp_path
