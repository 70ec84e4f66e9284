"""Starts background tasks again that end by a defect, says so while one is broken, and counts all defects."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from adobe_ims_operator.controller.tasks import is_cancelled, steadily
from adobe_ims_operator.core.backoff import Pace, backoff

logger = logging.getLogger(__name__)

TASKS = "tasks"
"""What the defects of background tasks are counted as."""
STEADY_SECONDS = 10.0
"""For how long a task that was started again runs until it counts as mended."""


class Supervisor:
    """Keeps tasks running.

    Args:
        monotonic: seconds that never go back.
        jitter: a random number in [0, 1).
    """

    def __init__(self, monotonic: Callable[[], float], jitter: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._jitter = jitter
        self._broken_until: dict[str, float] = {}
        self.defects: Counter[str] = Counter()
        """How many there were since the start of the process, by what was worked on."""

    def broken(self) -> str | None:
        """Which tasks are broken; None while all of them run."""
        now = self._monotonic()
        names = sorted(name for name, until in self._broken_until.items() if now < until)
        return f"ended by a defect, and started again: {', '.join(names)}" if names else None

    async def keep(self, name: str, run: Callable[[], Awaitable[None]], *, may_end: bool = False) -> None:
        """Run a task until cancelled, through its defects.

        Args:
            may_end: whether it is done where it returns.
        """
        failures = 0
        while True:
            started = self._monotonic()
            try:
                await steadily(run)
                if may_end:
                    return
                logger.error("%s ended: a defect of the operator; please report it", name)
            except Exception:
                logger.exception("%s ended: a defect of the operator; please report it", name)
            if is_cancelled():
                return
            self.defects[TASKS] += 1
            failures = 1 if self._monotonic() - started > Pace.API_SERVER.longest else failures + 1
            wait = backoff(Pace.API_SERVER, failures, self._jitter()).total_seconds()
            self._broken_until[name] = self._monotonic() + wait + STEADY_SECONDS
            await asyncio.sleep(wait)
