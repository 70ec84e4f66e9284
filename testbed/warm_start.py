"""Python programs whose imports are made already: a process that made them forks for each start, on Linux.

The operator's imports take more than a second of CPU, which hundreds of tests would pay again and again; the stand-in's
take half of one. What is forked is a child of who asked for it, in a session of its own, and is killed when that one
dies.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
LINUX = platform.system() == "Linux"
COMMANDS = ("status", "rotate", "suspend", "client_secrets", "check", "run")
"""The operator's, each of which imports what it needs when it is chosen."""
MODULES = {
    "adobe_ims_operator": ("adobe_ims_operator.__main__", *(f"adobe_ims_operator.cli.{each}" for each in COMMANDS)),
    "testbed.clocked_operator": ("testbed.clocked_operator",),
    "adobe_ims_stand_in": ("adobe_ims_stand_in.__main__", "adobe_ims_stand_in.certificates"),
}
"""What can be started: the module whose `main` it runs, and those that this one imports when it runs."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
MOST = 2**20
"""Bytes of a request."""
_ONE_AT_A_TIME = threading.Lock()


@dataclass(slots=True)
class Forked:
    """A process that was forked, with what is used of `subprocess.Popen`."""

    pid: int
    arguments: Sequence[str]
    returncode: int | None = None
    _ended: int = field(init=False)

    def __post_init__(self) -> None:
        self._ended = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """The exit code, or minus the signal; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            TimeoutExpired: it still runs after `timeout` seconds.
        """
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.arguments), timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._ended)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    program: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdin: int | IO[bytes],
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> "Forked | subprocess.Popen[bytes]":
    """Start `python -m program` with these arguments and nothing but this environment; one of `MODULES`."""
    if not LINUX:
        command = [sys.executable, "-m", program, *arguments]
        return subprocess.Popen(
            command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
    request = {
        "program": program,
        "arguments": list(arguments),
        "environment": dict(environment),
        "folder": str(Path.cwd()),
        "parent": os.getpid(),
    }
    files = [each if isinstance(each, int) else each.fileno() for each in (stdin, stdout, stderr)]
    with _ONE_AT_A_TIME:  # else two threads could take each other's answer
        server = _server()
        socket.send_fds(server, [json.dumps(request).encode()], files)
        answer = server.recv(100)
    if not answer:
        raise RuntimeError("the process that forks has ended; look at the output of the tests")
    return Forked(int(answer), [program, *arguments])


@functools.cache
def _server() -> socket.socket:
    """The process that forks, which ends when this one does."""
    # Whose parent ends becomes a child of this process, and not of init.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "testbed.warm_start", str(its.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
    ours.settimeout(60)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> Callable[[], None] | None:
    """Fork for each request, until the other end is closed; in the child, what it is to run."""
    while True:
        content, files, _, _ = socket.recv_fds(requests, MOST, 3)
        if not content:
            return None
        request = json.loads(content)
        _import(request["program"])
        between = os.fork()
        if between == 0:
            # Who is forked by a process that ends at once is adopted by the one that asked.
            if os.fork() != 0:
                os._exit(0)
            return _become(request, files, requests)
        for file in files:
            os.close(file)
        os.waitpid(between, 0)


@functools.cache
def _import(program: str) -> None:
    for module in MODULES[program]:
        import_module(module)
    gc.freeze()


def _become(request: dict[str, object], files: Sequence[int], requests: socket.socket) -> Callable[[], None]:
    os.setsid()
    parent, adopted_by = request["parent"], time.monotonic() + 10
    while os.getppid() != parent:
        if time.monotonic() > adopted_by:
            os._exit(1)  # it ended meanwhile
        time.sleep(0.001)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    program, arguments, environment = request["program"], request["arguments"], request["environment"]
    assert isinstance(arguments, list)
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["folder"]))
    module = import_module(MODULES[str(program)][0])
    sys.argv = [str(module.__file__), *arguments]
    sys.modules["__main__"] = module  # by which click says what a person called
    command: Callable[[], None] = module.main
    requests.send(str(os.getpid()).encode())
    requests.close()
    return command


def main() -> None:
    """Serve."""
    if (command := _serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        command()


if __name__ == "__main__":
    main()
