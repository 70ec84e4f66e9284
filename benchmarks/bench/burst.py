"""A burst of new credentials at the moment when routine rotations fall due, while one of three endpoints is slow."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_stand_in.defaults import EXPIRES_IN
from bench.audit import Request
from bench.phases import SECRET_CREATE, SECRET_PATCH, fall_due_together
from bench.stage import Stage
from bench.table import Figure, Goal
from bench.windows import most_allowed, most_within, replaced
from testbed.api import wait_for

ENDPOINTS = ("slow", "left", "right")
ROUTINE, NEW = "routine", "new"
POLL_SECONDS = 1.0
EXPIRES_AT = "adobe-ims.dev/expires-at"
LOG = 10_000
"""Requests that a stand-in remembers; more than left or right get, and the slow one gets few."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much there is to do, and when.

    Args:
        routine, new: so many credentials; a tenth of each is on the slow endpoint.
        qps: tokens that each endpoint may be asked for in a second.
        slow: seconds that the slow endpoint takes to answer.
        margin: seconds from the moment when all fall due to when the first token expires, at least.
        concurrency: requests to one endpoint that are under way at once.
    """

    routine: int
    new: int
    qps: float
    slow: float
    margin: float
    concurrency: int = 32

    @property
    def spread(self) -> int:
        """Seconds within which all routine credentials get their first tokens."""
        return 15 + math.ceil(self.routine / 20)

    @property
    def horizon(self) -> float:
        """Seconds after which every token that was not replaced has expired.

        So long is watched at most, and no interval is shorter: nothing is rotated a second time meanwhile.
        """
        return self.margin + self.spread + self.slow + 5

    @property
    def lifetime(self) -> int:
        """Seconds that the first tokens live."""
        return math.ceil(self.spread + self.horizon + self.margin)


@dataclass(frozen=True, slots=True)
class Share:
    """What happened at one endpoint, in epoch seconds."""

    expires_at: Mapping[str, float]
    """Of the tokens that were to be replaced."""
    new: int
    written: Mapping[str, float]
    """When the new token of each credential was written."""
    requests: int
    asked: tuple[float, ...]
    """The latest requests, see `LOG`."""

    @property
    def count(self) -> int:
        """All that wanted a token."""
        return len(self.expires_at) + self.new

    @property
    def waiting(self) -> int:
        """Those that have none yet."""
        return self.count - len(self.written)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The shares by endpoint; `due` and `end` in epoch seconds, `created` in seconds that the burst took to make."""

    plan: Plan
    due: int
    created: float
    end: float
    shares: Mapping[str, Share]


def place(number: int) -> str:
    """The endpoint of a credential: a tenth is on the slow one, the others on left and right by halves."""
    if number % 10 == 0:
        return "slow"
    return ("left", "right")[(number + number // 10) % 2]


def run(stage: Stage, plan: Plan) -> Outcome:
    """Have all routine credentials fall due in one second, make the burst then, and watch what becomes of it.

    Raises:
        TimeoutError: the machine is too slow to have all ready in time.
    """
    urls = {name: ims.url for name, ims in zip(ENDPOINTS, stage.endpoints, strict=True)}
    routine = {f"{ROUTINE}-{number}": place(number) for number in range(plan.routine)}
    new = {f"{NEW}-{number}": place(number) for number in range(plan.new)}
    expires_at = _prepare(stage, plan, routine, urls)
    due = fall_due_together(stage, math.floor(min(expires_at.values()) - plan.margin))
    stage.create(stage.namespace, new, NEW, credentials=False)
    for ims in stage.endpoints:
        ims.settings(expires_in=EXPIRES_IN, latency=plan.slow if ims.url == urls["slow"] else stage.load.latency)
        ims.reset()
    mark = stage.audit.mark()
    first, last = min(expires_at.values()), max(expires_at.values())
    if time.time() > due or first - due < plan.margin or last - first > plan.spread:
        raise TimeoutError("the credentials fell due before all was prepared; there are too many for this machine")
    time.sleep(due - time.time())
    stage.create(stage.namespace, new, NEW, secrets=False, endpoints={name: urls[where] for name, where in new.items()})
    created = time.time() - due
    awaited = routine.keys() | {name for name, where in new.items() if where != "slow"}
    while True:
        now, written = time.time(), first_written(stage.audit.since(mark))
        if awaited <= written.keys() or now > due + plan.horizon:
            return Outcome(plan, due, created, now, _shares(stage, routine, new, expires_at, written))
        time.sleep(POLL_SECONDS)


def _prepare(stage: Stage, plan: Plan, routine: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, float]:
    """Give all routine credentials their first tokens; when each expires."""
    stage.create(stage.namespace, routine, ROUTINE, endpoints={name: urls[where] for name, where in routine.items()})
    stage.operator.start()
    wait_for(
        "first tokens",
        lambda: sum(ims.requests(log=0).issued for ims in stage.endpoints) >= plan.routine,
        stage.load.patience,
    )
    stage.meter().settle(stage.load.patience)
    found = {each["metadata"]["name"]: each["metadata"].get("annotations", {}) for each in stage.list("secrets")}
    return {name: datetime.fromisoformat(found[name][EXPIRES_AT]).timestamp() for name in routine}


def first_written(requests: list[Request]) -> dict[str, float]:
    """When the token Secret of each name was written first."""
    written: dict[str, float] = {}
    for each in requests:
        if (each.verb, each.resource) in (SECRET_CREATE, SECRET_PATCH) and each.status < 300:
            written[each.name] = min(each.answered, written.get(each.name, math.inf))
    return written


def _shares(
    stage: Stage,
    routine: Mapping[str, str],
    new: Mapping[str, str],
    expires_at: Mapping[str, float],
    written: Mapping[str, float],
) -> dict[str, Share]:
    asked = {endpoint: ims.requests(LOG) for endpoint, ims in zip(ENDPOINTS, stage.endpoints, strict=True)}
    return {
        endpoint: Share(
            expires_at={name: expires_at[name] for name, where in routine.items() if where == endpoint},
            new=sum(where == endpoint for where in new.values()),
            written={
                name: written[name]
                for name, where in [*routine.items(), *new.items()]
                if where == endpoint and name in written
            },
            requests=asked[endpoint].total,
            asked=tuple(entry.time for entry in asked[endpoint].log),
        )
        for endpoint in ENDPOINTS
    }


def figures(outcome: Outcome) -> list[Figure]:
    """What is shown of it, with the goals of the project."""
    plan, shares = outcome.plan, outcome.shares
    by_endpoint = {name: replaced(share.expires_at, share.written, outcome.end) for name, share in shares.items()}
    rows = [
        Figure("routine tokens that expired", sum(each.expired for each in by_endpoint.values()), goal=Goal(0)),
        Figure("burst: seconds to create it", outcome.created, "s"),
    ]
    for name, share in shares.items():
        last = max((share.written.get(each, math.inf) for each in share.expires_at), default=math.nan)
        rows += [
            Figure(f"{name}: least left on a routine token", by_endpoint[name].left, "s"),
            Figure(f"{name}: due to last routine token", last - outcome.due, "s"),
        ]
    for name in ("left", "right"):
        share = shares[name]
        # Those of one second may be asked for at once.
        floor = max(share.count / plan.qps - 1, outcome.created)
        took = math.inf if share.waiting else max(share.written.values(), default=math.nan) - outcome.due
        rows += [
            Figure(f"{name}: due to last of {share.count} tokens", took, "s", floor, goal=Goal(1.1, "ratio")),
            Figure(f"{name}: tokens asked for each", share.requests / share.count, goal=Goal(1)),
        ]
    slow = shares["slow"]
    rows += [
        Figure(f"slow: still waiting of {slow.count}", slow.waiting),
        Figure("slow: asked for, and not written yet", slow.requests - len(slow.written), goal=Goal(plan.concurrency)),
    ]
    for name, share in shares.items():
        rows += [
            Figure(f"{name}: most requests in {seconds} s", most_within(share.asked, seconds), "",
                   goal=Goal(most_allowed(plan.qps, seconds)))
            for seconds in (1, 10)
        ]  # fmt: skip
    return rows
