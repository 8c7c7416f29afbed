import warnings

import pytest
import spacy
import srsly
from thinc.api import Adam

from spacy_skd.errors import SkdError, Warnings
from spacy_skd.training import execution, reader
from spacy_skd.training.checkpoints import Checkpoint, Progress
from spacy_skd.training.execution import (
    TABLE_LINE,
    Show,
    best_score,
    error_line,
    train,
    train_all,
)
from spacy_skd.training.runs import BEST, MEMORY, Run

CONFIG = """
[training]

[training.logger]
@loggers = "spacy.ConsoleLogger.v1"
"""


@pytest.mark.parametrize(
    "line,step",
    [
        ("  E       #  LOSS NER  ENTS_F   SCORE", None),
        ("---  ------  --------  ------  ------", None),
        ("  0       0      9.33    0.00    0.00", "0"),
        (" 12    3400      9.33    0.00    0.00", "3400"),
    ],
)
def test_table_lines(line, step):
    assert TABLE_LINE.match(line)["step"] == step


@pytest.mark.parametrize(
    "line",
    ["ℹ Pipeline: ['ner']", "======= Training =======", "", "E", "2024 12 documents were read"],
)
def test_other_lines(line):
    assert not TABLE_LINE.match(line)


@pytest.mark.parametrize(
    "output,returncode,expected",
    [
        (["info", "Error: [SKD040] Component 'ner' found no label."], 1, "Error: [SKD040] Comp"),
        (
            ["Traceback", "  File", "ValueError: [E1] A long", "message", ""],
            1,
            "ValueError: [E1] A",
        ),
        (
            ["✘ Config validation error", "training -> x", "  bad"],
            1,
            "✘ Config validation error tra",
        ),
        (["no module named spacy"], 1, "no module named spacy"),
        (["  0   0   1.0"], -9, "ended with exit code -9"),
        ([], 3, "ended with exit code 3"),
    ],
)
def test_error_line(output, returncode, expected):
    line = error_line(output, returncode)
    assert line.startswith(expected) and "\n" not in line


@pytest.mark.parametrize(
    "performance,metric",
    [
        ({"tag_acc": 0.0, "pos_acc": 0.9, "pos_acc_macro": 0.9}, "pos_acc"),
        ({"ents_f": 0.5, "tag_acc": 0.7}, "ents_f"),
        ({"ents_f": 0.0}, "ents_f"),
        ({}, None),
    ],
)
def test_best_score_is_one_that_was_measured(tmp_path, performance, metric):
    srsly.write_json(tmp_path / "meta.json", {"performance": performance})
    assert best_score(tmp_path) == {"metric": metric, "score": performance.get(metric)}


class Warned:
    """Says what our reader does of a language, and fails."""

    def carry_out(self, task, on_line):
        message = Warnings.W060.format(path="targets", languages="sl")
        said = warnings.formatwarning(message, UserWarning, reader.__file__, 1)
        for line in ["something else", *said.splitlines()]:
            on_line(line)
        return 1


def test_what_the_reader_says_of_the_data_is_shown(tmp_path, capsys):
    (tmp_path / "config.cfg").write_text(CONFIG, encoding="utf-8")
    run = Run("all", tmp_path / "all", tmp_path / "config.cfg")
    train(run, Warned(), Show(True, False), -1)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("[all] [W060] 'targets' has no targets of sl:")


class Trained:
    """Does as a training that comes to its end."""

    def __init__(self, run):
        self.run = run

    def carry_out(self, task, on_line):
        (self.run.made.unfinished / BEST).mkdir()
        srsly.write_json(self.run.made.unfinished / BEST / "meta.json", {})
        (self.run.made.unfinished / MEMORY).write_text("1", encoding="ascii")
        state = Checkpoint(self.run.made.unfinished, self.run.fingerprint())
        state.save(spacy.blank("xx"), Adam(0.1), Progress(steps=1))
        return 0


def test_what_cannot_be_put_in_its_place_has_failed_and_can_be_gone_on_with(tmp_path):
    (tmp_path / "config.cfg").write_text(CONFIG, encoding="utf-8")
    run = Run("de", tmp_path / "de", tmp_path / "config.cfg")
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "thesis.tex").write_text("mine", encoding="utf-8")
    report = train(run, Trained(run), Show(False, False), -1)
    assert report.status == "failed" and "SKD133" in report.error
    run.clear()
    assert Checkpoint(run.made.unfinished, run.fingerprint()).found()


def test_data_that_are_away_when_a_training_ends_leave_the_others_alone(tmp_path, monkeypatch):
    (tmp_path / "config.cfg").write_text(CONFIG, encoding="utf-8")
    runs = [Run(name, tmp_path / name, tmp_path / "config.cfg") for name in ("de", "en")]
    told = Run.inputs

    def inputs(run):
        if run.name == "de" and (run.made.unfinished / BEST).exists():
            raise SkdError("train.spacy is missing")
        return told(run)

    class Both:
        def __init__(self, threads):
            pass

        def carry_out(self, task, on_line):
            (run,) = [run for run in runs if run.name == task.name]
            (run.made.unfinished / BEST).mkdir(parents=True)
            srsly.write_json(run.made.unfinished / BEST / "meta.json", {})
            (run.made.unfinished / MEMORY).write_text("1", encoding="ascii")
            return 0

        def stop(self):
            pass

    monkeypatch.setattr(Run, "inputs", inputs)
    monkeypatch.setattr(execution, "LocalProcesses", Both)
    reports = train_all(runs, Show(True, False), None, -1)
    found = {report.name: (report.status, report.error) for report in reports}
    assert found == {"de": ("failed", "train.spacy is missing"), "en": ("trained", None)}


def test_what_was_changed_meanwhile_is_named_and_may_be_put_back(tmp_path):
    config = CONFIG + '\n[initialize]\nvocab_data = "words.jsonl"\n'
    (tmp_path / "config.cfg").write_text(config, encoding="utf-8")
    words = tmp_path / "words.jsonl"
    words.write_text("[]", encoding="utf-8")
    settings = {"initialize.vocab_data": str(words)}
    run = Run("de", tmp_path / "de", tmp_path / "config.cfg", settings)

    class Changed(Trained):
        def carry_out(self, task, on_line):
            code = super().carry_out(task, on_line)
            words.write_text("[1]", encoding="utf-8")
            return code

    report = train(run, Changed(run), Show(False, False), -1)
    assert report.status == "failed" and "'initialize.vocab_data' was changed" in report.error
    run.clear()
    words.write_text("[]", encoding="utf-8")
    assert Checkpoint(run.made.unfinished, run.fingerprint()).found()


def test_that_a_training_of_something_else_is_replaced_is_said(tmp_path, capsys):
    (tmp_path / "config.cfg").write_text(CONFIG, encoding="utf-8")
    run = Run("de", tmp_path / "de", tmp_path / "config.cfg")
    run.made.unfinished.mkdir()
    state = Checkpoint(run.made.unfinished, "f")
    state.save(spacy.blank("xx"), Adam(0.1), Progress(steps=401))
    assert train(run, Trained(run), Show(True, False), -1).status == "trained"
    assert "[de] an unfinished training of other settings" in capsys.readouterr().out
    assert train(run, Trained(run), Show(True, False), -1).status == "trained"
    assert not capsys.readouterr().out
