"""Running a pipeline needs spaCy and this package, with word vectors `tokenizers` too, no more."""

import json
import subprocess
import sys

import pytest

from spacy_skd.vectors import SubwordVectors

from .students import make_student

# What the extras bring, but for `tokenizers`, and what those bring in turn.
HEAVY = ["torch", "transformers", "spacy_transformers", "safetensors", "datasets", "pyarrow"]
HEAVY += ["pandas", "matplotlib", "conllu", "floret", "xxhash", "psutil", "build"]
HEAVY += ["huggingface_hub", "sudachipy", "jieba", "pythainlp"]
TEXTS = ["Ada Lovelace lives in London.", "", "Nobody calls."]
FOUND = {
    "ner": [[["Ada Lovelace", "PER"], ["London", "LOC"]], [], []],
    "pos": [["PROPN", "PROPN", "VERB", "ADP", "PROPN", "PUNCT"], [], ["PRON", "VERB", "PUNCT"]],
}

# spaCy opens the entry points of all plugins, and one without its packages ends it.
WITHOUT = """
import json, sys
from importlib.metadata import EntryPoints, distributions
import catalogue

heavy = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(heavy))
catalogue.AVAILABLE_ENTRY_POINTS = EntryPoints(
    point for package in distributions() for point in package.entry_points
    if point.module.split(".")[0] not in heavy
)
import spacy
"""
USE = """
task, source, target, texts = *sys.argv[2:5], json.loads(sys.argv[5])

def use(nlp):
    docs = list(nlp.pipe(texts))
    confidence = [nlp.get_pipe(nlp.pipe_names[-1]).confidence(doc).tolist() for doc in docs]
    if task == "pos":
        return [[token.pos_ for token in doc] for doc in docs], confidence
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs], confidence

nlp = spacy.load(source)
found = use(nlp)
nlp.to_disk(target)
assert use(spacy.load(target)) == found
assert not [name for name in heavy if sys.modules[name] is not None]
print(json.dumps(found))
"""
FIRST_PIPELINE = """
def packages():
    # What Cython's kernels share is known by a second name, at the top: its spec has the first.
    specs = {name: getattr(module, "__spec__", None) for name, module in sys.modules.items()}
    return {(spec.name if spec else name).split(".")[0] for name, spec in specs.items()}
before = packages()
spacy.blank("xx")
print(json.dumps(sorted(packages() - before)))
"""


def run(program, *arguments):
    """What a program prints that can import nothing heavy."""
    command = [sys.executable, "-c", WITHOUT + program, json.dumps(HEAVY), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("task", ["ner", "pos"])
def test_a_student_is_loaded_tags_and_is_saved(task, tmp_path):
    nlp = make_student(tmp_path, task)
    assert isinstance(nlp.vocab.vectors, SubwordVectors) and len(nlp.vocab.vectors)
    assert nlp.tokenizer.boundaries is not None
    nlp.to_disk(tmp_path / "student")
    found, confidence = run(USE, task, tmp_path / "student", tmp_path / "copy", json.dumps(TEXTS))
    assert found == FOUND[task]
    pipe = nlp.get_pipe(nlp.pipe_names[-1])
    for there, doc in zip(confidence, nlp.pipe(TEXTS)):
        assert there == pytest.approx(pipe.confidence(doc), abs=1e-6)


def test_the_first_pipeline_imports_nothing_beyond_spacys_own():
    """spaCy imports the components of all plugins for it."""
    added = set(run(FIRST_PIPELINE))
    assert "spacy_skd" in added
    assert added <= {"spacy_skd", "spacy_loggers", "spacy_legacy", "google", "tqdm"}
