"""When the token of another credential is taken: whatever is observed, by the consent of both and at a pace."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.source import SharedWith, TokenFrom
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import stalled
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Ask, Refuse, Take, Wait, Write
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Attempts, Endpoint, Inputs, Observed, Step, Trouble
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.core.policy import FREE_ROTATIONS, FRESH, decide, problem
from adobe_ims_operator.core.rivals import NO_HOLDER, Rivals
from adobe_ims_operator.core.source import Shared, Source, Unshared, Unwatched
from adobe_ims_operator.core.status import derive
from adobe_ims_operator.core.surroundings import Surroundings
from adobe_ims_operator.core.taking import next_planned
from unit import worlds
from unit.worlds import NOW, facts, token_secret

SOURCE = Key("shared", "lightroom")
DIGESTS = SpecDigests("source-1", "source-1")
TAKER = worlds.spec(source=TokenFrom(*SOURCE))
ROTATION = f"{int(NOW.timestamp())}-a"
HOUR = timedelta(hours=1)


def source_facts(**changes: object) -> Facts:
    plain = facts(
        credential=str(SOURCE), credential_uid="uid-9", spec_digest="source-1", rotation_id=ROTATION, client_id="id"
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def shared(known: Facts | None, **spec: object) -> Shared:
    return Shared(SOURCE, "uid-9", worlds.spec(shared_with=SharedWith(("photos",)), **spec), DIGESTS, known)


def taker(source: Source, known: Facts | None = None, **changes: object) -> Observed:
    """A taker with a token Secret of those facts, or without one."""
    rotation = source.rotation if isinstance(source, Shared) else None
    changes = {"inputs": Inputs("spec-1", rotation, ""), "client": None, "source": source, "spec": TAKER} | changes
    return worlds.observed(None if known is None else token_secret(known), **changes)


def taken(**changes: object) -> Facts:
    """The facts of a taker that has the token of `source_facts`."""
    return replace(facts(source_rotation=ROTATION), **changes)  # type: ignore[arg-type]


moments = st.one_of(worlds.instants, st.just(NOW))
sources = st.one_of(
    st.just(Unshared(SOURCE)),
    st.just(Unwatched(SOURCE)),
    st.builds(
        lambda issued_at, lifetime, rotation, digest: shared(
            source_facts(issued_at=issued_at, expires_at=issued_at + lifetime, rotation_id=rotation, spec_digest=digest)
        ),
        moments,
        worlds.lifetimes,
        st.sampled_from([None, "1-a", "1-b"]),
        st.sampled_from(["source-1", "source-2"]),
    ),
    st.just(shared(None)),
)


@given(worlds.anything, sources)
def test_who_takes_a_token_never_asks_ims_and_takes_only_what_is_shared_and_can_be_used(
    seen: Observed, source: Source
) -> None:
    observed = worlds.change(replace(seen, source=source, client=None), spec=TAKER)
    decision = decide(observed, NOW)
    assert not isinstance(decision, Ask | Write)
    if isinstance(decision, Take):
        assert isinstance(source, Shared)
        assert source.facts is not None
        assert source.facts.expires_at > NOW
        assert source.facts.issued_at <= NOW + timedelta(minutes=1)
        assert source.facts.expires_at - source.facts.issued_at <= timedelta(days=10)
        assert source.facts.spec_digest == "source-1"


@pytest.mark.parametrize("known", [None, taken()])
@pytest.mark.parametrize(
    ("source", "reason"),
    [(Unshared(SOURCE), Reason.SOURCE_NOT_SHARED), (Unwatched(SOURCE), Reason.SOURCE_NOT_WATCHED)],
)
def test_without_consent_nothing_is_taken_and_that_is_said_at_once(
    known: Facts | None, source: Source, reason: Reason
) -> None:
    observed = taker(source, known)
    decision = decide(observed, NOW)
    assert isinstance(decision, Refuse)
    assert decision.finding.reason is reason
    assert problem(observed, decision, NOW) == decision.finding
    found = {each.type: each.status for each in derive(observed, decision, observed.credential.status, NOW).conditions}
    assert found == {"Ready": "False" if known is None else "True", "RotationFailing": "True"}
    noted = replace(observed, attempts=stalled.note(observed.attempts, observed, decision, NOW))
    assert stalled.stalled(noted, decision, NOW + HOUR) is None, "its owner may name this namespace any moment"


@pytest.mark.parametrize(
    ("known", "source", "reason"),
    [
        (None, source_facts(), Reason.SECRET_MISSING),
        (taken(source_rotation="1-z"), source_facts(), Reason.SOURCE_ROTATED),
        (taken(source_rotation=None), source_facts(rotation_id=None), Reason.SOURCE_ROTATED),
        (taken(spec_digest="spec-0"), source_facts(), Reason.SPEC_CHANGED),
    ],
)
def test_a_token_is_taken_where_there_is_none_or_another(known: Facts | None, source: Facts, reason: Reason) -> None:
    decision = decide(taker(shared(source), known), NOW)
    assert isinstance(decision, Take)
    assert decision.need.reason is reason


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (None, "holds no token of it"),
        (source_facts(spec_digest="source-0"), "holds the token of an earlier spec"),
        (source_facts(issued_at=NOW - 25 * HOUR, expires_at=NOW), "has expired"),
        (source_facts(issued_at=NOW + HOUR, expires_at=NOW + 2 * HOUR), "was issued in the future"),
        (source_facts(expires_at=NOW + timedelta(days=11)), "lives for another time than IMS gives"),
        (source_facts(expires_at=NOW + timedelta(seconds=9)), "lives for another time than IMS gives"),
    ],
)
def test_what_can_not_be_used_is_not_taken(source: Facts | None, why: str) -> None:
    decision = decide(taker(shared(source)), NOW)
    assert isinstance(decision, Refuse)
    assert decision.finding.reason is Reason.SOURCE_NOT_READY
    assert why in decision.finding.message


@given(st.timedeltas(HOUR, timedelta(days=365)), st.timedeltas(HOUR, timedelta(days=365)))
def test_no_time_that_is_forged_in_the_secret_of_a_source_makes_another_message(one: timedelta, two: timedelta) -> None:
    messages = set()
    for ahead in (one, two):
        facts = source_facts(issued_at=NOW + ahead, expires_at=NOW + ahead + HOUR)
        decision = decide(taker(shared(facts)), NOW)
        assert isinstance(decision, Refuse)
        messages.add(decision.finding.message)
    assert len(messages) == 1


def test_what_an_attempt_to_take_is_made_from_is_the_rotation_and_no_request() -> None:
    credential = worlds.credential(spec=TAKER, rotate_request="now")
    for source, rotation in ((shared(source_facts()), ROTATION), (shared(None), None), (Unshared(SOURCE), None)):
        around = Surroundings(credential, DIGESTS, None, None, Rivals(), NO_HOLDER, source)
        seen = observe(around, Attempts("uid-1"), Endpoint(worlds.ENDPOINT, allowed=True))
        assert seen.inputs == Inputs("source-1", rotation, "")


def test_the_age_of_a_token_is_up_to_its_source() -> None:
    observed = taker(shared(source_facts()), taken())
    decision = decide(observed, NOW + 23 * HOUR)
    assert isinstance(decision, Wait)
    assert (decision.finding, decision.attempt_at) == (FRESH, None)
    late = decide(observed, NOW + 23 * HOUR + timedelta(minutes=31))
    assert isinstance(late, Refuse), "half of the hour that is left has passed"
    assert late.finding.reason is Reason.SOURCE_NOT_READY
    assert "still holds the same token" in late.finding.message


def test_a_secret_is_healed_also_while_its_source_is_late() -> None:
    late = NOW + 23 * HOUR + timedelta(minutes=31)
    decision = decide(taker(shared(source_facts()), taken(), intact=False), late)
    assert isinstance(decision, Take)
    assert decision.need.reason is Reason.SECRET_EDITED


def test_a_request_to_rotate_is_answered_in_the_status_and_changes_nothing_else() -> None:
    observed = taker(shared(source_facts()), taken())
    asked = replace(observed, credential=replace(observed.credential, rotate_request="now"))
    decision = decide(asked, NOW)
    assert decision == decide(observed, NOW)
    status = derive(asked, decision, observed.credential.status, NOW)
    assert status.last_handled_rotate_request == "now"
    assert status.condition("RotationFailing") == derive(observed, decision, observed.credential.status, NOW).condition(
        "RotationFailing"
    )


def follow(
    issued_at: datetime, every: timedelta, count: int, interval: timedelta, write: timedelta = timedelta(0)
) -> list[datetime]:
    """When the rotations of a source are followed that come one after the other, each with facts of that time.

    Args:
        write: how long it takes to read a token and to write it.
    """
    known, moments, now = Attempts("uid-1"), [], NOW
    for number in range(count):
        rotation_id = f"{int(issued_at.timestamp())}-{number + 256:x}"
        held = source_facts(issued_at=issued_at, expires_at=NOW + timedelta(days=4), rotation_id=rotation_id)
        source = shared(held, interval=interval)
        observed = taker(source, taken(), attempts=known)
        decision = decide(observed, now)
        while isinstance(decision, Wait):
            assert decision.finding.reason is Reason.ROTATED_TOO_OFTEN
            assert decision.attempt_at is not None
            now = decision.attempt_at
            decision = decide(observed, now)
        assert isinstance(decision, Take)
        moments.append(now)
        known = attempt.took(known, decision.need, observed.inputs, now)
        known = attempt.token_came(attempt.written(known, 101), next_planned(source, held, now + write))
        now += every
    return moments


def test_a_source_that_rotates_when_it_is_due_is_followed_at_once() -> None:
    interval = timedelta(minutes=5)
    assert follow(NOW, interval, 50, interval) == [NOW + number * interval for number in range(50)]


@pytest.mark.parametrize("interval", [timedelta(minutes=1), timedelta(minutes=5)])
def test_a_source_is_followed_at_once_however_long_the_write_before_took(interval: timedelta) -> None:
    moments = follow(NOW, interval, 50, interval, write=timedelta(seconds=2))
    assert moments == [NOW + number * interval for number in range(50)]


@pytest.mark.parametrize("issued_at", [NOW, NOW - timedelta(days=4)])
def test_forged_rotations_are_followed_more_and_more_slowly_whatever_they_say_of_their_age(issued_at: datetime) -> None:
    moments = follow(issued_at, timedelta(seconds=1), 40, timedelta(minutes=5))
    assert moments[FREE_ROTATIONS] - moments[0] <= timedelta(seconds=20)
    assert moments[-1] - moments[-2] == timedelta(minutes=5)


def test_a_retry_is_not_counted_and_a_failure_waits_although_no_token_is_kept() -> None:
    observed = taker(shared(source_facts()))
    need, known = Finding(Reason.SECRET_MISSING, "there is none"), observed.attempts
    trouble = Trouble(Finding(Reason.SECRET_WRITE_FAILED, "no"), Pace.API_SERVER)
    now, waits = NOW, []
    for _ in range(8):
        known = attempt.took(known, need, observed.inputs, now)
        known = attempt.failed(known, Step.WRITE, trouble, observed.inputs, now, 0.0)
        decision = decide(replace(observed, attempts=known), now)
        assert isinstance(decision, Wait)
        assert decision.attempt_at is not None
        waits.append((decision.attempt_at - now).total_seconds())
        now = decision.attempt_at
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert known.unplanned == 1
