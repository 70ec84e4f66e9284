"""What is measured, phase by phase; each returns plain numbers, and leaves the stage as the next one needs it."""

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.api.resource import PLURAL
from bench.audit import WRITES, Request, count
from bench.floor import Cost
from bench.objects import LABEL, credential, path
from bench.raw import MERGE_PATCH, in_parallel
from bench.stage import LOADERS, Stage
from bench.table import percentile
from testbed.api import wait_for

POLL_SECONDS = 0.1
SECRET_CREATE, SECRET_PATCH = ("create", "secrets"), ("patch", "secrets")
STATUS_PATCH = ("patch", f"{PLURAL}/status")

Counts = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Start:
    """A start of the operator: seconds until it was ready and until it came to rest, CPU seconds, memory in KiB."""

    ready: float
    settled: float
    cpu: float
    rss: int
    requests: Counts
    tokens: int
    writes: int


@dataclass(frozen=True, slots=True)
class Work:
    """Work on all objects: seconds from the start to the last Secret, and from the first token request to the end."""

    from_start: float
    from_first_request: float
    cpu_each: float
    rss: int
    peak: int
    requests: Counts
    tokens: int


@dataclass(frozen=True, slots=True)
class Floors:
    """The two readings of the floor."""

    bare: Cost
    same: Cost


@dataclass(frozen=True, slots=True)
class Idle:
    """Doing nothing: the share of a core in percent, and requests in a minute."""

    percent: float
    requests: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """Seconds from the answer to who created a credential until a watch showed its token Secret."""

    count: int
    p50: float
    p99: float


def floors(stage: Stage) -> tuple[Floors, Floors]:
    """The floor of first tokens and the floor of rotations."""
    namespace = "floor"
    kubeconfig = stage.account(namespace)
    first, rotation = [], []
    for prefix, same in (("bare-", False), ("same-", True)):
        stage.create(namespace, [f"{prefix}{number}" for number in range(stage.load.count)], "floor")
        first.append(stage.floor(namespace, kubeconfig, prefix, rotation=False, same=same))
        rotation.append(stage.floor(namespace, kubeconfig, prefix, rotation=True, same=same))
    return Floors(*first), Floors(*rotation)


def start(stage: Stage) -> Start:
    """Start the operator over what is there, and wait until it has come to rest."""
    stage.ims.reset()
    mark, started = stage.audit.mark(), time.monotonic()
    stage.operator.start()
    wait_for("/readyz", stage.is_ready, stage.load.patience)
    ready = time.monotonic() - started
    settled = stage.meter().settle(stage.load.patience)
    requests = stage.audit.since(mark)
    return Start(
        ready=ready,
        settled=max(settled.at - started, ready),
        cpu=settled.cpu,
        rss=stage.meter().rss_kib(),
        requests=count(requests),
        tokens=stage.ims.requests(log=0).total,
        writes=sum(each.verb in WRITES for each in requests),
    )


def first_sync(stage: Stage, startup_cpu: float) -> Work:
    """Start the operator over credentials that have no Secret yet."""
    stage.ims.reset()
    mark, started = stage.audit.mark(), time.time()
    stage.operator.start()
    work = _work(stage, mark, started, 0.0, SECRET_CREATE)
    return Work(
        from_start=work.from_start,
        from_first_request=work.from_first_request,
        cpu_each=work.cpu_each - startup_cpu / stage.load.count,
        rss=work.rss,
        peak=work.peak,
        requests=work.requests,
        tokens=work.tokens,
    )


def rotation(stage: Stage) -> Work:
    """Have all credentials fall due in the same second while the operator runs, and do nothing else."""
    due = fall_due_together(stage)
    stage.meter().settle(stage.load.patience)
    if time.time() > due - 1:
        raise TimeoutError("the credentials fell due before all of them had been told so; give them more time")
    stage.ims.reset()
    mark, before = stage.audit.mark(), stage.meter().cpu()
    time.sleep(max(due - time.time(), 0))
    return _work(stage, mark, due, before, SECRET_PATCH)


def idle(stage: Stage, seconds: float) -> Idle:
    """Watch the operator do nothing."""
    stage.meter().settle(stage.load.patience)
    mark, before = stage.audit.mark(), stage.meter().cpu()
    time.sleep(seconds)
    used = stage.meter().cpu() - before
    return Idle(100 * used / seconds, len(stage.audit.since(mark)) * 60 / seconds)


def arrival(stage: Stage, group: str, number: int, per_second: float) -> Arrival:
    """Create credentials at a pace while the operator runs; they are deleted afterwards."""
    names = [f"{group}-{each}" for each in range(number)]
    stage.create(stage.namespace, names, group, credentials=False)
    stage.meter().settle(stage.load.patience)
    seconds = asyncio.run(_arrive(stage, names, group, per_second))
    stage.admin.delete(f"{path(stage.namespace, PLURAL)}?labelSelector={LABEL}={group}")
    wait_for("the garbage collector", lambda: not _has_any(stage, names), stage.load.patience)
    stage.meter().settle(stage.load.patience)
    return Arrival(number, percentile(seconds, 50), percentile(seconds, 99))


def _work(stage: Stage, mark: int, started: float, cpu_before: float, last_write: tuple[str, str]) -> Work:
    number, patience = stage.load.count, stage.load.patience
    done: list[Request] = []

    def is_done() -> bool:
        if stage.ims.requests(log=0).total < number:  # which costs less to ask
            return False
        done[:] = stage.audit.since(mark)
        return count([each for each in done if each.status < 300])[STATUS_PATCH] >= number

    settled = stage.meter().settle(patience, is_done)
    asked = stage.ims.requests(log=number)
    secrets = [each.answered for each in done if (each.verb, each.resource) == last_write]
    statuses = [each.answered for each in done if (each.verb, each.resource) == STATUS_PATCH]
    if len(secrets) < number or asked.total < number:
        raise RuntimeError(f"{len(secrets)} Secrets were written and {asked.total} tokens asked for, not {number}")
    return Work(
        from_start=max(secrets) - started,
        from_first_request=max(statuses) - asked.log[0].time,
        cpu_each=(settled.cpu - cpu_before) / number,
        rss=stage.meter().rss_kib(),
        peak=stage.meter().peak_kib(),
        requests=count(done),
        tokens=asked.total,
    )


def fall_due_together(stage: Stage, earliest: int = 0) -> int:
    """Give each credential the rotation interval that ends at one moment, not before `earliest`; that moment.

    Both are in epoch seconds.
    """
    rotated = {
        each["metadata"]["name"]: int(datetime.fromisoformat(each["status"]["lastRotationTime"]).timestamp())
        for each in stage.list(PLURAL)
    }
    # A change of interval has a status written for each. The least interval is a minute.
    due = max(math.ceil(time.time() + 15 + stage.load.count / 60), max(rotated.values()) + 61, earliest)
    mark = stage.audit.mark()

    async def patch_all() -> None:
        async with await stage.open() as api:

            async def patch(name: str) -> None:
                spec = {"rotation": {"interval": f"{due - rotated[name]}s"}}
                where = path(stage.namespace, PLURAL, name)
                await api.request("PATCH", where, {"spec": spec}, content=MERGE_PATCH)

            await in_parallel(LOADERS, rotated, patch)

    asyncio.run(patch_all())
    wait_for(
        "a status of each",
        lambda: count(stage.audit.since(mark))[STATUS_PATCH] >= len(rotated),
        stage.load.patience,
    )
    return due


async def _arrive(stage: Stage, names: list[str], group: str, per_second: float) -> list[float]:
    loop = asyncio.get_running_loop()
    answered: dict[str, float] = {}
    seen: dict[str, float] = {}
    awaited = set(names)
    async with await stage.open(LOADERS + 1) as api:
        where = path(stage.namespace, "secrets")
        version = (await api.request("GET", f"{where}?limit=1"))["metadata"]["resourceVersion"]

        async def watch() -> None:
            async for event in api.lines(f"{where}?watch=true&resourceVersion={version}"):
                name = event["object"]["metadata"]["name"]
                if name in awaited:
                    seen.setdefault(name, loop.time())
                    if len(seen) == len(awaited):
                        return

        async def create(numbered: tuple[int, str]) -> None:
            number, name = numbered
            await asyncio.sleep(max(started + number / per_second - loop.time(), 0))
            await api.request("POST", path(stage.namespace, PLURAL), credential(name, group))
            answered[name] = loop.time()

        watching = asyncio.create_task(watch())
        started = loop.time()
        await in_parallel(LOADERS, enumerate(names), create)
        await asyncio.wait_for(watching, stage.load.patience)
    return [seen[name] - answered[name] for name in names]


def _has_any(stage: Stage, names: list[str]) -> bool:
    left = {each["metadata"]["name"] for each in stage.list("secrets")}
    return not left.isdisjoint(names)
