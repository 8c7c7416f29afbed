import pytest

from spacy_skd.work.processes import LocalProcesses


def test_commands_are_carried_out_with_their_output_and_exit_code(tmp_path, monkeypatch):
    (tmp_path / "talk.py").write_text(
        "import sys\n"
        "print(sys.argv[1:], sys.stdin.read() == '', flush=True)\n"
        "print('wrong', file=sys.stderr)\n"
        "sys.exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    lines = []
    assert LocalProcesses().run(["talk", "--a", "b c"], lines.append) == 3
    assert lines == ["['--a', 'b c'] True", "wrong"]


def test_nothing_starts_after_a_stop(tmp_path):
    processes = LocalProcesses()
    processes.stop()
    with pytest.raises(KeyboardInterrupt):
        processes.run(["this"], print)
