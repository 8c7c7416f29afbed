"""Stores, teachers and corpora small enough to be made in each test."""

import numpy as np
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_skd.targets import TargetWriter, open_targets
from spacy_skd.targets.fingerprints import sentence_fingerprint
from spacy_skd.targets.label import label_corpus
from spacy_skd.targets.meta import Origin, Plan
from spacy_skd.transfer import Teacher

from ..conftest import SENTENCES, make_examples, make_pipeline

VOCAB = Vocab()
TAGS = ("O", "B-PER", "I-PER", "L-PER", "U-PER")


def make_doc(words, spaces=None):
    return Doc(VOCAB, words=words, spaces=spaces)


def numbered_docs(n, start=0):
    return [make_doc(["sentence", str(i)] + ["x"] * (i % 4)) for i in range(start, start + n)]


def make_teacher(rng=None):
    rng = rng or np.random.default_rng(0)
    size = len(TAGS)
    chain = (rng.normal(size=shape).astype(np.float32) for shape in ((size, size), size, size))
    return Teacher(TAGS, "BILOU", *chain)


def make_plan(**changes):
    teacher = Origin(path="../nowhere", fingerprint="0", files={})
    plan = {"lang": "de", "teacher": teacher, "corpus": "0", "splits": ["train"]}
    return Plan(**{**plan, "dtype": "float16", "shard_size": 4, **changes})


def scores_of(doc, seed=0):
    rng = np.random.default_rng([seed, sentence_fingerprint(doc) % 2**32])
    return rng.normal(scale=5, size=(len(doc), len(TAGS))).astype(np.float32)


def write_store(path, docs, scores=scores_of, teacher=None, **plan):
    writer = TargetWriter(path, make_plan(**plan), teacher or make_teacher())
    writer.write(docs, lambda part: map(scores, part))
    writer.finish()


def save_teacher(path, factory="crf_ner", seed=0, held_out=None):
    """A pipeline with random weights: quick to make, and different for every sentence."""
    nlp = make_pipeline(factory)
    initialize(nlp, "pipe", seed)
    reader = {"@readers": "spacy-skd.MultilingualCorpus.v1", "path": None, "held_out": held_out}
    nlp.config["corpora"] = {"train": reader}
    path.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(path)
    return nlp


def initialize(nlp, name, seed):
    nlp.initialize(lambda: make_examples(nlp))
    rng = np.random.default_rng(seed)
    model = nlp.get_pipe(name).model
    for node, params in ((model.layers[-1], ("W", "b")), (model, ("transitions", "start", "end"))):
        for param in params:
            shape = node.get_param(param).shape
            node.set_param(param, rng.normal(size=shape).astype(np.float32))


def save_docs(path, sentences):
    path.parent.mkdir(parents=True, exist_ok=True)
    docs = [Doc(VOCAB, words=words) for words in sentences]
    DocBin(docs=docs, store_user_data=True).to_disk(path)


WORDS = [words for words, _ in SENTENCES]


def run_label(project, **settings):
    folders = (project / name for name in ("corpus", "teachers", "targets"))
    return label_corpus(*folders, **settings)


def check_targets(project, lang, teacher, sentences):
    """The store holds what the teacher says of just these sentences."""
    nlp = spacy.load(project / "teachers" / teacher)
    docs = [Doc(nlp.vocab, words=words) for words in sentences]
    for _, component in nlp.pipeline[:-1]:
        docs = [component(doc) for doc in docs]
    pipe = nlp.pipeline[-1][1]
    opened = open_targets(project / "targets")
    for doc, scores in zip(docs, pipe.score_docs(docs)):
        (target,) = opened.find(doc, lang)
        np.testing.assert_allclose(target.emissions(), scores, rtol=1e-3, atol=1e-4)
    assert target.teacher.tags == pipe.tags
    np.testing.assert_array_equal(target.teacher.transitions, pipe.teacher.transitions)
    np.testing.assert_array_equal(target.teacher.start, pipe.teacher.start)
    assert sum(len(store) for store in opened.stores[lang]) == len(sentences)
