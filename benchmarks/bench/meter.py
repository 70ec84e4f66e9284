"""What a process uses, as Linux counts it: CPU time, memory and files, read from /proc."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.25
ACTIVE_SHARE = 0.1
"""Above this share of a core a sample counts as work."""
QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Settled:
    """When work ended (`time.monotonic`), and the CPU seconds used until then and by the time that was clear."""

    at: float
    cpu: float


class Meter:
    """Reads the meters of one process."""

    def __init__(self, pid: int) -> None:
        self._proc = Path("/proc") / str(pid)

    def cpu(self) -> float:
        """CPU seconds since its start, in user mode and kernel, of all its threads."""
        # The name of the program, in brackets, may have spaces: what is counted comes after it (proc(5)).
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def rss_kib(self) -> int:
        """Resident memory."""
        return self._status("VmRSS")

    def peak_kib(self) -> int:
        """The most resident memory that it ever had."""
        return self._status("VmHWM")

    def threads(self) -> int:
        """Threads that run."""
        return self._status("Threads")

    def files(self) -> int:
        """Open files, sockets and pipes."""
        return sum(1 for _ in (self._proc / "fd").iterdir())

    def settle(self, timeout: float, done: Callable[[], bool] = lambda: True) -> Settled:
        """Wait until `done`, and until it has used next to no CPU for two seconds. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        last, used = time.monotonic(), self.cpu()
        while True:
            time.sleep(SAMPLE_SECONDS)
            now, cpu = time.monotonic(), self.cpu()
            if cpu - used > ACTIVE_SHARE * SAMPLE_SECONDS or not done():
                last = now
            elif now - last >= QUIET_SECONDS:
                return Settled(last, cpu)
            used = cpu
            if now > deadline:
                raise TimeoutError(f"the operator did not come to rest in {timeout:.0f} s")

    def _status(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
