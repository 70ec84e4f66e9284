"""Whatever changes, and however often: IMS and Adobe are asked a few times, and then at the pace of who waits."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adobe_ims_operator.api.client_secret_ledger import Slot
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Trouble
from adobe_ims_operator.core.refused_writes import FREE_RETRIES
from adobe_ims_operator.core.replacement import attempts
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.decision import Add, AskToken, Delete, List, Wait, Write
from adobe_ims_operator.core.replacement.model import Step
from unit.replacement.walks import draining, proxied, reason, until, uuids, write_by_hand
from unit.replacement.world import Cluster, Fault, first_cluster, run

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def failing(kind: type) -> Cluster:
    """A cluster in which a step just failed."""
    _, cluster = proxied()
    cluster.take(until(cluster, lambda decision: isinstance(decision, kind)), Fault.NOT_DONE)
    return cluster


def tries(cluster: Cluster, kind: type, seconds: int, change: Callable[[int], object]) -> list[int]:
    """In which seconds a step is tried that fails each time, while something is changed in each."""
    found = []
    for second in range(seconds):
        cluster.adobe.now += SECOND
        change(second)
        for _ in range(20):
            decision = decide(cluster.observe(), cluster.now)
            if isinstance(decision, kind):
                found.append(second)
                cluster.take(decision, Fault.NOT_DONE)
            elif isinstance(decision, Wait):
                break
            else:
                cluster.take(decision, Fault.NONE)
    return found


@pytest.mark.parametrize("kind", [AskToken, List, Delete])
def test_requests_for_a_replacement_open_nothing(kind: type) -> None:
    idle, other = failing(kind), failing(kind)
    asked = tries(other, kind, 120, lambda second: other.request(str(second)))
    assert asked == tries(idle, kind, 120, lambda _: None)


@pytest.mark.parametrize("kind", [AskToken, List, Delete])
def test_one_edit_is_tried_at_once_and_many_are_not(kind: type) -> None:
    cluster = failing(kind)
    asked = tries(cluster, kind, 300, lambda _: cluster.edit())
    assert asked[0] == 0
    for start in asked:
        assert sum(start <= each < start + 60 for each in asked) <= 2 * FREE_RETRIES + 4
    assert len(asked) <= 6 + (FREE_RETRIES + 2) * 5


@pytest.mark.parametrize("step", [Step.ASK, Step.LIST, Step.DELETE])
def test_nothing_opens_what_was_asked_to_wait(step: Step) -> None:
    kind: type = {Step.ASK: AskToken, Step.LIST: List, Step.DELETE: Delete}[step]
    cluster = failing(kind)
    throttled = Trouble(Finding(Reason.CONSOLE_RATE_LIMITED, "wait"), Pace.IMS, timedelta(hours=1))
    cluster.memory = attempts.failed(cluster.memory, cluster.observe(), step, throttled, cluster.now, 0.0)

    def change(second: int) -> None:
        cluster.edit()
        cluster.request(str(second))
        cluster.bootstrap_version += 1

    assert tries(cluster, kind, 600, change) == []


def edit_value(cluster: Cluster, text: str) -> None:
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, Slot.CURRENT: text})


def test_values_that_are_written_all_the_time_are_asked_with_ever_more_slowly() -> None:
    cluster = first_cluster()
    cluster.settle()
    before = cluster.adobe.tokens
    for number in range(600):
        cluster.adobe.now += SECOND / 10
        edit_value(cluster, f"bogus-{number}")
        cluster.settle()
    assert cluster.adobe.tokens - before <= 12
    last = cluster.settle()
    assert last.finding.reason is Reason.SECRET_CONTESTED
    for number in range(600, 1200):
        cluster.adobe.now += SECOND
        edit_value(cluster, f"bogus-{number}")
        cluster.settle()
    assert cluster.adobe.tokens - before <= 20
    run([cluster], 20 * MINUTE)
    assert cluster.works()
    assert cluster.settle().finding.reason is Reason.IN_PLACE


def test_so_are_those_of_the_bootstrap_secret() -> None:
    cluster = first_cluster()
    assert cluster.bootstrap is not None
    value = cluster.bootstrap["client_secret"]
    for number in range(600):
        cluster.adobe.now += SECOND / 10
        cluster.bootstrap["client_secret"] = f"bogus-{number}"
        cluster.bootstrap_version += 1
        cluster.settle()
    assert cluster.adobe.tokens <= 12
    cluster.bootstrap["client_secret"] = value
    cluster.bootstrap_version += 1
    run([cluster], 20 * MINUTE)
    assert cluster.works()


@pytest.mark.parametrize("kind", [AskToken, Write, Add, Delete])
def test_what_takes_a_value_from_a_secret_that_can_not_be_read_waits_for_that(kind: type) -> None:
    _, cluster = proxied()
    until(cluster, lambda decision: isinstance(decision, kind) and cluster.ledger is not None)
    refused = Trouble(Finding(Reason.SECRET_READ_REFUSED, "no"), Pace.REFUSED_WRITE)
    cluster.memory = attempts.failed(cluster.memory, cluster.observe(), Step.READ_SECRET, refused, cluster.now, 0.0)
    decision = decide(cluster.observe(), cluster.now)
    assert isinstance(decision, Wait)
    assert decision.finding == refused.finding
    cluster.adobe.now = decision.until
    assert isinstance(decide(cluster.observe(), cluster.now), kind)


def test_what_takes_a_value_from_a_bootstrap_secret_that_can_not_be_read_waits_for_that() -> None:
    _, cluster = proxied()
    until(cluster, lambda decision: isinstance(decision, AskToken) and cluster.secret is None)
    refused = Trouble(Finding(Reason.SECRET_READ_REFUSED, "no"), Pace.REFUSED_WRITE)
    cluster.memory = attempts.failed(cluster.memory, cluster.observe(), Step.READ_BOOTSTRAP, refused, cluster.now, 0.0)
    decision = decide(cluster.observe(), cluster.now)
    assert isinstance(decision, Wait)
    assert decision.finding == refused.finding


def test_what_somebody_deletes_each_time_is_added_more_and_more_slowly_and_the_status_says_so() -> None:
    cluster = first_cluster()
    cluster.reports = True
    cluster.edit(overlap=DAY, interval=4 * DAY)
    run([cluster], 4 * DAY)
    tokens, end, reasons = cluster.adobe.tokens, cluster.adobe.now + 3 * DAY, set()
    while cluster.adobe.now < end:
        for value in cluster.adobe.live:
            if value.uuid != "uuid-0":
                cluster.adobe.delete(value.uuid)
        run([cluster], MINUTE)
        if cluster.resource.status.says("RotationFailing", "True"):
            reasons.add(cluster.resource.status.reason)
            assert cluster.deeds.count("POST") >= 2, "one alone a person may delete"
    assert reasons == {Reason.NEXT_CLIENT_SECRET_GONE}
    assert 10 <= cluster.deeds.count("POST") <= 20
    assert cluster.adobe.tokens - tokens <= 3 * 160
    run([cluster], 7 * timedelta(hours=1))
    assert cluster.ledger is not None
    assert Slot.PREVIOUS in cluster.ledger.held, "it goes on once they last"
    assert cluster.resource.status.says("RotationFailing", "False")
    assert not cluster.memory.failures


def test_a_lost_one_that_is_overwritten_is_looked_at_a_few_times_an_hour() -> None:
    cluster = draining()
    run([cluster], 5 * DAY)
    assert uuids(cluster) == ["uuid-1"]
    cluster.adobe.delete("uuid-1")
    run([cluster], DAY)
    write_by_hand(cluster, client_secret="wrong")
    run([cluster], 2 * HOUR)  # no more turns than any world may have
    waits = [cluster.settle().until - cluster.clock_offset - cluster.adobe.now for _ in range(3)]
    assert reason(cluster) is Reason.CLIENT_SECRET_LOST
    assert all(SECOND < wait <= 10 * MINUTE for wait in waits)


def test_what_is_written_over_a_lost_one_is_asked_about_soon_and_not_when_the_lost_one_was_to_be() -> None:
    cluster = first_cluster()
    run([cluster], DAY)
    cluster.adobe.delete("uuid-0")
    run([cluster], DAY)
    cluster.adobe.spreads = MINUTE
    theirs = cluster.adobe.add()
    assert theirs is not None
    write_by_hand(cluster, client_secret=theirs.value)
    run([cluster], 2 * MINUTE)
    assert theirs.uses
