"""What the system says of files, disks and memory is one line, whatever the command."""

import errno
import re

import pytest

from spacy_skd.cli._app import check_gpu, describe, use_gpu
from spacy_skd.errors import SkdError


@pytest.mark.parametrize(
    "error, text",
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "'a': Permission denied"),
        (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), "'a' and 'b': Invalid link"),
        (OSError("of a\n library"), "of a library"),
        (OSError(), "OSError"),
    ],
)
def test_errors_of_the_system_in_one_line(error, text):
    assert describe(error) == text


@pytest.mark.parametrize(
    "error, code", [(OSError(errno.ENOSPC, "No space left"), "SKD135"), (MemoryError(), "SKD136")]
)
def test_wherever_they_come_from(fails, corpus, monkeypatch, error, code):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("spacy_skd.targets.label.label_corpus", fail)
    line = fails("label", corpus)
    assert code in line


def test_outputs_that_cannot_be(fails, corpus, config, tmp_path):
    (tmp_path / "file").touch()
    raw = tmp_path / "raw" / "de" / "train.iob2"
    raw.parent.mkdir(parents=True)
    raw.write_text("Bonn\tB-LOC\n\nKiel\tB-LOC\n")
    for output in ("file/below", "x" * 300):
        assert "SKD135" in fails("teachers", corpus, "--config", config, "--output", output)
        assert re.search(r"SKD\d+", fails("convert", "raw", output))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.cfg",
        "corpus",
        "file",
        "raw",
    ]


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr("spacy_skd.cli._app.has_cupy_gpu", False)
    monkeypatch.setattr("spacy_skd.cli._app.has_torch_mps_gpu", False)
    check_gpu(-1)
    for use in (check_gpu, use_gpu):
        with pytest.raises(SkdError, match=r"SKD137.*--gpu-id 0"):
            use(0)


def test_a_gpu_with_another_number(monkeypatch):
    def fail(gpu_id, silent):
        raise RuntimeError("cudaErrorInvalidDevice:\n invalid device ordinal")

    monkeypatch.setattr("spacy_skd.cli._app.has_cupy_gpu", True)
    monkeypatch.setattr("spacy_skd.cli._app.setup_gpu", fail)
    with pytest.raises(SkdError, match="SKD137.*7.*cudaErrorInvalidDevice: invalid device"):
        use_gpu(7)
