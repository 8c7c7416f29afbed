import io
import json
from types import SimpleNamespace

import pytest
from spacy import registry
from spacy.cli.train import train

from spacy_skd.errors import SkdError
from spacy_skd.training.logger import make_language_logger

from ..cli.conftest import config, corpus  # noqa: F401

LANGUAGES = ["en", "fa", "fr", "he", "id", "ja", "sl", "ta"]


def fake_pipeline(*pipes, **score_weights):
    """As much of a pipeline as a logger sees."""
    training = {"max_steps": 100, "eval_frequency": 10, "score_weights": score_weights}
    return SimpleNamespace(pipeline=list(pipes), config={"training": training})


def component(**attributes):
    return SimpleNamespace(is_trainable=True, **attributes)


def info(step, scores, **losses):
    return {
        "epoch": 0,
        "step": step,
        "score": 0.5,
        "other_scores": scores,
        "losses": losses,
        "seconds": step,
    }


def log(nlp, *infos, **settings):
    stdout, stderr = io.StringIO(), io.StringIO()
    log_step, finalize = make_language_logger(**settings)(nlp, stdout, stderr)
    for one in infos:
        log_step(one)
    finalize()
    return stdout.getvalue().splitlines()


def test_eight_languages_fit_the_screen_in_aligned_columns():
    scores = {f"tag_acc_{language}": 0.9876 for language in LANGUAGES}
    scores.update(tag_acc=0.5, tag_acc_macro=1.0)
    pipes = [("tok2vec", component(listeners=[])), ("tagger", component(kd_weight=0.75))]
    nlp = fake_pipeline(*pipes, tag_acc=1.0, tag_acc_macro=0.0, tag_p=0.0, tag_micro=None)
    lines = log(nlp, info(0, scores, tok2vec=3.0, tagger=12.5), None, info(10, scores, tagger=1))
    titles = ["E", "#", "LOSS", "TAGGER", "KD", "TAG_ACC"]
    titles += [language.upper() for language in LANGUAGES] + ["MACRO", "SCORE"]
    assert lines[0].split() == titles
    assert lines[2].split() == (
        ["0", "0", "12.50", "0.75", "50.00"] + ["98.76"] * 8 + ["100.00", "50.00"]
    )
    assert len(lines) == 4
    assert {len(line) for line in lines} == {len(lines[0])} and len(lines[0]) <= 120


def test_languages_are_those_of_the_first_evaluation():
    nlp = fake_pipeline(("ner", component(kd_weight=None)), ents_f=1.0)
    scores = {"ents_f": 0.5, "ents_f_de": 0.4, "ents_f_en": 0.6, "ents_f_macro": 0.5}
    lines = log(nlp, info(0, scores, ner=1), info(10, {"ents_f": 0.1, "ents_f_de": 0.2}, ner=1))
    assert lines[0].split() == ["E", "#", "LOSS", "NER", "ENTS_F", "DE", "EN", "MACRO", "SCORE"]
    assert lines[3].split() == ["0", "10", "1.00", "10.00", "20.00", "-", "-", "50.00"]


def test_one_language_has_no_columns_of_its_own():
    nlp = fake_pipeline(("ner", component()), ents_f=1.0, ents_p=0.0, speed=0.1)
    scores = {"ents_f": 0.5, "ents_f_de": 0.5, "ents_f_macro": 0.5, "speed": 1234.0}
    lines = log(nlp, info(0, scores, ner=1))
    assert lines[0].split() == ["E", "#", "LOSS", "NER", "ENTS_F", "SPEED", "SCORE"]
    assert lines[2].split() == ["0", "0", "1.00", "50.00", "1234.00", "50.00"]


def test_two_components_are_told_apart():
    scores = {"ents_f_de": 0.1, "ents_f_en": 0.2, "ents_f_macro": 0.3}
    scores.update({"pos_acc_de": 0.4, "pos_acc_en": 0.5, "pos_acc_macro": 0.6})
    lines = log(fake_pipeline(("ner", component()), ents_f_macro=1.0), info(0, scores, ner=1))
    for title in ("ENTS DE", "ENTS EN", "ENTS MACRO", "POS DE", "POS EN", "POS MACRO"):
        assert lines[0].count(title) == 1


def test_log_file_is_written_beside_and_replaces_the_last(tmp_path):
    path = tmp_path / "logs" / "train.jsonl"
    nlp = fake_pipeline(("ner", component(kd_weight=0.5)), ents_f=1.0)
    scores = {"ents_f": 0.5, "ents_f_de": 0.5, "ents_per_type": {}}
    for loss in (1.0, 2.0):
        log(nlp, info(0, scores, ner=loss), info(10, scores, ner=loss), output_file=str(path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines] == [0, 10]
    assert lines[0]["losses"] == {"ner": 2.0} and lines[0]["kd_weight"] == 0.5
    assert lines[0]["scores"] == {"ents_f": 0.5, "ents_f_de": 0.5}
    assert [child.name for child in path.parent.iterdir()] == ["train.jsonl"]


@pytest.mark.parametrize("kind", ["train", "eval"])
def test_progress_bar(kind, monkeypatch):
    stderr = io.StringIO()
    monkeypatch.setattr(stderr, "isatty", lambda: True, raising=False)
    nlp = fake_pipeline(("ner", component()), ents_f=1.0)
    log_step, finalize = make_language_logger(progress_bar=kind)(nlp, io.StringIO(), stderr)
    log_step(info(20, {"ents_f": 0.5}, ner=1))
    finalize()
    assert ("20/100" if kind == "train" else "0/10") in stderr.getvalue()


def test_unknown_progress_bar():
    with pytest.raises(SkdError, match="SKD120"):
        make_language_logger(progress_bar="both")


def test_registered():
    block = {"@loggers": "spacy-skd.LanguageLogger.v1", "progress_bar": "eval"}
    assert callable(registry.resolve({"logger": block})["logger"])


def test_spacy_train_prints_the_languages(corpus, config, tmp_path, capsys):  # noqa: F811
    overrides = {"paths.corpus": str(corpus), "training.max_steps": 10}
    train(config, tmp_path / "model", overrides=overrides)
    header = next(line for line in capsys.readouterr().out.splitlines() if " SCORE" in line)
    for title in ("LOSS NER", "ENTS DE", "ENTS EN", "ENTS MACRO", "TAG DE", "TAG EN"):
        assert title in header


def test_a_log_that_cannot_be_written_is_told_before_the_training(tmp_path):
    scores = {"ents_f": 0.5}
    (tmp_path / "file").touch()
    for name in (".", "file/log.jsonl", "x" * 300):
        with pytest.raises(SkdError, match="SKD140"):
            log(fake_pipeline(ents_f=1.0), info(0, scores), output_file=str(tmp_path / name))


def test_a_disk_that_is_full_is_one_line(tmp_path, monkeypatch):
    log_step, _ = make_language_logger(output_file=str(tmp_path / "log"))(
        fake_pipeline(ents_f=1.0), io.StringIO(), io.StringIO()
    )

    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    log_file = log_step.__self__.log
    log_file.stream.close()
    monkeypatch.setattr(log_file, "stream", Full())
    with pytest.raises(SkdError, match="SKD140.*log.*No space left"):
        log_step(info(0, {"ents_f": 0.5}))
