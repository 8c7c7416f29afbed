"""Several teachers of a language, from the label command to what the student learns from."""

import shutil

import numpy as np
import pytest
import spacy
from spacy.training import Example

from spacy_skd.crf import Potentials, marginals
from spacy_skd.ensembles import make_members
from spacy_skd.errors import SkdError
from spacy_skd.objectives import make_distillation
from spacy_skd.targets import open_targets
from spacy_skd.targets.folders import remove
from spacy_skd.training.reader import make_multilingual_corpus

from ..conftest import SENTENCES, make_pipeline, reference_doc
from .samples import WORDS, initialize, run_label, save_docs, save_teacher

TEXT = [["More", "London"], ["Nobody", "lives", "in", "it"], WORDS[1]]
# Blocks of the five different sentences of WORDS; WORDS[:2] come again at the end of train.
FOLDS = {2: ([0, 1, 2], [3, 4]), 4: ([0, 1], [2], [3], [4])}


@pytest.fixture
def project(tmp_path):
    save_docs(tmp_path / "corpus" / "de" / "train.spacy", WORDS + WORDS[:2])
    save_docs(tmp_path / "corpus" / "de" / "unlabelled" / "00000.spacy", TEXT)
    return tmp_path


def save_members(project, folds, seeds=()):
    """Teachers of random weights, each of others; their names by the fold that they did not see."""
    shutil.rmtree(project / "teachers", ignore_errors=True)
    names = {}
    for i, member in enumerate(make_members(folds, seeds)):
        name, fold = member.name("de"), member.held_out
        held_out = None if fold is None else str(fold)
        save_teacher(project / "teachers" / name / "model-best", seed=i, held_out=held_out)
        names.setdefault(None if fold is None else fold.number, []).append(name)
    return names


def moments_of(project, name, words):
    """What a teacher thinks of a sentence: its marginals, under the constraints of its scheme."""
    nlp = spacy.load(project / "teachers" / name / "model-best")
    pipe = nlp.get_pipe("pipe")
    doc = spacy.tokens.Doc(nlp.vocab, words=words)
    # Stored as float16.
    unary = pipe.score_docs([doc])[0].astype(np.float16).astype(np.float32)
    chain = (pipe.teacher.transitions, pipe.teacher.start, pipe.teacher.end)
    return marginals(pipe.constrained(Potentials(unary, [len(doc)], *chain), [doc]))


@pytest.fixture
def student():
    """What the component makes of soft targets."""
    nlp = make_pipeline("crf_ner")
    initialize(nlp, "pipe", 99)
    pipe = nlp.get_pipe("pipe")
    pipe.distillation = make_distillation("structural")

    def knowledge_of(example):
        scores = pipe.model.predict([example.predicted])
        return pipe._stored_knowledge([example], pipe.constrained(scores, [example.predicted]))

    return nlp, knowledge_of


@pytest.mark.parametrize("folds,seeds", [(4, ()), (2, (0, 5)), (0, (0, 1, 2))])
def test_a_sentence_is_taught_by_those_who_have_not_seen_it(project, student, folds, seeds):
    names = save_members(project, folds, seeds)
    everyone = [name for members in names.values() for name in members]
    reports = run_label(project)
    assert sorted(report.name for report in reports) == sorted(everyone)
    assert {path.name for path in (project / "targets").iterdir()} == set(everyone)
    expected = {tuple(words): everyone for words in TEXT[:2]}
    for number, members in names.items():
        indices = range(5) if number is None else FOLDS[folds][number - 1]
        expected.update({tuple(WORDS[i]): members for i in indices})
    nlp, knowledge_of = student
    reader = make_multilingual_corpus(
        project / "corpus", targets=project / "targets", unlabelled_ratio=3 / 7
    )
    seen = set()
    for example in reader(nlp):
        words = tuple(token.text for token in example.reference)
        teachers = [moments_of(project, name, words) for name in expected[words]]
        knowledge = knowledge_of(example)
        assert knowledge.taught.tolist() == [len(teachers)]
        for attribute in ("unary", "transitions"):
            mean = np.mean([np.asarray(getattr(t, attribute)) for t in teachers], axis=0)
            found = np.asarray(getattr(knowledge.moments, attribute))
            np.testing.assert_allclose(found, mean, rtol=1e-4, atol=1e-6)
        seen.add(words)
    assert seen == set(expected)


def test_other_teachers_take_the_place_of_those_before(project):
    save_members(project, 0)
    run_label(project)
    assert [path.name for path in (project / "targets").iterdir()] == ["de"]
    save_members(project, 2)
    killed = project / "targets" / "de.fold-1-of-9.partial"
    killed.mkdir()
    (killed / "shards.jsonl").touch()
    run_label(project)
    names = {"de.fold-1-of-2", "de.fold-2-of-2"}
    assert {path.name for path in (project / "targets").iterdir()} == names
    assert [report.status for report in run_label(project)] == ["nothing changed"] * 2
    save_members(project, 0, [3])
    run_label(project)
    assert [path.name for path in (project / "targets").iterdir()] == ["de.seed-3"]


def test_what_is_no_store_is_not_removed(project):
    save_members(project, 2)
    mine = project / "targets" / "de" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(SkdError, match="SKD066.*targets/de"):
        run_label(project)
    assert mine.read_text() == "mine"


def test_a_language_is_not_another_that_begins_alike(project):
    save_members(project, 0)
    shutil.copytree(project / "corpus" / "de", project / "corpus" / "de-AT")
    shutil.copytree(project / "teachers" / "de", project / "teachers" / "de-AT")
    run_label(project)
    run_label(project, languages=["de"])
    assert {path.name for path in (project / "targets").iterdir()} == {"de", "de-AT"}


@pytest.mark.parametrize("folds,seeds", [(4, ()), (2, (0, 5))])
def test_a_store_that_is_missing_is_noticed(project, student, folds, seeds):
    save_members(project, folds, seeds)
    run_label(project)
    nlp, _ = student
    stores = sorted((project / "targets").iterdir())
    remove(stores[0])
    reader = make_multilingual_corpus(project / "corpus", targets=project / "targets")
    if seeds:  # the other teacher of the fold is left
        assert len(list(reader(nlp))) == 7
        return
    with pytest.raises(SkdError, match="SKD061.*Ada Lovelace"):
        reader(nlp)


def test_a_sentence_that_only_some_of_a_folds_teachers_know_is_an_error(project):
    save_members(project, 2, (0, 5))
    run_label(project)
    # seed 5 was labelled when the first fold was another
    save_docs(project / "corpus" / "de" / "train.spacy", [["New"], *WORDS])
    moved = project / "kept"
    for store in sorted((project / "targets").glob("de.seed-5*")):
        moved.mkdir(exist_ok=True)
        store.rename(moved / store.name)
    run_label(project)
    for store in moved.iterdir():
        remove(project / "targets" / store.name)
        store.rename(project / "targets" / store.name)
    targets = open_targets(project / "targets")
    nlp = spacy.blank("xx")
    with pytest.raises(SkdError, match='SKD061.*"New"'):
        targets.find(spacy.tokens.Doc(nlp.vocab, words=["New"]), "de")


def test_folds_of_more_than_there_are_sentences(project):
    save_members(project, 9)
    with pytest.raises(SkdError, match=r"SKD221.*9 folds of 5 .*\(de\)"):
        run_label(project)


def test_a_fold_without_a_teacher_is_told_before_the_work(project):
    names = save_members(project, 2, (0, 5))
    shutil.rmtree(project / "teachers" / names[2][0])
    assert len(run_label(project)) == 3  # another has not seen the fold either
    shutil.rmtree(project / "targets")
    (project / "teachers" / names[2][1] / "model-best" / "config.cfg").unlink()
    with pytest.raises(SkdError, match="SKD225.*'de'.*fold 2/2"):
        run_label(project)
    assert not (project / "targets").exists()
    # Text that nobody was trained on can be labelled by whoever is there.
    assert len(run_label(project, splits=["unlabelled"])) == 2


def test_gold_is_learned_beside_the_targets(project, student):
    """A whole step with a labelled sentence of a fold and an unlabelled one of all teachers."""
    save_members(project, 4)
    run_label(project)
    nlp, _ = student
    targets = open_targets(project / "targets")
    references = [reference_doc(nlp.vocab, *SENTENCES[0]), reference_doc(nlp.vocab, TEXT[0])]
    for doc in references:
        doc.user_data["soft_targets"] = targets.find(doc, "de")
    assert [len(doc.user_data["soft_targets"]) for doc in references] == [1, 4]
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in references]
    examples = [
        Example(spacy.tokens.Doc(nlp.vocab, words=[t.text for t in e.reference]), e.reference)
        for e in examples
    ]
    before = nlp.get_pipe("pipe").model.get_param("transitions").copy()
    losses = nlp.update(examples, sgd=nlp.create_optimizer())
    assert np.isfinite(losses["pipe"])
    assert not np.allclose(before, nlp.get_pipe("pipe").model.get_param("transitions"))
