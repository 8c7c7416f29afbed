"""A corpus and a config small enough that a command is tested through its real entry point."""

import re
import subprocess
from pathlib import Path
from typing import Callable, List

import pytest
from spacy import registry
from spacy.cli._util import app as spacy_app
from spacy.tokens import Doc, DocBin, Span
from spacy.util import load_model_from_config
from spacy.vocab import Vocab
from thinc.api import Config
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
NAMES = {"de": ["Anna", "Bernd", "Carla"], "en": ["Alice", "Bob", "Carol"]}
VERBS = {"de": "wohnt", "en": "lives"}
PLACES = {"de": ["Bonn", "Kiel"], "en": ["Leeds", "York"]}
N_SENTENCES = {"train": 30, "dev": 6, "test": 6, "unlabelled": 4}

CONFIG = """
[paths]
corpus = null
languages = null

[system]
seed = 0

[nlp]
lang = "xx"
pipeline = ["ner", "tagger"]

[components]

[components.ner]
factory = "ner"

[components.ner.scorer]
@scorers = "spacy-skd.NERScorer.v1"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 16
maxout_pieces = 1
use_upper = false

[components.ner.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
width = 16
depth = 1
embed_size = 200
window_size = 1
maxout_pieces = 2
subword_features = false
pretrained_vectors = null

[components.tagger]
factory = "tagger"

[components.tagger.scorer]
@scorers = "spacy-skd.TaggerScorer.v1"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
width = 16
depth = 1
embed_size = 200
window_size = 1
maxout_pieces = 2
subword_features = false
pretrained_vectors = null

[corpora]

[corpora.train]
@readers = "spacy-skd.MultilingualCorpus.v1"
path = ${paths.corpus}
split = "train"
languages = ${paths.languages}

[corpora.dev]
@readers = "spacy-skd.MultilingualCorpus.v1"
path = ${paths.corpus}
split = "dev"
languages = ${paths.languages}

[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 20
eval_frequency = 10
seed = 0

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.02

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8

[training.logger]
@loggers = "spacy-skd.LanguageLogger.v1"

[training.score_weights]
ents_f = 0.5
tag_acc = 0.5
"""


def tiny_docs(lang: str, split: str) -> List[Doc]:
    vocab = Vocab()
    docs = []
    for i in range(N_SENTENCES[split]):
        name, place = NAMES[lang][i % 3], PLACES[lang][i % 2]
        words = [name, VERBS[lang], "in", place, "."]
        doc = Doc(vocab, words=words, spaces=[True, True, True, False, False])
        doc.user_data["lang"] = lang
        if split != "unlabelled":
            doc.set_ents([Span(doc, 0, 1, "PER"), Span(doc, 3, 4, "LOC")])
            for token, tag in zip(doc, ["PROPN", "VERB", "ADP", "PROPN", "PUNCT"]):
                token.tag_ = token.pos_ = tag
        docs.append(doc)
    return docs


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for lang in NAMES:
        (folder / lang).mkdir(parents=True)
        for split in N_SENTENCES:
            docs = DocBin(docs=tiny_docs(lang, split), store_user_data=True)
            docs.to_disk(folder / lang / f"{split}.spacy")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.cfg"
    raw = Config().from_str(CONFIG, interpolate=False)
    filled = load_model_from_config(raw, auto_fill=True).config
    filled.to_disk(path, interpolate=False)
    return path


@pytest.fixture
def small_configs(tmp_path: Path) -> None:
    """{teacher,teacher_adapted,student}.cfg: those of the project, with a small encoder."""
    for name in ("teacher", "teacher_adapted", "student"):
        text = (ROOT / "configs" / f"ner_{name}.cfg").read_text(encoding="utf-8")
        text = re.sub(r"^rows = .*$", f"rows = {[200, *8 * [50]]}", text, flags=re.M)
        text = re.sub(r"^width = .*$", "width = 16", text, flags=re.M)
        (tmp_path / f"{name}.cfg").write_text(text, encoding="utf-8")


@pytest.fixture
def skd(tmp_path: Path, warm_python: str) -> Callable[..., subprocess.CompletedProcess]:
    """Runs `python -m spacy skd ...` in an empty folder, as a user does."""

    def run(*args: object) -> subprocess.CompletedProcess:
        command = [warm_python, "-m", "spacy", "skd", *map(str, args)]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=300
        )

    return run


@pytest.fixture
def skd_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: None
) -> Callable[..., subprocess.CompletedProcess]:
    """The same through spaCy's command line in this process."""
    registry.cli.get_all()
    monkeypatch.chdir(tmp_path)

    def run(*args: object) -> subprocess.CompletedProcess:
        command = ["skd", *map(str, args)]
        result = CliRunner().invoke(spacy_app, command)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(command, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def fails(skd_here) -> Callable[..., str]:
    """Runs a command that must fail with one line on stderr and exit code 1; returns the line."""

    def run(*args: object) -> str:
        result = skd_here(*args)
        lines = [line for line in result.stderr.splitlines() if line.startswith("Error")]
        assert result.returncode == 1, result.stdout + result.stderr
        assert len(lines) == 1 and result.stderr.rstrip().endswith(lines[0]), result.stderr
        return lines[0]

    return run
