"""Measures whether the operator is fair under load, and prints tables: `python -m bench.fair`.

This module is the order of things: a burst of new credentials while routine rotations fall due and one endpoint is slow
(`burst`), an endpoint that throttles (`throttled`), and a namespace that has more work than can be done, beside others
that have little (`hog`). Each has a cluster of its own on loopback, and ends by itself.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import burst, command, hog, throttled
from bench.burst import Plan
from bench.stage import Load, Stage
from bench.table import Figure, render

PARTS = ("burst", "throttled", "hog")
HOG_QPS = 50
"""What the operator asks in a second by default: as users have it."""


def measure_burst(load: Load, plan: Plan) -> list[Figure]:
    """A burst while rotations fall due."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder), load, expires_in=plan.lifetime, endpoints=len(burst.ENDPOINTS), ims_qps=plan.qps) as stage,
    ):
        _say(
            f"{plan.routine} routine and {plan.new} new; due {plan.spread + plan.horizon:.0f} s after the first token, "
            f"then watched for {plan.horizon:.0f} s at most"
        )
        return burst.figures(burst.run(stage, plan))


def measure_throttled(load: Load, qps: float) -> list[Figure]:
    """429 to a tenth of all requests, with and without Retry-After."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), load, ims_qps=qps) as stage:
        stage.operator.start()
        for retry_after in (1, None):
            _say(f"{load.count} new, a tenth of all requests throttled, Retry-After {retry_after}")
            outcome = throttled.run(stage, load.count, qps, retry_after)
            _say(f"API requests each: {throttled.show_requests(outcome)}")
            found += throttled.figures(outcome)
    return found


def measure_hog(load: Load, qps: float) -> list[Figure]:
    """One namespace with so much to do, in three ways, and what its neighbours have of it."""
    found: list[Figure] = []
    for trouble, what in hog.TROUBLES.items():
        _say(f"{load.count} credentials of one namespace, with {what}")
        with (
            tempfile.TemporaryDirectory() as folder,
            Stage(
                Path(folder), load, hog.HOG, expires_in=hog.LIFETIME, ims_qps=qps, others=(hog.NEW, hog.ROUTINE)
            ) as stage,
        ):
            outcome = hog.run(stage, load.count, trouble)
            _say(f"{outcome}")
            found += hog.figures(outcome)
    return found


def show(headline: str, figures: Sequence[Figure]) -> str:
    """A table with what it is of."""
    return f"{headline}\n\n{render(figures)}\n"


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what} ...", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fair", description=main.__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure only this")
    parser.add_argument("--routine", type=int, default=1000, metavar="N", help="rotations that fall due [1000]")
    parser.add_argument("--new", type=int, default=5000, metavar="N", help="credentials of the burst [5000]")
    parser.add_argument("--throttled", type=int, default=1000, metavar="N", help="credentials that meet 429s [1000]")
    parser.add_argument("--hog", type=int, default=2000, metavar="N", help="credentials of one namespace [2000]")
    parser.add_argument(
        "--ims-qps",
        type=float,
        default=25,
        help="tokens asked for in a second [25], few enough for the machine to keep up; `hog` has the default, 50",
    )
    command.add_flags(parser)
    parser.add_argument("--slow", type=float, default=30, help="seconds that the slow IMS takes [30]")
    parser.add_argument("--margin", type=float, default=300, help="seconds that tokens live once they are due [300]")
    return parser.parse_args()


def main() -> None:
    """Measure whether one slow or throttling endpoint, or a burst, costs others their tokens or their pace."""
    arguments = _arguments()
    plan = Plan(
        routine=arguments.routine,
        new=arguments.new,
        qps=arguments.ims_qps,
        slow=arguments.slow,
        margin=arguments.margin,
        concurrency=arguments.concurrency,
    )
    results: dict[str, Any] = {}
    parts = PARTS if arguments.only is None else (arguments.only,)
    if "burst" in parts and plan.margin < plan.lifetime / 3:
        sys.exit("with less --margin tokens are replaced by their lifetimes, and do not all fall due together")
    if "burst" in parts:
        load = Load(arguments.routine, arguments.concurrency, arguments.latency)
        figures = measure_burst(load, plan)
        headline = f"{plan.new} new credentials while {plan.routine} rotations fall due"
        headline += f", a tenth of each at an IMS that answers in {plan.slow:g} s"
        print(show(headline, figures), flush=True)
        results["burst"] = [each.to_json() for each in figures]
    if "throttled" in parts:
        load = Load(arguments.throttled, arguments.concurrency, arguments.latency)
        figures = measure_throttled(load, plan.qps)
        print(show(f"{load.count} new credentials, 429 to a tenth of all requests", figures), flush=True)
        results["throttled"] = [each.to_json() for each in figures]
    if "hog" in parts:
        load = Load(arguments.hog, arguments.concurrency, arguments.latency)
        figures = measure_hog(load, HOG_QPS)
        print(show(f"{load.count} credentials of one namespace, and its neighbours", figures), flush=True)
        results["hog"] = [each.to_json() for each in figures]
    command.write(results, arguments.json)


if __name__ == "__main__":
    command.run(main)
