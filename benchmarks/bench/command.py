"""What the programs have in common on the command line: flags, how they end, and the file for their figures."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that all of them have."""
    parser.add_argument("--concurrency", type=int, default=32, help="worked on at once, for each endpoint [32]")
    parser.add_argument("--latency", type=float, default=0.15, help="seconds that IMS takes [0.15]")
    parser.add_argument("--json", type=Path, help="write all figures to this file")


def run(main: Callable[[], None]) -> None:
    """Run a program so that all it started is ended in order, also by SIGTERM and Ctrl-C."""
    if sys.platform != "linux":
        sys.exit("benchmarks read /proc, so they need Linux")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)


def write(figures: object, path: Path | None) -> None:
    """Write figures as JSON where a file was asked for."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n")
