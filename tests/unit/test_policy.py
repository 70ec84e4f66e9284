"""The core, by tables for each rule and by properties over whatever may be observed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.ledger import Facts, read_facts
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import SecretTemplate
from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.core.attempts import recall
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.core.decision import Ask, AskPriority, Look, Refuse, Wait, Write, WriteMetadata
from adobe_ims_operator.core.due import due_at
from adobe_ims_operator.core.management_scopes import MANAGEMENT_SCOPES
from adobe_ims_operator.core.model import Endpoint, Inputs, Observed, Step
from adobe_ims_operator.core.policy import IDLE, decide, holds_token, is_written
from adobe_ims_operator.core.rivals import Rivals
from adobe_ims_operator.core.secret_differences import NO_DIFFERENCES
from unit import worlds
from unit.worlds import (
    ENDPOINT,
    INPUTS,
    NOW,
    change,
    claimant,
    client_secret,
    credential,
    facts,
    failure,
    held,
    observed,
    spec,
    token_secret,
)

MANAGING = ("openid", "read_client_secret", "manage_client_secrets")
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FRESH = observed(token_secret(facts()))
CHANGED = client_secret(200)
FOREIGN = token_secret(None, credential_uid=None, controller_uid=None)
ADOPTING = observed(FOREIGN, spec=spec(secret=SecretTemplate("lightroom-token", adopt=True)))


def rotate(before: Observed, now: datetime, lifetime: timedelta) -> Observed:
    """What is observed after a rotation that succeeded."""
    digests = before.spec_digests
    known = facts(now, lifetime, spec_digest=digests.whole, token_spec_digest=digests.token)
    known = replace(known, rotate_request=before.inputs.rotate_request)
    known = replace(known, client_version=str(before.client.version if before.client else 0))
    after = change(before, secret=token_secret(known), intact=True, failure=None, held=None, in_flight=False)
    return replace(after, differences=NO_DIFFERENCES)


def write_metadata(before: Observed) -> Observed:
    """What is observed after a write of metadata that succeeded."""
    secret, digest = before.secret, before.spec_digests.whole
    assert secret is not None
    assert secret.facts is not None
    known = replace(secret.facts, spec_digest=digest) if before.is_of_this_spec else secret.facts
    return replace(before, secret=replace(secret, facts=known), differences=NO_DIFFERENCES)


class TestWhatIsRotatedAtOnce:
    @pytest.mark.parametrize(
        ("reason", "seen"),
        [
            ("SecretMissing", observed(None)),
            ("FactsDamaged", observed(token_secret(None))),
            ("SpecChanged", change(FRESH, inputs=INPUTS._replace(spec_digest="spec-2"))),
            ("SecretEdited", observed(token_secret(facts()), intact=False)),
            ("Requested", replace(FRESH, inputs=INPUTS._replace(rotate_request="now"))),
            ("ClockJumped", observed(token_secret(facts(NOW + 2 * HOUR)))),
            ("Due", observed(token_secret(facts(NOW - 23 * HOUR)))),
            ("Due", observed(token_secret(facts(NOW - 300 * HOUR)))),
            ("ClientSecretChanged", replace(FRESH, client=CHANGED, inputs=INPUTS._replace(client_digest="client-2"))),
            ("SecretTakenOver", observed(token_secret(facts(credential_uid="uid-0"), credential_uid="uid-0"))),
            (
                "SecretTakenOver",
                ADOPTING,
            ),
        ],
    )
    def test_a_rotation_says_why(self, reason: str, seen: Observed) -> None:
        decision = decide(seen, NOW)
        assert isinstance(decision, Ask)
        assert decision.need.reason == reason

    def test_a_client_secret_of_another_version_is_read_before_anything_is_concluded(self) -> None:
        unread = replace(FRESH, client=CHANGED, inputs=INPUTS._replace(client_digest=None))
        assert looks(unread) is Step.READ_CLIENT_SECRET
        assert isinstance(decide(replace(unread, inputs=INPUTS), NOW), Wait)

    @pytest.mark.parametrize("seen", [FRESH, change(FRESH, spec=spec(suspend=True)), replace(FRESH, client=None)])
    def test_a_token_secret_of_another_version_is_read_before_anything_is_concluded(self, seen: Observed) -> None:
        assert looks(replace(seen, intact=None)) is Step.READ_TOKEN_SECRET


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("reason", "word", "seen"),
        [
            ("Suspended", "spec.suspend", observed(None, spec=spec(suspend=True))),
            ("EndpointNotAllowed", "--endpoint", observed(None, endpoint=Endpoint(ENDPOINT, allowed=False))),
            ("SecretMetadataNotAllowed", "with label x/y=z, ", observed(None, forbidden="label x/y=z")),
            ("SecretNotOwned", "elder", observed(None, rivals=Rivals((claimant("elder", NOW - HOUR),)))),
            ("SecretNotOwned", "spec.secret.adopt", observed(token_secret(None, credential_uid=None))),
            (
                "SecretNotOwned",
                "spec.secret.name",
                observed(token_secret(facts(), credential_uid="uid-2", controller_uid=None, credential=None)),
            ),
            (
                "SecretNotOwned",
                "client Secret of AdobeIMSCredential other",
                replace(ADOPTING, rivals=Rivals(client=(claimant("other"),))),
            ),
            (
                "SecretNotOwned",
                "Deployment web controls it",
                replace(ADOPTING, secret=replace(FOREIGN, controller_uid="x", owner="Deployment web")),
            ),
            ("ScopeNotAllowed", "scope read_client_secret, as", observed(None, spec=spec(scopes=MANAGING))),
            ("ClientSecretNotFound", "lightroom-oauth", observed(None, client=None)),
            ("ClientSecretNotAllowed", "photos/lightroom", observed(None, client=client_secret(100, facts()))),
        ],
    )
    def test_a_refusal_says_what_to_do_and_names_no_time(self, reason: str, word: str, seen: Observed) -> None:
        decision = decide(seen, NOW)
        assert isinstance(decision, Refuse)
        assert decision.finding.reason == reason
        assert word in decision.finding.message

    def test_an_endpoint_that_is_not_allowed_is_told_with_those_that_are(self) -> None:
        many = tuple(f"https://ims-{number}.example" for number in range(12))
        for urls, words in ((many[:2], f"({many[0]}, {many[1]})"), (many, f"{many[9]}, ...)")):
            decision = decide(observed(None, endpoint=Endpoint(ENDPOINT, False, urls)), NOW)
            assert isinstance(decision, Refuse)
            assert words in decision.finding.message
            assert ENDPOINT in decision.finding.message
            assert "spec.endpoint" in decision.finding.message

    @given(worlds.anything, worlds.instants, st.sampled_from(sorted(MANAGEMENT_SCOPES)), st.data())
    def test_no_token_is_asked_for_or_written_that_can_replace_client_secrets(
        self, seen: Observed, now: datetime, scope: str, data: st.DataObject
    ) -> None:
        odd = "".join(data.draw(st.sampled_from([letter, letter.upper()])) for letter in scope)
        scopes = (*seen.spec.scopes, data.draw(st.sampled_from([odd, f" {odd}\n"])))
        managing = change(seen, spec=replace(seen.spec, scopes=scopes))
        assert not isinstance(decide(managing, now), Ask | Write)
        allowed = replace(managing, endpoint=managing.endpoint._replace(management_scopes=True))
        assert decide(allowed, now) == decide(seen, now)

    @given(worlds.anything, worlds.instants)
    def test_nothing_is_asked_for_where_it_is_refused(self, seen: Observed, now: datetime) -> None:
        hindered = seen.spec.suspend or not seen.endpoint.allowed or bool(seen.rivals.token and seen.secret is None)
        foreign = seen.secret is not None and seen.own_secret is None and not seen.spec.secret.adopt
        hindered |= seen.forbidden is not None
        if hindered or foreign or seen.client is None:
            assert not isinstance(decide(seen, now), Ask | Write)


class TestWhen:
    def test_a_token_of_a_day_is_rotated_exactly_after_the_interval(self) -> None:
        assert due_at(facts(NOW), 23 * HOUR) == NOW + 23 * HOUR
        assert waits(FRESH).attempt_at == NOW + 23 * HOUR

    @pytest.mark.parametrize(
        ("lifetime", "interval", "after"),
        [
            (82860, 82800, 82800),
            (82859, 82800, 82859 * 23 / 24),
            (86399, 86340, 86399 * 23 / 24),
            (10800, 10740, 10740),
            (10800, 10741, 10800 * 23 / 24),
        ],
    )
    def test_a_token_with_less_than_a_minute_of_margin_is_rotated_after_23_of_24_parts(
        self, lifetime: int, interval: int, after: float
    ) -> None:
        due = due_at(facts(NOW, timedelta(seconds=lifetime)), timedelta(seconds=interval))
        assert (due - NOW).total_seconds() == pytest.approx(after)

    @pytest.mark.parametrize(
        ("lifetime", "interval", "after"),
        [
            (10, 82800, 20 / 3),
            (30, 82800, 20),
            (3599, 82800, 3599 * 2 / 3),
            (10799, 82800, 10799 * 2 / 3),
            (119, 60, 60),
        ],
    )
    def test_a_token_of_less_than_three_hours_is_rotated_after_two_thirds_or_the_interval_if_that_is_earlier(
        self, lifetime: int, interval: int, after: float
    ) -> None:
        due = due_at(facts(NOW, timedelta(seconds=lifetime)), timedelta(seconds=interval))
        assert (due - NOW).total_seconds() == pytest.approx(after)

    @given(worlds.known_facts, worlds.intervals)
    def test_a_token_lives_on_for_a_minute_or_a_24th_of_its_life_after_it_is_due_and_a_short_one_for_a_third(
        self, known: Facts, interval: timedelta
    ) -> None:
        lifetime, due = known.expires_at - known.issued_at, due_at(known, interval)
        least = lifetime / 3 if lifetime < 3 * HOUR else min(lifetime / 24, timedelta(minutes=1))
        assert known.expires_at - due >= least - timedelta(microseconds=1)
        assert due <= known.issued_at + interval

    @given(worlds.known_facts, worlds.intervals)
    def test_however_short_a_token_lives_it_is_not_due_before_two_thirds_of_that_or_the_interval(
        self, known: Facts, interval: timedelta
    ) -> None:
        lifetime = known.expires_at - known.issued_at
        least = min(interval, lifetime * 2 / 3) - timedelta(microseconds=1)
        assert due_at(known, interval) - known.issued_at >= least

    @given(worlds.known_facts, worlds.intervals)
    def test_a_rotation_is_due_before_the_token_expires(self, known: Facts, interval: timedelta) -> None:
        assert known.issued_at < due_at(known, interval) < known.expires_at

    @given(worlds.anything, worlds.instants)
    def test_there_is_always_a_next_time_and_never_past_expiry(self, seen: Observed, now: datetime) -> None:
        decision = decide(seen, now)
        if isinstance(decision, Wait | Refuse):
            assert now < decision.look_again_at <= now + IDLE
            if seen.facts is not None and seen.facts.expires_at > now:
                assert decision.look_again_at <= seen.facts.expires_at
        if isinstance(decision, Wait) and decision.attempt_at is not None and not seen.in_flight:
            assert decision.look_again_at <= decision.attempt_at

    @given(worlds.known_facts, worlds.intervals, worlds.instants)
    def test_a_token_that_is_not_due_is_not_asked_for(self, known: Facts, interval: timedelta, now: datetime) -> None:
        seen = observed(
            token_secret(known),
            spec=spec(interval=interval),
            inputs=Inputs(known.spec_digest, known.client_digest, known.rotate_request),
            client=client_secret(int(known.client_version)),
        )
        if known.issued_at <= now < due_at(known, interval):
            assert isinstance(decide(seen, now), Wait)

    def test_it_looks_again_when_a_token_expires_that_could_not_be_rotated(self) -> None:
        known = facts(NOW - timedelta(seconds=86399 - 60))
        seen = observed(token_secret(known), failure=failure(NOW + timedelta(minutes=5)))
        assert waits(seen).look_again_at == known.expires_at == NOW + timedelta(minutes=1)


class TestAfterAFailure:
    @given(worlds.anything, worlds.instants)
    def test_it_waits_for_the_time_of_retry(self, seen: Observed, now: datetime) -> None:
        failed = seen.failure
        if failed is not None and now < failed.retry_at <= now + IDLE:
            decision = decide(seen, now)
            assert not (failed.step is Step.ASK and isinstance(decision, Ask))
            assert not (failed.step is Step.WRITE and isinstance(decision, Write))

    def test_a_time_of_retry_from_a_clock_that_was_wrong_is_not_waited_for(self) -> None:
        seen = observed(None, failure=failure(NOW + 48 * HOUR), throttled_until=NOW + 48 * HOUR)
        assert isinstance(decide(seen, NOW), Ask)

    def test_whether_the_client_secret_changed_is_looked_up_before_a_failed_attempt_is_repeated(self) -> None:
        unread = observed(None, inputs=INPUTS._replace(client_digest=None), failure=failure(NOW))
        assert looks(unread) is Step.READ_CLIENT_SECRET

    def test_ims_is_left_alone_by_a_client_that_it_throttles_even_after_a_change(self) -> None:
        decision = waits(observed(None, throttled_until=NOW + HOUR))
        assert (decision.attempt_at, decision.finding.reason) == (NOW + HOUR, "IMSRateLimited")

    def test_a_write_that_failed_is_tried_again_at_once_when_the_secret_it_failed_on_is_another(self) -> None:
        failed = failure(NOW + HOUR, Reason.SECRET_WRITE_REFUSED, step=Step.WRITE, pace=Pace.REFUSED_WRITE, against=101)
        immutable = observed(token_secret(facts(NOW - 23 * HOUR)), held=held(), failure=failed)
        assert waits(immutable).attempt_at == NOW + HOUR
        assert isinstance(decide(replace(immutable, secret=None), NOW), Write)
        assert isinstance(decide(replace(immutable, secret=token_secret(None, version=102)), NOW), Write)

    @pytest.mark.parametrize("step", [Step.READ_TOKEN_SECRET, Step.READ_CLIENT_SECRET])
    def test_a_look_that_failed_is_repeated_at_its_pace_or_when_the_secret_changes(self, step: Step) -> None:
        unread = INPUTS._replace(client_digest=None)
        failed = failure(NOW + HOUR, Reason.SECRET_READ_FAILED, step=step, pace=Pace.API_SERVER, against=101)
        seen = observed(
            token_secret(facts(NOW - 23 * HOUR)),
            client=client_secret(101),
            intact=None if step is Step.READ_TOKEN_SECRET else True,
            inputs=unread,
            failure=failed,
        )
        assert waits(seen).finding.reason == Reason.SECRET_READ_FAILED
        changed = replace(seen, secret=token_secret(facts(NOW - 23 * HOUR), version=102), client=client_secret(102))
        assert looks(changed) is step

    def test_a_token_that_came_is_written_whatever_ims_says_meanwhile(self) -> None:
        seen = observed(None, held=held(), throttled_until=NOW + HOUR)
        assert isinstance(decide(seen, NOW), Write)
        refused = change(seen, failure=failure(NOW + HOUR, Reason.SECRET_WRITE_REFUSED, step=Step.WRITE))
        assert waits(refused).attempt_at == NOW + HOUR

    @pytest.mark.parametrize(
        "seen",
        [
            observed(None),
            observed(token_secret(None)),
            observed(token_secret(facts()), intact=False),
            change(FRESH, inputs=INPUTS._replace(spec_digest="spec-2")),
            replace(FRESH, inputs=INPUTS._replace(rotate_request="now")),
            replace(FRESH, client=CHANGED, inputs=INPUTS._replace(client_digest="client-2")),
            ADOPTING,
        ],
    )
    def test_rotations_that_are_not_due_slow_down_whatever_they_are_for(self, seen: Observed) -> None:
        waited = []
        for unplanned in (1, 9, 10, 11, 12, 16, 99):
            decision = decide(change(seen, last_unplanned=NOW, unplanned=unplanned), NOW)
            at = decision.attempt_at if isinstance(decision, Wait) else None
            waited.append(0.0 if at is None else (at - NOW).total_seconds())
        assert waited == [0, 0, 5, 10, 20, 300, 300]

    def test_a_rotation_that_is_due_is_never_held_up_by_those_that_were_not(self) -> None:
        due = observed(token_secret(facts(NOW - 23 * HOUR)), last_unplanned=NOW, unplanned=99)
        assert isinstance(decide(due, NOW), Ask)

    @given(st.sampled_from(Pace), st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
    def test_backoff_stays_within_its_pace(self, pace: Pace, count: int, chance: float) -> None:
        assert 0.8 * pace.shortest <= backoff(pace, count, chance).total_seconds() <= pace.longest

    def test_backoff_doubles_from_5_s_to_5_min(self) -> None:
        waits = [backoff(Pace.IMS, count, 0.0).total_seconds() for count in range(1, 9)]
        assert waits == [5, 10, 20, 40, 80, 160, 300, 300]

    def test_chance_takes_off_up_to_a_fifth(self) -> None:
        assert [backoff(Pace.IMS, 1, chance).total_seconds() for chance in (0.0, 0.5)] == [5, 4.5]

    @pytest.mark.parametrize("reason", ["IMSUnavailable", "InvalidClient"])
    def test_a_restart_goes_on_waiting_until_the_spec_is_another(self, reason: str) -> None:
        failing = Condition("RotationFailing", "True", reason, "no", 1)
        status = Status(1, next_rotation_time="2026-11-24T10:05:00Z", failures=4, conditions=(failing,))
        found = recall(credential(status=status, generation=1), NOW).failure
        assert found is not None
        assert (found.finding.reason, found.count, found.step) == (reason, 4, Step.ASK)
        assert (found.retry_at, found.inputs) == (NOW + timedelta(minutes=5), None)
        assert recall(credential(status=status, generation=2), NOW).failure is None


class TestLevels:
    @given(worlds.known_facts, worlds.intervals, worlds.inputs, worlds.instants)
    def test_the_secret_alone_leads_to_the_same_decision_as_memory(
        self, known: Facts, interval: timedelta, some: Inputs, now: datetime
    ) -> None:
        remembered = observed(token_secret(known), spec=spec(interval=interval), inputs=some)
        stored = read_facts(known.to_annotations())
        assert stored == known
        after_restart = observed(token_secret(stored), spec=spec(interval=interval), inputs=some)
        assert decide(after_restart, now) == decide(remembered, now)

    @given(worlds.anything, worlds.instants, worlds.lifetimes)
    def test_after_a_rotation_there_is_nothing_more_to_do(
        self, seen: Observed, now: datetime, lifetime: timedelta
    ) -> None:
        if isinstance(decide(seen, now), Ask):
            assert isinstance(decide(rotate(seen, now, lifetime), now), Wait)

    @given(worlds.anything, st.lists(worlds.instants, max_size=8), st.integers(60, 86399))
    def test_repeated_and_spurious_wakes_change_no_rotation(
        self, seen: Observed, spurious: list[datetime], seconds: int
    ) -> None:
        lifetime, end = timedelta(seconds=seconds), NOW + timedelta(hours=3)
        inputs = seen.inputs._replace(client_digest="client-2")
        start = change(
            seen, inputs=inputs, intact=bool(seen.intact), unplanned=0, in_flight=False, held=None, failure=None
        )
        start = replace(start, differences=seen.differences or NO_DIFFERENCES)

        def rotations(wakes: list[datetime]) -> list[datetime]:
            state, now = start, NOW
            found: list[datetime] = []
            pending = sorted(wake for wake in wakes if NOW < wake < end)
            while now < end and len(found) < 50:
                decision = decide(state, now)
                if isinstance(decision, Ask):
                    found.append(now)
                    state = rotate(state, now, lifetime)
                    decision = decide(state, now)
                if isinstance(decision, WriteMetadata):
                    state = write_metadata(state)
                    decision = decide(state, now)
                assert isinstance(decision, Wait | Refuse)
                following = [wake for wake in pending if wake > now][:1]
                now = min([decision.look_again_at, *following])
            return found

        assert rotations(spurious + spurious) == rotations([])


class TestAsking:
    def test_while_ims_is_asked_it_waits_for_the_answer_and_looks_when_the_token_expires(self) -> None:
        asking = observed(token_secret(facts(NOW - 23.9 * HOUR)), in_flight=True)
        decision = waits(asking)
        assert asking.facts is not None
        assert decision.look_again_at == asking.facts.expires_at

    def test_a_token_for_other_inputs_is_not_written(self) -> None:
        stale = observed(None, held=held(inputs=INPUTS._replace(rotate_request="before")))
        assert isinstance(decide(stale, NOW), Ask)

    def test_a_token_that_came_too_long_ago_is_not_written_any_more(self) -> None:
        for hours, kept in ((22, True), (23, False)):
            assert holds_token(observed(None, held=held(facts(NOW - hours * HOUR))), NOW) is kept

    def test_a_credential_without_a_token_has_no_moment_of_urgency(self) -> None:
        ask = asks(observed(None))
        assert (ask.priority, ask.urgent_at, ask.expires_at) == (AskPriority.WITHOUT_TOKEN, None, None)

    def test_a_token_becomes_urgent_at_half_of_the_time_between_its_rotation_and_its_end(self) -> None:
        ask = asks(observed(token_secret(facts(NOW - 23 * HOUR, 24 * HOUR))))
        assert (ask.priority, ask.urgent_at) == (AskPriority.ROUTINE, NOW + 0.5 * HOUR)
        assert ask.expires_at == NOW + HOUR

    def test_a_token_of_another_spec_is_none(self) -> None:
        changed = observed(token_secret(facts()), inputs=INPUTS._replace(spec_digest="spec-2"))
        assert asks(changed).priority is AskPriority.WITHOUT_TOKEN

    @pytest.mark.parametrize("secret", [None, token_secret(facts(NOW - 24 * HOUR))])
    def test_a_retry_of_what_ims_refused_comes_last_and_is_never_urgent(self, secret: None) -> None:
        refused = failure(NOW - SECOND, Reason.INVALID_CLIENT, pace=Pace.PERSON)
        ask = asks(observed(secret, failure=refused))
        assert (ask.priority, ask.urgent_at) == (AskPriority.RETRY, None)


def waits(seen: Observed) -> Wait:
    decision = decide(seen, NOW)
    assert isinstance(decision, Wait), decision
    return decision


def asks(seen: Observed) -> Ask:
    decision = decide(seen, NOW)
    assert isinstance(decision, Ask), decision
    return decision


def looks(seen: Observed) -> Step:
    decision = decide(seen, NOW)
    assert isinstance(decision, Look), decision
    return decision.step


def test_a_token_in_hand_that_is_in_the_secret_is_written() -> None:
    known = facts()
    there = token_secret(known)
    assert is_written(observed(there, held=held(known), intact=True))
    assert not is_written(observed(there, held=held(known), intact=False))
    assert not is_written(observed(None, held=held(known)))
    assert not is_written(observed(token_secret(facts(NOW - HOUR)), held=held(known)))
