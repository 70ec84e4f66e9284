"""New credentials at one endpoint that answers a tenth of all requests with 429."""

import contextlib
import math
import time
from collections import Counter
from dataclasses import dataclass

from adobe_ims_operator.api.resource import PLURAL
from adobe_ims_stand_in.record import Entry
from bench.audit import Request, count
from bench.burst import first_written
from bench.objects import LABEL
from bench.phases import STATUS_PATCH
from bench.stage import Stage
from bench.table import Figure, Goal, by_request
from bench.windows import closures, most_allowed, most_inside, most_within
from testbed.stand_in import Requests

FRACTION = 0.1
RATE_LIMITED = "rate_limited"
PATIENCE_SECONDS_EACH = 0.3
"""A closure of a second follows every tenth request, so a tenth of a second for each is the least."""
REQUESTS_OF_ONE = 4
"""The client Secret is read, the token Secret and the status are written, and an Event is posted."""
MOST_ON_THEIR_WAY = 8
"""Requests that may reach the endpoint while the answer that closes it is on its way back."""
REQUESTS_OF_REFUSAL = 3
"""The client Secret is read for nothing, a status says that IMS throttles, and so does an Event."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it; `started` in epoch seconds.

    Args:
        retry_after: what each 429 asked for, in seconds; None where it said nothing.
        unready: credentials that are not Ready.
    """

    number: int
    retry_after: int | None
    qps: float
    latency: float
    started: float
    unready: int
    written: dict[str, float]
    asked: Requests
    requests: list[Request]

    @property
    def refused(self) -> tuple[Entry, ...]:
        """The requests that were answered with 429."""
        return tuple(each for each in self.asked.log if each.answer == RATE_LIMITED)

    @property
    def counts(self) -> "Counter[tuple[str, str]]":
        """The requests to the API server, without watches, by verb and resource."""
        return count([each for each in self.requests if each.verb != "watch"])


def run(stage: Stage, number: int, qps: float, retry_after: int | None) -> Outcome:
    """Create so many credentials at once while the operator runs; the stage's first IMS throttles."""
    group = f"after-{retry_after}" if retry_after is not None else "unsaid"
    names = [f"{group}-{each}" for each in range(number)]
    stage.create(stage.namespace, names, group, credentials=False)
    stage.ims.rules([{"behaviour": RATE_LIMITED, "retry_after": retry_after, "fraction": FRACTION}])
    stage.meter().settle(stage.load.patience)
    stage.ims.reset()
    mark, started = stage.audit.mark(), time.time()
    stage.create(stage.namespace, names, group, secrets=False)
    with contextlib.suppress(TimeoutError):
        stage.meter().settle(
            stage.load.patience + PATIENCE_SECONDS_EACH * number,
            lambda: len(first_written(stage.audit.since(mark))) >= number,
        )
    return Outcome(
        number=number,
        retry_after=retry_after,
        qps=qps,
        latency=stage.load.latency,
        started=started,
        unready=number - sum(_is_ready(each) for each in stage.list(PLURAL, f"&labelSelector={LABEL}={group}")),
        written=first_written(stage.audit.since(mark)),
        asked=stage.ims.requests(log=10_000),
        requests=stage.audit.since(mark),
    )


def _is_ready(credential: dict[str, object]) -> bool:
    status = credential.get("status")
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def figures(outcome: Outcome) -> list[Figure]:
    """What is shown of it, with the goals of the project."""
    number, refused, counts = outcome.number, len(outcome.refused), outcome.counts
    asked = [each.time for each in outcome.asked.log]
    took = max(outcome.written.values()) - outcome.started if len(outcome.written) == number else math.inf
    name = "429, no Retry-After" if outcome.retry_after is None else f"429, Retry-After {outcome.retry_after} s"
    least_of_api = REQUESTS_OF_ONE + REQUESTS_OF_REFUSAL * refused / number
    rows = [
        Figure(f"{name}: not Ready of {number}", outcome.unready, goal=Goal(0)),
        Figure(f"{name}: seconds", took, "s", number / outcome.qps - 1),
        Figure(f"{name}: refused", refused),
        Figure(f"{name}: requests", outcome.asked.total, "", number + refused, goal=Goal(1, "ratio")),
        *(
            Figure(f"{name}: most requests in {seconds} s", most_within(asked, seconds), "",
                   goal=Goal(most_allowed(outcome.qps, seconds)))
            for seconds in (1, 10)
        ),
        Figure(f"{name}: API requests each", counts.total() / number, "", least_of_api, goal=Goal(1.1, "ratio")),
        Figure(f"{name}: status writes each", counts[STATUS_PATCH] / number, "", 1 + refused / number),
    ]  # fmt: skip
    if outcome.retry_after is not None:
        answered = [each.time + outcome.latency for each in outcome.refused]
        early = most_inside(asked, closures(answered, outcome.retry_after))
        rows.append(Figure(f"{name}: most while it was closed", early, goal=Goal(MOST_ON_THEIR_WAY)))
    return rows


def show_requests(outcome: Outcome) -> str:
    """What the API server was asked, for each credential."""
    return by_request(outcome.counts, outcome.number)
