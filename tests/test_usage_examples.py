"""The usage examples run as their READMEs say, on models and data of a few sentences."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_skd.corpora.documents import ReadOptions
from spacy_skd.corpora.formats import find_reader

from .conftest import SENTENCES, make_examples, make_pipeline, reference_doc, train

EXAMPLES = Path(__file__).parents[1] / "usage_examples"
TREEBANK = Path(__file__).parents[1] / "../shared/data/pos/ud/sl"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_each_has_a_readme_a_config_and_a_script_that_it_names(folder):
    (script,) = folder.glob("*.py")
    (config,) = folder.glob("*.cfg")
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert config.name in text and f"python usage_examples/{folder.name}/{script.name} " in text
    assert f"({folder.name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


def run(*words, folder):
    command = [sys.executable, *map(str, words)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def commands(name, folder, **replaced):
    """The Python commands of a README, run in a folder, with words of them replaced."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```bash\n(.*?)^```$", text, flags=re.M | re.S):
        for line in block.splitlines():
            for word, other in replaced.items():
                line = line.replace(word, str(other))
            words = shlex.split(line.replace("usage_examples/", f"{EXAMPLES.as_posix()}/"))
            if words[0] == "python":
                yield run(*words[1:], folder=folder)


def write_docs(path, copies=1):
    vocab = Vocab()
    docs = [reference_doc(vocab, words, tags) for words, tags in SENTENCES * copies]
    DocBin(docs=docs, store_user_data=True).to_disk(path)


@pytest.mark.slow
def test_two_classifiers(make_classifier, tmp_path):
    for language in ("de", "es"):
        make_classifier(trained=True, name=f"classifier_{language}")
        folder = tmp_path / "raw" / language
        folder.mkdir(parents=True)
        lines = ["\n".join(map("\t".join, zip(words, tags))) for words, tags in SENTENCES]
        for split, copies in (("train", 10), ("dev", 1)):
            (folder / f"{split}.iob2").write_text("\n\n".join(lines * copies) + "\n", "utf-8")
    classifiers = "--teacher de=classifier_de --teacher es=classifier_es --steps 60"
    given = "--teacher de=NAME_OR_FOLDER --teacher es=NAME_OR_FOLDER"
    (output,) = commands("two_classifiers", tmp_path, **{given: classifiers})
    (average,) = re.findall(r"^average +([\d.]+)$", output, flags=re.M)
    assert float(average) > 80
    nlp = spacy.load(tmp_path / "work" / "student" / "model-best")
    assert set(nlp.get_pipe("ner").labels) == {"PER", "LOC"}


@pytest.mark.slow
def test_a_crf_in_place_of_ner(tmp_path):
    write_docs(tmp_path / "train.spacy", copies=10)
    write_docs(tmp_path / "dev.spacy")
    short = "--paths.dev dev.spacy --training.max_steps 40 --training.eval_frequency 20"
    outputs = list(commands("crf_ner", tmp_path, **{"--paths.dev dev.spacy": short}))
    assert outputs[0].startswith("crf_ner in place of ner")
    for output in outputs[-2:]:
        assert float(re.search(r"NER F +([\d.]+)", output)[1]) > 80
    nlp = spacy.load(tmp_path / "crf_ner" / "model-best")
    assert nlp.get_pipe_meta("ner").factory == "crf_ner"


def test_a_config_without_a_tok2vec_is_to_be_completed(tmp_path):
    (tmp_path / "short.cfg").write_text('[components]\n\n[components.ner]\nfactory = "ner"\n')
    command = [sys.executable, EXAMPLES / "crf_ner" / "swap.py", "short.cfg", "crf.cfg"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1 and not (tmp_path / "crf.cfg").exists()
    assert result.stderr.count("\n") == 1 and "fill-config" in result.stderr


def partial_tags(folder, steps):
    """{name: (number of tags, accuracy)} that the example prints of train.spacy and dev.spacy."""
    (output,) = commands("partial_tags", folder, **{"--share 0.1": f"--share 0.1 --steps {steps}"})
    found = re.findall(r"^(\w+): (\d+) tags, accuracy ([\d.]+)$", output, flags=re.M)
    assert [name for name, _, _ in found] == ["sentences", "sentences_and_tokens", "more_sentences"]
    return {name: (int(tags), float(accuracy)) for name, tags, accuracy in found}


@pytest.mark.slow
def test_partial_tags(tmp_path):
    write_docs(tmp_path / "train.spacy", copies=40)
    write_docs(tmp_path / "dev.spacy")
    found = partial_tags(tmp_path, 160)
    tenth = 4 * sum(len(words) for words, _ in SENTENCES)
    for name, share in (("sentences", 0.5), ("sentences_and_tokens", 1), ("more_sentences", 1)):
        tags, accuracy = found[name]
        assert share * tenth - 1 <= tags <= share * tenth + 12
        assert accuracy > 80


@pytest.mark.slow
def test_partial_tags_in_few_steps(tmp_path):
    write_docs(tmp_path / "train.spacy", copies=40)
    write_docs(tmp_path / "dev.spacy")
    assert len(partial_tags(tmp_path, 3)) == 3


@pytest.mark.slow
@pytest.mark.skipif(not TREEBANK.is_dir(), reason="the treebank of ../shared/data is not here")
def test_tags_of_single_tokens_help_on_a_real_treebank(tmp_path):
    """Beside sentences that are tagged as a whole, as many tags of single tokens of the others."""
    for split, name in (("train", "train"), ("test", "dev")):
        path = TREEBANK / f"{split}.conllu"
        docs = find_reader(path, split, "auto", ReadOptions())(path, "sl", ReadOptions()).docs
        DocBin(docs=docs).to_disk(tmp_path / f"{name}.spacy")
    found = partial_tags(tmp_path, 2000)
    assert found["sentences_and_tokens"][1] > found["sentences"][1] + 2


@pytest.mark.slow
def test_a_queue_for_review(tmp_path):
    nlp = make_pipeline("crf_ner")
    train(nlp, make_examples(nlp), steps=30)
    nlp.rename_pipe("pipe", "ner")
    nlp.to_disk(tmp_path / "model")
    texts = ["Ada Lovelace lives in London .", "", "Paris calls Ada ."]
    (tmp_path / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
    known = {"xx_skd": "model", "--below 0.9": "--below 1.1"}
    (output,) = commands("review_queue", tmp_path, **known)
    found = list(srsly.read_jsonl(tmp_path / "review.jsonl"))
    assert output.startswith(f"{len(found)} entities") and len(found) >= 3
    probabilities = [entry["probability"] for entry in found]
    assert probabilities == sorted(probabilities)
    (ada,) = [e for e in found if e["text"] == texts[0] and e["label"] == "PER"]
    assert texts[0][ada["start"] : ada["end"]] == "Ada Lovelace" and len(ada["others"]) == 3
