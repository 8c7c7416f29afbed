import os
import time

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


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals")
def test_what_a_killed_command_had_started_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "fork.py").write_text(
        "import os, signal, subprocess\n"
        "subprocess.Popen(['sleep', '60'])\n"
        "print('begun', flush=True)\n"
        "os.write(1, b'half a line')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    lines = []
    begin = time.monotonic()
    assert LocalProcesses().run(["fork"], lines.append) == -9
    assert time.monotonic() - begin < 50
    assert lines == ["begun", "half a line"]


def test_nothing_starts_after_a_stop(tmp_path):
    processes = LocalProcesses()
    processes.stop()
    with pytest.raises(KeyboardInterrupt):
        processes.run(["this"], print)
