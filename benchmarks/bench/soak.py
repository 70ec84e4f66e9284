"""A day in a minute: short-lived tokens, so that each is rotated as often as in weeks: `python -m bench.soak`.

Tokens live a minute instead of a day, so a minute of this has the rotations of a day of real life. Every version of
every token Secret is held against the rules, and what the operator uses is watched for growth. It is on loopback, and
ends by itself.

The goal for memory is 64 KiB for 1,000 rotations, 65 bytes for each: about one short string, where a token has a
thousand bytes, so that what is kept of each rotation shows. It is 23 MiB in a year of 1,000 credentials. No finer goal
could be told from what the allocator does in ten minutes; below some thousand rotations this one can't either.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adobe_ims_operator.api.resource import PLURAL
from bench import command
from bench.audit import Request
from bench.history import Findings, HistoryError, examine, join
from bench.objects import credential, path
from bench.raw import Raw, in_parallel
from bench.stage import BOUND_SECONDS, LOADERS, Load, Stage
from bench.table import Figure, Goal, by_request, percentile, render
from bench.usage import Sample, Usage, sum_up
from bench.versions import Versions
from testbed.api import wait_for

DAY = 60
"""Seconds that a token lives, and that a day takes here."""
UNEVEN_DAYS = 2
"""In the first the credentials are created; by the end of the second the process has met all that it will meet."""
LEAST_DAYS = UNEVEN_DAYS + 2
KIB_FOR_1000_ROTATIONS = 64.0
HANDFUL = 5
"""Connections that come and go."""
ROUTINE = "INFO", "DEBUG"


@dataclass(frozen=True, slots=True)
class Life:
    """All that was seen of a life of the operator."""

    load: Load
    samples: list[Sample]
    requests: list[Request]
    findings: Findings
    versions: int
    issued: int
    """Tokens that the stand-in gave."""
    unready: int
    """Credentials that were not Ready at the end."""
    alarms: list[str]

    @property
    def usage(self) -> Usage:
        """What was used once the uneven days were over."""
        even = [each for each in self.samples if each.second >= UNEVEN_DAYS * DAY]
        return sum_up(even, self.requests, DAY)


def live(stage: Stage, days: int) -> Life:
    """Let the operator live for so many days over credentials that are created evenly in the first."""
    names = [f"token-{number}" for number in range(stage.load.count)]
    versions = Versions(stage.namespace, names)
    stage.create(stage.namespace, names, "all", credentials=False)
    mark = stage.audit.mark()
    stage.operator.start()
    wait_for("/readyz", stage.is_ready, stage.load.patience)
    samples, ended = asyncio.run(_live(stage, versions, names, days, mark))
    requests = stage.audit.since(mark)
    answered: dict[str, list[float]] = {name: [] for name in names}
    for each in requests:
        if each.verb in ("create", "patch") and each.resource == "secrets" and each.status < 300:
            answered[each.name].append(each.answered)
    histories = [join(name, versions.of(name), answered[name]) for name in names]
    return Life(
        load=stage.load,
        samples=samples,
        requests=requests,
        findings=examine(histories, stage.load.latency, ended),
        versions=sum(map(len, histories)),
        issued=stage.ims.requests(log=0).issued,
        unready=stage.load.count - sum(_is_ready(each) for each in stage.list(PLURAL)),
        alarms=alarms(stage.operator.text()),
    )


async def _live(
    stage: Stage, versions: Versions, names: Sequence[str], days: int, mark: int
) -> tuple[list[Sample], float]:
    """The samples, and the moment (epoch seconds) from which the operator began no more work."""
    async with await stage.open(LOADERS + 1) as api, asyncio.TaskGroup() as group:
        following = group.create_task(versions.follow(api, await versions.start(api)))
        group.create_task(_create(stage, api, names))
        samples = await _sample(stage, days, mark)
        ended = time.time()
        # What is under way is finished, so that each token that was given is in its Secret.
        code = await asyncio.to_thread(stage.operator.stop)
        if code:
            raise RuntimeError(f"the operator ended with {code}: {stage.operator.text()[-2000:]}")
        await _catch_up(stage, versions)
        following.cancel()
    return samples, ended


async def _create(stage: Stage, api: Raw, names: Sequence[str]) -> None:
    started = time.monotonic()

    async def create(numbered: tuple[int, str]) -> None:
        number, name = numbered
        await asyncio.sleep(max(started + number * DAY / len(names) - time.monotonic(), 0))
        await api.request("POST", path(stage.namespace, PLURAL), credential(name, "all"))

    await in_parallel(LOADERS, enumerate(names), create)


async def _sample(stage: Stage, days: int, mark: int) -> list[Sample]:
    meter, started = stage.meter(), time.monotonic()
    samples: list[Sample] = []
    for second in range(days * DAY + 1):
        await asyncio.sleep(max(started + second - time.monotonic(), 0))
        if stage.operator.process.poll() is not None:
            raise RuntimeError(f"the operator ended: {stage.operator.text()[-2000:]}")
        samples.append(
            Sample(
                second=second,
                cpu=meter.cpu(),
                rss=meter.rss_kib(),
                files=meter.files(),
                threads=meter.threads(),
                requests=stage.audit.mark() - mark,
            )
        )
        if second % DAY == 0:
            print(
                f"{time.strftime('%H:%M:%S')} day {second // DAY} of {days}: {samples[-1]}", file=sys.stderr, flush=True
            )
    return samples


async def _catch_up(stage: Stage, versions: Versions) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while not versions.reach(stage.list("secrets")):
        if time.monotonic() > deadline:
            raise HistoryError("the watch on Secrets does not show the latest versions")
        await asyncio.sleep(1)


def _is_ready(body: dict[str, Any]) -> bool:
    conditions = body.get("status", {}).get("conditions", [])
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def alarms(log: str) -> list[str]:
    """The lines of the operator's log that are a warning or worse, or no line of its own."""
    return [line for line in log.splitlines() if not _is_routine(line)]


def _is_routine(line: str) -> bool:
    try:
        return json.loads(line)["level"] in ROUTINE
    except (ValueError, KeyError, TypeError):
        return False


def figures(life: Life) -> list[Figure]:
    """What is shown of a life, with the goals of the project."""
    found, usage = life.findings, life.usage
    return [
        Figure("rotations", found.rotations),
        Figure("tokens that expired in their Secret", found.expired, goal=Goal(0)),
        Figure("rotations before they were due", found.early, goal=Goal(0)),
        Figure("versions that do not count one rotation more", found.out_of_step, goal=Goal(0)),
        Figure("tokens issued and not in a version, or the reverse", abs(life.issued - life.versions), goal=Goal(0)),
        Figure("due to written: p50", percentile(found.late, 50), "s"),
        Figure("due to written: p99", percentile(found.late, 99), "s"),
        Figure("due to written: most", percentile(found.late, 100), "s"),
        Figure("least that a replaced token had to live", percentile(found.left, 0), "s"),
        Figure("RSS, third day", usage.rss_first / 1024, "MiB"),
        Figure("RSS, last day", usage.rss_last / 1024, "MiB"),
        Figure("RSS more for 1,000 rotations", 1000 * usage.rss_slope, "KiB", goal=Goal(KIB_FOR_1000_ROTATIONS)),
        Figure("RSS more for 1,000 rotations, second half", 1000 * usage.rss_slope_late, "KiB"),
        Figure("RSS more in a day of 1,000 credentials", 1000 * usage.rss_slope / 1024, "MiB"),
        Figure("open files: more in the last day than in the third", usage.files, goal=Goal(HANDFUL)),
        Figure("threads: more in the last day than in the third", usage.threads, goal=Goal(0)),
        Figure("CPU each rotation", 1000 * usage.cpu_each, "ms"),
        Figure("API requests each rotation", _asked(usage) / usage.rotations, goal=Goal(4)),
        Figure("Events of routine", usage.requests["create", "events"], goal=Goal(0)),
        Figure("credentials not Ready at the end", life.unready, goal=Goal(0)),
        Figure("log lines from WARNING on", len(life.alarms), goal=Goal(0)),
    ]


def _asked(usage: Usage) -> int:
    return sum(number for (verb, _), number in usage.requests.items() if verb != "watch")


def show(life: Life, days: int) -> str:
    """The table, with what the API server was asked and what the operator complained of."""
    load, usage = life.load, life.usage
    return (
        f"N = {load.count}, tokens live {DAY} s, {days} days of {DAY} s, {load.concurrency} at once, IMS answers in "
        f"{1000 * load.latency:.0f} ms; costs are those of {usage.rotations} rotations from the third day on\n\n"
        f"{render(figures(life))}\n\n"
        f"requests each rotation: {by_request(usage.requests, usage.rotations)}\n"
        + "".join(f"log: {line}\n" for line in life.alarms[:10])
    )


def to_json(life: Life, days: int) -> dict[str, Any]:
    """All of a life, for a file; each sample as well, so that growth can be looked at."""
    return {
        "load": asdict(life.load),
        "days": days,
        "figures": [figure.to_json() for figure in figures(life)],
        "requests": {f"{verb} {what}": number for (verb, what), number in sorted(life.usage.requests.items())},
        "samples": [asdict(sample) for sample in life.samples],
    }


def main() -> None:
    """Let the operator rotate short-lived tokens for some minutes, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=main.__doc__)
    parser.add_argument("count", nargs="?", type=int, default=1000, metavar="N", help="credentials [1000]")
    parser.add_argument("--minutes", type=int, default=10, help=f"days of a minute each, from {LEAST_DAYS} on [10]")
    command.add_flags(parser)
    arguments = parser.parse_args()
    if arguments.minutes < LEAST_DAYS:
        parser.error(f"growth is told from the third day to the last, so it takes {LEAST_DAYS} minutes at least")
    load = Load(arguments.count, arguments.concurrency, arguments.latency)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), load, expires_in=DAY) as stage:
        life = live(stage, arguments.minutes)
    print(show(life, arguments.minutes), end="")
    command.write(to_json(life, arguments.minutes), arguments.json)


if __name__ == "__main__":
    command.run(main)
