"""`adobe-ims-operator run` with a clock that a test moves: `python -m testbed.clocked_operator FILE FLAGS`.

FILE says by how many seconds the clock is ahead, as text; days pass as soon as it is written. All else is as it is.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cli.run import read_options, run
from adobe_ims_operator.manager import logs
from adobe_ims_operator.manager.process import run as run_operator


def moved_clock(offset: Path) -> Clock:
    """The clock of the machine, ahead by what a file says."""

    def ahead() -> float:
        return float(offset.read_text() or 0)

    return Clock(
        now=lambda: datetime.now(UTC) + timedelta(seconds=ahead()), monotonic=lambda: time.monotonic() + ahead()
    )


def main() -> None:
    """Run it."""
    offset, *arguments = sys.argv[1:]
    flags = dict(run.make_context("run", arguments).params)
    logs.set_up(flags.pop("log_format"), flags.pop("log_level"))
    uvloop.run(run_operator(read_options(**flags), moved_clock(Path(offset))))


if __name__ == "__main__":
    main()
