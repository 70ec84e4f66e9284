"""Measures how takers follow their source, and prints a table: `python -m bench.shared 500`.

So many namespaces have a taker each; the operator watches all namespaces. Once all have the first token, the source is
rotated by annotation, some times, and the takers' writes are read off the audit log.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adobe_ims_operator.api.resource import API_VERSION, KIND, PLURAL, ROTATE_ANNOTATION
from bench import command
from bench.audit import Request, count
from bench.objects import client_secret, credential, path
from bench.raw import in_parallel
from bench.stage import LOADERS, Load, Stage
from bench.table import Figure, Goal, render
from testbed.api import wait_for

SOURCE, TAKER = "lightroom", "taken"
ROTATIONS = 3
SETTLED_SECONDS = 8.0
"""After which statuses are written too, and a crowd of five hundred may be woken again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rotation came to.

    Args:
        took: seconds from the write of the source to the write of each taker.
        requests: what the operator asked of the API server from then on.
        tokens: how many tokens IMS gave.
        cpu: CPU seconds that the operator used for it.
    """

    took: tuple[float, ...]
    requests: "Counter[tuple[str, str]]"
    tokens: int
    cpu: float


def run(stage: Stage, number: int) -> tuple[float, list[Outcome]]:
    """Seconds from the start of the operator to the last first token, and what each rotation came to."""
    teams = [f"team-{each}" for each in range(number)]
    asyncio.run(_create(stage, teams))
    mark, started = stage.audit.mark(), time.time()
    stage.operator.start()
    wait_for("the first tokens", lambda: len(_written(stage.audit.since(mark))) == number, 300)
    first = max(_written(stage.audit.since(mark))) - started
    return first, [_rotate(stage, number, str(each)) for each in range(ROTATIONS)]


def _rotate(stage: Stage, number: int, request: str) -> Outcome:
    time.sleep(SETTLED_SECONDS)
    mark, before, cpu = stage.audit.mark(), stage.ims.requests(log=0).issued, stage.meter().cpu()
    stage.admin.patch(
        path(stage.namespace, PLURAL, SOURCE), {"metadata": {"annotations": {ROTATE_ANNOTATION: request}}}
    )
    wait_for("the takers", lambda: len(_written(stage.audit.since(mark))) == number, 120)
    time.sleep(SETTLED_SECONDS)
    requests = stage.audit.since(mark)
    source = next(each.answered for each in requests if _is_write(each) and each.name == SOURCE)
    took = tuple(at - source for at in _written(requests))
    return Outcome(took, count(requests), stage.ims.requests(log=0).issued - before, stage.meter().cpu() - cpu)


def _is_write(request: Request) -> bool:
    return request.resource == "secrets" and request.verb in ("create", "patch") and request.status < 300


def _written(requests: Sequence[Request]) -> list[float]:
    """When the Secrets of takers were written; a new one has no name in the log."""
    return [each.answered for each in requests if _is_write(each) and each.name in (TAKER, "")]


async def _create(stage: Stage, teams: Sequence[str]) -> None:
    source = credential(SOURCE, SOURCE)
    source["spec"]["sharedWith"] = {"namespaces": list(teams)}
    async with await stage.open() as api:
        await api.request("POST", path(stage.namespace, "secrets"), client_secret(SOURCE))
        await api.request("POST", path(stage.namespace, PLURAL), source)

        async def create(team: str) -> None:
            await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": team}})
            await api.request("POST", path(team, PLURAL), _taker(stage))

        await in_parallel(LOADERS, teams, create)


def _taker(stage: Stage) -> dict[str, Any]:
    spec = {"tokenFrom": {"namespace": stage.namespace, "name": SOURCE}}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": TAKER}, "spec": spec}


def _total(outcomes: Sequence[Outcome]) -> "Counter[tuple[str, str]]":
    return sum((each.requests for each in outcomes), Counter[tuple[str, str]]())


def figures(first: float, outcomes: Sequence[Outcome], number: int) -> list[Figure]:
    """What is shown of it."""
    asked = sum(times for (verb, _), times in _total(outcomes).items() if verb != "watch")
    took = [seconds for each in outcomes for seconds in each.took]
    return [
        Figure("from the start to the last first token", first, "s"),
        Figure("from the source's write to a taker's, p50", statistics.median(took), "s"),
        Figure("from the source's write to the last taker's, worst", max(took), "s"),
        Figure("API requests for each taker and rotation", asked / number / len(outcomes)),
        Figure("CPU seconds of the operator for each rotation", statistics.median(each.cpu for each in outcomes), "s"),
        Figure("tokens for each rotation", sum(each.tokens for each in outcomes) / len(outcomes), goal=Goal(1)),
    ]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="bench.shared", description=__doc__)
    parser.add_argument("takers", type=int, nargs="?", default=500)
    command.add_flags(parser)
    arguments = parser.parse_args()
    load = Load(arguments.takers, arguments.concurrency, arguments.latency)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), load, everywhere=True) as stage:
        first, outcomes = run(stage, arguments.takers)
    found = figures(first, outcomes, arguments.takers)
    print(render(found))
    for (verb, resource), times in sorted(_total(outcomes).items()):
        print(f"  {verb} {resource}: {times}")
    command.write([each.to_json() for each in found], arguments.json)


if __name__ == "__main__":
    command.run(main)
