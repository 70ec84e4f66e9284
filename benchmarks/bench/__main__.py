"""Measures the operator beside the bare floor, and prints a table: `python -m bench`.

This module is the order of things. Each size has a cluster of its own; all of it is on loopback and ends by itself.
"""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench import command, phases
from bench.phases import Arrival, Floors, Idle, Start, Work
from bench.stage import Load, Stage
from bench.table import Figure, Goal, by_request, render

T = TypeVar("T")

BURST = 1000
"""Credentials of a burst at most."""
PACED, PER_SECOND = 200, 20.0


@dataclass(frozen=True, slots=True)
class Result:
    """All that was measured at one size."""

    load: Load
    empty: Start
    first_floor: Floors
    rotation_floor: Floors
    sync: Work
    idle: Idle
    restart: Start
    burst: Arrival
    paced: Arrival
    rotation: Work


def measure(stage: Stage, idle_seconds: float) -> Result:
    """Measure everything at one size."""
    names = [f"token-{number}" for number in range(stage.load.count)]
    empty = _phase("the operator alone", lambda: phases.start(stage))
    stage.operator.stop()
    first_floor, rotation_floor = _phase("the floor", lambda: phases.floors(stage))
    stage.create(stage.namespace, names, "all")
    sync = _phase("first sync", lambda: phases.first_sync(stage, empty.cpu))
    idle = _phase(f"idle, {idle_seconds:.0f} s", lambda: phases.idle(stage, idle_seconds))
    stage.operator.kill()
    restart = _phase("restart", lambda: phases.start(stage))
    burst = _phase(
        "arrival, all at once", lambda: phases.arrival(stage, "burst", min(stage.load.count, BURST), math.inf)
    )
    paced = _phase("arrival, at a pace", lambda: phases.arrival(stage, "paced", PACED, PER_SECOND))
    rotation = _phase("rotation", lambda: phases.rotation(stage))
    stage.operator.stop()
    return Result(stage.load, empty, first_floor, rotation_floor, sync, idle, restart, burst, paced, rotation)


def figures(result: Result) -> list[Figure]:
    """What is shown of a result, with the goals of the project."""
    return [*_sync(result), *_rotation(result), *_rest(result)]


def _sync(result: Result) -> list[Figure]:
    bare, same, sync = result.first_floor.bare, result.first_floor.same, result.sync
    # A larger floor says nothing of a smaller burst.
    alike = result.burst.count == result.load.count
    burst_of = f"arrival of {result.burst.count} at once"
    return [
        Figure("first sync: first token request to last status", sync.from_first_request, "s", bare.seconds,
               same.seconds, Goal(1.25, "ratio")),
        Figure("first sync: process start to last Secret", sync.from_start, "s"),
        Figure("first sync: CPU each", 1000 * sync.cpu_each, "ms", 1000 * bare.cpu_each, 1000 * same.cpu_each),
        Figure("first sync: API requests each", _each(result, sync), "", 2, 4),
        Figure(f"{burst_of}: p50", result.burst.p50, "s", bare.p50 if alike else None, same.p50 if alike else None),
        Figure(f"{burst_of}: p99", result.burst.p99, "s", bare.p99 if alike else None, same.p99 if alike else None),
        Figure(f"arrival at {PER_SECOND:.0f}/s: p50", result.paced.p50, "s"),
        Figure(f"arrival at {PER_SECOND:.0f}/s: p99", result.paced.p99, "s"),
    ]  # fmt: skip


def _rotation(result: Result) -> list[Figure]:
    bare, same, rotation = result.rotation_floor.bare, result.rotation_floor.same, result.rotation
    return [
        Figure("rotation: due to last Secret", rotation.from_start, "s", bare.seconds, same.seconds),
        Figure("rotation: first token request to last status", rotation.from_first_request, "s", bare.seconds,
               same.seconds),
        Figure("rotation: CPU each", 1000 * rotation.cpu_each, "ms", 1000 * bare.cpu_each, 1000 * same.cpu_each,
               Goal(1.5, "ratio")),
        Figure("rotation: API requests each", _each(result, rotation), "", 2, 3, Goal(4)),
        Figure("rotation: tokens each", rotation.tokens / result.load.count, "", 1, 1, Goal(1)),
    ]  # fmt: skip


def _rest(result: Result) -> list[Figure]:
    count, empty, sync, restart = result.load.count, result.empty, result.sync, result.restart
    # Below, connections and code that is imported late weigh more than objects do.
    each = Goal(8) if count >= 10_000 else None
    return [
        Figure("idle: share of a core", result.idle.percent, "%", goal=Goal(0.5)),
        Figure("idle: requests in a minute", result.idle.requests),
        Figure("restart: ready", restart.ready, "s"),
        Figure("restart: settled", restart.settled, "s", goal=Goal(20)),
        Figure("restart: CPU", restart.cpu, "s"),
        Figure("restart: API requests", restart.requests.total()),
        Figure("restart: tokens", restart.tokens, goal=Goal(0)),
        Figure("restart: writes", restart.writes, goal=Goal(0)),
        Figure("start with none: ready", empty.ready, "s"),
        Figure("start with none: CPU", empty.cpu, "s"),
        Figure("RSS with none", empty.rss / 1024, "MiB"),
        Figure("RSS after first sync", sync.rss / 1024, "MiB", goal=Goal(200)),
        Figure("RSS after restart", restart.rss / 1024, "MiB", goal=Goal(200)),
        Figure("RSS after rotation", result.rotation.rss / 1024, "MiB", goal=Goal(200)),
        Figure("RSS each, after first sync", (sync.rss - empty.rss) / count, "KiB", goal=each),
        Figure("RSS each, after restart", (restart.rss - empty.rss) / count, "KiB", goal=each),
    ]


def _each(result: Result, work: Work) -> float:
    return sum(number for (verb, _), number in work.requests.items() if verb != "watch") / result.load.count


def show(result: Result) -> str:
    """The table of one size, with what the API server was asked."""
    load = result.load
    return (
        f"N = {load.count}, {load.concurrency} at once, IMS answers in {1000 * load.latency:.0f} ms "
        f"(no --ims-qps limit; the audit log is on, for both)\n\n{render(figures(result))}\n\n"
        f"requests each, first sync: {by_request(result.sync.requests, load.count)}\n"
        f"requests each, rotation:   {by_request(result.rotation.requests, load.count)}\n"
        f"requests, restart:         {by_request(result.restart.requests, 1)}\n"
    )


def slope(results: list[Result]) -> str:
    """How much more memory each object takes between the smallest and the largest size; nothing of one size."""
    small, large = results[0], results[-1]
    more = large.load.count - small.load.count
    if more == 0:
        return ""
    after_sync, after_restart = (
        (getattr(large, phase).rss - getattr(small, phase).rss) / more for phase in ("sync", "restart")
    )
    return (
        f"RSS each, from {small.load.count} to {large.load.count}: "
        f"{after_sync:.1f} KiB after first sync, {after_restart:.1f} KiB after a restart\n"
    )


def to_json(result: Result) -> dict[str, Any]:
    """All of a result, for a file."""
    works = {"first_sync": result.sync.requests, "rotation": result.rotation.requests}
    works["restart"] = result.restart.requests
    return {
        "load": asdict(result.load),
        "figures": [figure.to_json() for figure in figures(result)],
        "requests": {
            name: {f"{verb} {what}": number for (verb, what), number in sorted(counts.items())}
            for name, counts in works.items()
        },
    }


def _phase(what: str, measure_it: Callable[[], T]) -> T:
    print(f"{time.strftime('%H:%M:%S')} {what} ...", file=sys.stderr, flush=True)
    measured = measure_it()
    print(f"         {measured}", file=sys.stderr, flush=True)
    return measured


def main() -> None:
    """Measure the operator at each size, and print a table of each."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1000], metavar="N", help="credentials [1000]")
    command.add_flags(parser)
    parser.add_argument("--idle", type=float, default=30, help="seconds to watch it idle [30]")
    arguments = parser.parse_args()
    results: list[Result] = []
    for size in sorted(arguments.sizes):
        with tempfile.TemporaryDirectory() as folder:
            load = Load(size, arguments.concurrency, arguments.latency)
            with Stage(Path(folder), load) as stage:
                results.append(measure(stage, arguments.idle))
        print(show(results[-1]), flush=True)
    print(slope(results), end="")
    command.write([to_json(result) for result in results], arguments.json)


if __name__ == "__main__":
    command.run(main)
