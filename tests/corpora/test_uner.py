import pytest

from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.uner import read_uner
from spacy_skd.errors import SkdError

from .samples import UNER, write


def test_tokens_and_entities(tmp_path):
    docs = read_uner(write(tmp_path / "train.iob2", UNER), "sk", ReadOptions()).docs
    assert [[token.text for token in doc] for doc in docs] == [["#", "Zenón", "z", "Ríma"], ["-"]]
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == [("Zenón z Ríma", "PER")]


@pytest.mark.parametrize(
    "content, code, line",
    [
        ("# text = a\n1\ta\tO\t-\n", "SKD091", 2),
        ("1\t\tO\t-\t-\n", "SKD093", 1),
        ("1\ta\tO\t-\t-\n2\tb\tPER\t-\t-\n", "SKD092", 2),
        ("# only\n\n# comments\n", "SKD088", None),
    ],
)
def test_what_is_broken_is_named(tmp_path, content, code, line):
    with pytest.raises(SkdError) as error:
        read_uner(write(tmp_path / "dev.iob2", content), "sk", ReadOptions())
    assert code in str(error.value)
    assert line is None or f"dev.iob2:{line}:" in str(error.value)
