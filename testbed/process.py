"""A server process that is ours: started apart from the terminal, ended for sure, never mistaken.

It knows nothing of Kubernetes. Two kinds: a bound one dies with the thread that started it, even by kill -9;
a detached one outlives it and is found again later by its record (pid and command line).
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 20
# Long enough to answer what was asked. kube-apiserver would go on for a minute while anyone watches.
TERM_SECONDS = 1.0
LINUX = platform.system() == "Linux"

# Asks Linux for SIGKILL when the parent dies, then becomes the command. Not a preexec_fn: that runs Python
# between fork and exec, which can deadlock when the parent has threads. 1 is PR_SET_PDEATHSIG; the parent may
# have died before it was set.
BOUND = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class ProcessDiedError(Exception):
    """A process ended, or was not ready in time; the message has the tail of its log."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is needed to find a detached process again: a bare pid may since be someone else's."""

    pid: int
    command: list[str]

    def is_running(self) -> bool:
        return _runs(self.pid, self.command)

    def stop(self) -> bool:
        """End it if it still runs; False if it did not."""
        if not self.is_running():
            return False
        _end(self.pid, self.is_running)
        return True


@dataclass(slots=True)
class Process:
    """One run of `command`, its output appended to `log`."""

    name: str
    command: Sequence[str]
    log: Path
    _popen: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, name: str, command: Sequence[str], log: Path, *, detached: bool = False) -> "Process":
        # Bound or not, a session of its own: Ctrl-C reaches only the parent, which stops things in order.
        bind = [] if detached or not LINUX else _bound()
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [*bind, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, command, log, popen)

    @property
    def record(self) -> Record:
        return Record(self._popen.pid, list(self.command))

    def wait_ready(self, probe: Callable[[], bool], timeout: float) -> None:
        """Return when `probe` says yes; `timeout` is in seconds. Raises ProcessDiedError."""
        deadline = time.monotonic() + timeout
        while not probe():
            if self._popen.poll() is not None:
                raise ProcessDiedError(self._explain(f"ended with {self._popen.returncode}"))
            if time.monotonic() > deadline:
                raise ProcessDiedError(self._explain(f"was not ready in {timeout:.0f} s"))
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def stop(self) -> None:
        _end(self._popen.pid, lambda: self._popen.poll() is None)

    def _explain(self, what: str) -> str:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
        return f"{self.name} {what}; the end of {self.log}:\n{tail}"


def write_records(folder: Path, processes: Mapping[str, Process]) -> None:
    """Keep in `folder` what `read_records` needs in another process, days later perhaps."""
    content = {name: {"pid": each.record.pid, "command": each.record.command} for name, each in processes.items()}
    written = folder / "pids.json.new"
    written.write_text(json.dumps(content))
    written.replace(folder / "pids.json")


def read_records(folder: Path) -> dict[str, Record]:
    """Return the processes that were started for `folder`, whether or not they still run."""
    pids = folder / "pids.json"
    if not pids.exists():
        return {}
    return {name: Record(**record) for name, record in json.loads(pids.read_text()).items()}


def _bound() -> list[str]:
    return [sys.executable, "-I", "-S", "-c", BOUND, str(os.getpid())]


def _end(pid: int, running: Callable[[], bool]) -> None:
    # A paused process takes no SIGTERM before it is continued.
    for number, seconds in ((signal.SIGCONT, 0.0), (signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, 5.0)):
        if not running():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while running() and time.monotonic() < deadline:
            time.sleep(0.01)


def _runs(pid: int, command: Sequence[str]) -> bool:
    """Tell whether `pid` is a run of `command`; a zombie is not, since it has no arguments any more."""
    if LINUX:
        with contextlib.suppress(OSError):
            return (Path("/proc") / str(pid) / "cmdline").read_bytes().split(b"\0")[:-1] == [
                os.fsencode(part) for part in command
            ]
        return False
    shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() == " ".join(command)
