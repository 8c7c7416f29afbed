"""Python processes that have imported spaCy before they begin: most of what tests start would be
torch, which spaCy imports.

A server imports spaCy, nothing of ours, and becomes, for each process that is wanted, two: one that
runs the module and one that watches it. What is started in their place is a script of a few lines,
a client, which hands them its files, folder, variables and arguments, passes signals on and ends as
they do; if it is killed, so are they. What asks for anything but `-m spacy ...` or a training, or
for another way of running Python, gets Python.
"""

import atexit
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

MODULES = ("spacy", "spacy_skd.lifeline")
# That only change how output is written, and what trainings have, as the server does. Others, such
# as PYTHONPATH, are for a Python that starts.
HASHES = "PYTHONHASHSEED=0"
HARMLESS = ("PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE")

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys

words = sys.argv[1:]
variables = [pair for pair in os.environ.items() if pair[0].startswith("PYTHON")]
others = [pair for pair in variables if pair[0] not in {harmless} and "=".join(pair) != {hashes!r}]
server = socket.socket(socket.AF_UNIX)
if others or words[:1] != ["-m"] or words[1] not in {modules} or server.connect_ex({address!r}):
    os.execv({python!r}, [{python!r}, *words])
asked = json.dumps([words[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(asked).to_bytes(8, "big")], [0, 1, 2])
server.sendall(asked)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: server.sendall(bytes([number])))
for fd in (0, 1, 2):
    os.close(fd)
code = int.from_bytes(server.recv(8), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""


def start(folder: Path) -> "tuple[Path, subprocess.Popen[bytes]]":
    """The client, as the path of a Python, and the server, which ends when its input is closed."""
    address, client = folder / "socket", folder / "python"
    server = subprocess.Popen(
        [sys.executable, __file__, str(address), str(client)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **dict([HASHES.split("=")])},
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    values = {"python": sys.executable, "address": str(address)}
    constants = {"harmless": HARMLESS, "hashes": HASHES, "modules": MODULES}
    client.write_text(CLIENT.format(**values, **constants), encoding="utf-8")
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    return client, server


def serve(address: str, client: str) -> "list[str]":
    """Waits for clients; returns, as a process of its own, the arguments of each."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener.fileno(), 0], [], [])
        if 0 in ready:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        size, fds, _, _ = socket.recv_fds(connection, 8, 3)
        asked = b""
        while rest := int.from_bytes(size, "big") - len(asked):
            asked += connection.recv(rest) or os._exit(0)  # the client is gone
        words, folder, variables = json.loads(asked)
        child = os.fork()
        if child:
            for fd in fds:
                os.close(fd)
            with suppress(OSError):  # the child may have done so, and have ended
                os.setpgid(child, child)
            watch(child, connection)
        connection.close()
        become(fds, folder, variables, client)
        return words


def watch(child: int, connection: socket.socket) -> None:
    """Pass on signals until the child ends or the client is gone."""
    ended = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([ended, connection.fileno()], [], [])
        if ended in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with suppress(BrokenPipeError):
                connection.sendall(code.to_bytes(8, "big", signed=True))
            os._exit(0)
        numbers = connection.recv(16)
        if not numbers:
            os.killpg(child, signal.SIGKILL)
            os._exit(0)
        for number in numbers:
            os.kill(child, number)


def become(fds: "list[int]", folder: str, variables: "dict[str, str]", client: str) -> None:
    """As a process that has just been started with these."""
    os.setpgid(0, 0)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    encoding = variables.get("PYTHONIOENCODING") or sys.stdout.encoding
    unbuffered = "PYTHONUNBUFFERED" in variables
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding)
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        file = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(number, "w", closefd=False)),
            encoding,
            errors,
            line_buffering=unbuffered or name == "stderr" or os.isatty(number),
            write_through=unbuffered,
        )
        setattr(sys, name, file)
    sys.executable = client
    sys.path[0] = folder


def run(module: str) -> int:
    """As `python -m` does; returns what it ends with."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, (int, type(None))):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(*sys.exc_info())
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def end(code: int) -> None:
    """All that is done at the end but taking apart what was imported, which takes a second."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):
            file.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    import spacy.cli  # noqa: F401  and with it torch, where that is installed

    gc.freeze()  # what nobody touches stays in the memory that all share
    module, *arguments = serve(*sys.argv[1:])
    sys.argv = [module, *arguments]
    end(run(module))
