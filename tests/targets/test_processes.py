"""Several processes at one store: two that label, and one that reads what another replaces."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_skd.errors import SkdError
from spacy_skd.targets import open_targets

from .samples import WORDS, check_targets, run_label, save_teacher

LABEL = """
import sys
from pathlib import Path
from spacy_skd import locks
from spacy_skd.errors import SkdError
from spacy_skd.targets import label

project = Path(sys.argv[1])
for line in sys.stdin:  # what to write the scores as, and how long to wait for another process
    dtype, patience = line.split()
    locks.PATIENCE = float(patience)
    try:
        folders = (project / name for name in ("corpus", "teachers", "targets"))
        settings = dict(languages=["de"], shard_size=1, batch_size=1)
        (report,) = label.label_corpus(*folders, dtype=dtype, **settings)
        print(report.status, flush=True)
    except SkdError as error:
        print(error, flush=True)
"""


@pytest.fixture
def start(project):
    """Starts a process that labels each time it is told to."""
    processes = []

    def start_one():
        command = [sys.executable, "-c", LABEL, str(project)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        processes.append(subprocess.Popen(command, text=True, bufsize=1, **pipes))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()


def tell(process, dtype, patience=0):
    process.stdin.write(f"{dtype} {patience}\n")
    process.stdin.flush()


def answer(process):
    return process.stdout.readline().strip()


def check_whole(project):
    check_targets(project, "de", "de", WORDS)
    assert sorted(os.listdir(project / "targets")) == ["de"]


def test_two_that_label(project, start):
    """One works; the other waits, or says in one line that it is being done."""
    pair = [start(), start()]
    for i in range(16):
        patience = 20 * (i // 8)
        for process in pair:  # each time there is something to do
            tell(process, ("float16", "float32")[i % 2], patience)
        answers = [answer(process) for process in pair]
        assert "labelled" in answers, answers
        other = answers[1 - answers.index("labelled")]
        assert other == "nothing changed" or (patience == 0 and "[SKD130]" in other), other
        check_whole(project)


@pytest.mark.slow
def test_many_rounds_of_two_that_label_and_are_killed(project, start):
    """Nothing that a killed process leaves keeps the next one from its work."""
    rng = random.Random(0)
    pair = [start(), start()]
    for i in range(60):
        dtype = ("float32", "float16")[i % 2]
        for process in pair:
            tell(process, dtype)
        if i % 3:
            said = [answer(process) for process in pair]
            known = ("labelled", "resumed", "nothing changed")
            assert all(line in known or "[SKD130]" in line for line in said), said
            run_label(project, languages=["de"], shard_size=1, dtype=dtype)
            check_whole(project)
        else:
            time.sleep(rng.random() * 0.15)
            which = rng.randrange(2)
            pair[which].kill()
            pair[which].wait()
            answer(pair[1 - which])
            pair[which] = start()
            tell(pair[which], dtype, patience=5)  # starting takes longer than all rounds
            assert answer(pair[which]) in ("labelled", "resumed", "nothing changed")
            check_whole(project)


def read_all(project):
    """What a training would read, and by which of the teachers."""
    opened = open_targets(project / "targets")
    found = []
    for words in WORDS:
        (target,) = opened.find(Doc(Vocab(), words=words), "de")
        found.append(target)
    return [target.emissions() for target in found], {target.teacher.start[0] for target in found}


def test_what_is_read_while_it_is_replaced_is_of_one_store(project, start):
    """In no moment is there a mixture: of two stores, or of a store and none."""
    process = start()
    tell(process, "float16")
    assert answer(process) == "labelled"
    expected = {2: read_all(project)[0]}
    tell(process, "float32")
    assert answer(process) == "labelled"
    expected[4] = read_all(project)[0]
    seen = []
    for i in range(10):
        tell(process, ("float16", "float32")[i % 2])
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            emissions, teachers = read_all(project)
            (size,) = {scores.dtype.itemsize for scores in emissions}
            assert len(teachers) == 1
            for scores, right in zip(emissions, expected[size]):
                np.testing.assert_array_equal(scores, right)
            seen.append(size)
        assert answer(process) == "labelled"
    assert {2, 4} <= set(seen)


def test_what_was_opened_before_it_was_replaced_stays(project):
    run_label(project, languages=["de"], shard_size=1)
    opened = open_targets(project / "targets")
    targets = [opened.find(Doc(Vocab(), words=words), "de")[0] for words in WORDS]
    before = [target.emissions().copy() for target in targets]
    save_teacher(project / "teachers" / "de", seed=9)
    with pytest.raises(SkdError, match="SKD063"):
        open_targets(project / "targets")
    run_label(project, languages=["de"], shard_size=1)
    for target, scores in zip(targets, before):
        np.testing.assert_array_equal(target.emissions(), scores)
