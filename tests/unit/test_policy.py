"""The core, by tables for each rule and by properties over whatever may be observed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.ledger import Facts, read_facts
from adobe_ims_operator.api.resource import Condition, SecretTemplate, Status
from adobe_ims_operator.core.checks import due_at
from adobe_ims_operator.core.model import Inputs, Observed, Rivals
from adobe_ims_operator.core.policy import IDLE, Action, Pace, backoff, decide, rank, recall_failure
from unit import worlds
from unit.worlds import INPUTS, NOW, claimant, client_secret, facts, failure, observed, spec, token_secret

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FRESH = observed(token_secret(facts()))
CHANGED = client_secret(200)
FOREIGN = token_secret(None, credential_uid=None, controller_uid=None)
ADOPTING = observed(FOREIGN, spec=spec(secret=SecretTemplate("lightroom-token", adopt=True)))


def rotate(before: Observed, now: datetime, lifetime: timedelta) -> Observed:
    """What is observed after a rotation that succeeded."""
    known = facts(now, lifetime, spec_digest=before.inputs.spec_digest, rotate_request=before.inputs.rotate_request)
    known = replace(known, client_version=str(before.client_version))
    return replace(before, secret=token_secret(known), secret_intact=True, failure=None, pending=False)


class TestWhatIsRotatedAtOnce:
    @pytest.mark.parametrize(
        ("reason", "seen"),
        [
            ("SecretMissing", observed(None)),
            ("FactsDamaged", observed(token_secret(None))),
            ("SpecChanged", replace(FRESH, inputs=INPUTS._replace(spec_digest="spec-2"))),
            ("SecretEdited", observed(token_secret(facts()), secret_intact=False)),
            ("Requested", replace(FRESH, inputs=INPUTS._replace(rotate_request="now"))),
            ("ClockJumped", observed(token_secret(facts(NOW + 2 * HOUR)))),
            ("Due", observed(token_secret(facts(NOW - 23 * HOUR)))),
            ("Due", observed(token_secret(facts(NOW - 300 * HOUR)))),
            ("ClientSecretChanged", replace(FRESH, client=CHANGED, inputs=INPUTS._replace(client_digest="client-2"))),
            ("SecretTakenOver", observed(token_secret(facts(), credential_uid="uid-0"), predecessor_uid="uid-0")),
            (
                "SecretTakenOver",
                ADOPTING,
            ),
        ],
    )
    def test_a_rotation_says_why(self, reason: str, seen: Observed) -> None:
        decision = decide(seen, NOW)
        assert (decision.action, decision.finding.reason) == (Action.FETCH, reason)

    def test_a_client_secret_of_another_version_is_read_before_anything_is_concluded(self) -> None:
        unread = replace(FRESH, client=CHANGED, inputs=INPUTS._replace(client_digest=None))
        assert decide(unread, NOW).action is Action.READ_CLIENT
        assert decide(replace(unread, inputs=INPUTS), NOW).action is Action.WAIT

    @pytest.mark.parametrize("seen", [FRESH, replace(FRESH, spec=spec(suspend=True)), replace(FRESH, client=None)])
    def test_a_token_secret_of_another_version_is_read_before_anything_is_concluded(self, seen: Observed) -> None:
        assert decide(replace(seen, secret_intact=None), NOW).action is Action.READ_SECRET


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("reason", "word", "seen"),
        [
            ("Suspended", "spec.suspend", observed(None, spec=spec(suspend=True))),
            ("EndpointNotAllowed", "--endpoint", observed(None, endpoint_allowed=False)),
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
            ("ClientSecretNotFound", "lightroom-oauth", observed(None, client=None)),
            ("ClientSecretNotAllowed", "photos/lightroom", observed(None, client=client_secret(100, facts()))),
        ],
    )
    def test_a_refusal_says_what_to_do_and_names_no_time(self, reason: str, word: str, seen: Observed) -> None:
        decision = decide(seen, NOW)
        assert (decision.action, decision.finding.reason, decision.attempt_at) == (Action.WAIT, reason, None)
        assert word in decision.finding.message

    @given(worlds.anything, worlds.instants)
    def test_nothing_is_asked_for_where_it_is_refused(self, seen: Observed, now: datetime) -> None:
        hindered = seen.spec.suspend or not seen.endpoint_allowed or bool(seen.rivals.token and seen.secret is None)
        foreign = seen.secret is not None and seen.own_secret is None and not seen.spec.secret.adopt
        hindered |= seen.forbidden is not None
        if hindered or foreign or seen.client is None:
            assert decide(seen, now).action in (Action.WAIT, Action.READ_SECRET)


class TestWhen:
    def test_a_token_of_a_day_is_rotated_exactly_after_the_interval(self) -> None:
        assert due_at(facts(NOW), 23 * HOUR) == NOW + 23 * HOUR
        assert decide(FRESH, NOW).attempt_at == NOW + 23 * HOUR

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
        assert decision.look_again_at <= now + IDLE
        if decision.action is Action.WAIT:
            assert decision.look_again_at > now
            if seen.facts is not None and seen.facts.expires_at > now:
                assert decision.look_again_at <= seen.facts.expires_at
            if decision.attempt_at is not None:
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
            assert decide(seen, now).action is Action.WAIT

    def test_it_looks_again_when_a_token_expires_that_could_not_be_rotated(self) -> None:
        known = facts(NOW - timedelta(seconds=86399 - 60))
        seen = observed(token_secret(known), failure=failure(NOW + timedelta(minutes=5)))
        assert decide(seen, NOW).look_again_at == known.expires_at == NOW + timedelta(minutes=1)


class TestAfterAFailure:
    @given(worlds.anything, worlds.instants)
    def test_it_waits_for_the_time_of_retry(self, seen: Observed, now: datetime) -> None:
        if seen.failure is not None and now < seen.failure.retry_at <= now + IDLE:
            assert decide(seen, now).action not in (Action.FETCH, Action.WRITE)

    def test_a_time_of_retry_from_a_clock_that_was_wrong_is_not_waited_for(self) -> None:
        decision = decide(observed(None, failure=failure(NOW + 48 * HOUR), endpoint_opens_at=NOW + 48 * HOUR), NOW)
        assert decision.action is Action.FETCH

    def test_whether_the_client_secret_changed_is_looked_up_before_a_failed_attempt_is_repeated(self) -> None:
        unread = observed(None, inputs=INPUTS._replace(client_digest=None), pending=True)
        assert decide(unread, NOW).action is Action.READ_CLIENT

    def test_a_throttled_endpoint_is_left_alone_even_after_a_change(self) -> None:
        decision = decide(observed(None, endpoint_opens_at=NOW + HOUR), NOW)
        assert (decision.action, decision.attempt_at) == (Action.WAIT, NOW + HOUR)
        assert decision.finding.reason == "IMSRateLimited"

    @pytest.mark.parametrize("seconds", [1, 29, 30, 3600])
    def test_only_a_long_wait_for_an_endpoint_is_told_unless_the_credential_was_throttled_itself(
        self, seconds: int
    ) -> None:
        until = NOW + seconds * SECOND
        assert decide(observed(None, endpoint_opens_at=until), NOW).in_line is (seconds < 30)
        throttled = failure(until, "IMSRateLimited")
        assert not decide(observed(None, failure=throttled, endpoint_opens_at=until), NOW).in_line

    def test_a_token_that_came_is_written_whatever_ims_says_meanwhile(self) -> None:
        seen = observed(None, holds_token=True, endpoint_opens_at=NOW + HOUR)
        assert decide(seen, NOW).action is Action.WRITE
        refused = replace(seen, failure=failure(NOW + HOUR, reason="SecretWriteRefused"))
        assert decide(refused, NOW).attempt_at == NOW + HOUR

    @pytest.mark.parametrize(
        "seen",
        [
            observed(None),
            observed(token_secret(None)),
            observed(token_secret(facts()), secret_intact=False),
            replace(FRESH, inputs=INPUTS._replace(spec_digest="spec-2")),
            replace(FRESH, inputs=INPUTS._replace(rotate_request="now")),
            replace(FRESH, client=CHANGED, inputs=INPUTS._replace(client_digest="client-2")),
            ADOPTING,
        ],
    )
    def test_rotations_that_are_not_due_slow_down_whatever_they_are_for(self, seen: Observed) -> None:
        waits = []
        for unplanned in (1, 9, 10, 11, 12, 16, 99):
            decision = decide(replace(seen, last_unplanned=NOW, unplanned=unplanned), NOW)
            waits.append(0.0 if decision.attempt_at is None else (decision.attempt_at - NOW).total_seconds())
        assert waits == [0, 0, 5, 10, 20, 300, 300]

    def test_a_rotation_that_is_due_is_never_held_up_by_those_that_were_not(self) -> None:
        due = observed(token_secret(facts(NOW - 23 * HOUR)), last_unplanned=NOW, unplanned=99)
        assert decide(due, NOW).action is Action.FETCH

    @given(st.sampled_from(Pace), st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
    def test_backoff_stays_within_its_pace(self, pace: Pace, count: int, chance: float) -> None:
        shortest, longest = pace.value
        assert 0.8 * shortest <= backoff(pace, count, chance).total_seconds() <= longest

    def test_backoff_doubles_from_5_s_to_5_min(self) -> None:
        waits = [backoff(Pace.IMS, count, 0.0).total_seconds() for count in range(1, 9)]
        assert waits == [5, 10, 20, 40, 80, 160, 300, 300]

    def test_chance_takes_off_up_to_a_fifth(self) -> None:
        assert [backoff(Pace.IMS, 1, chance).total_seconds() for chance in (0.0, 0.5)] == [5, 4.5]

    @pytest.mark.parametrize("reason", ["IMSUnavailable", "InvalidClient"])
    def test_a_restart_goes_on_waiting_until_the_spec_is_another(self, reason: str) -> None:
        failing = Condition("RotationFailing", "True", reason, "no", 1)
        status = Status(1, next_rotation_time="2026-11-24T10:05:00Z", failures=4, conditions=(failing,))
        found = recall_failure(status, 1)
        assert found is not None
        assert (found.finding.reason, found.count) == (reason, 4)
        assert (found.retry_at, found.inputs) == (NOW + timedelta(minutes=5), None)
        assert recall_failure(status, 2) is None


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
        if decide(seen, now).action is Action.FETCH:
            assert decide(rotate(seen, now, lifetime), now).action is Action.WAIT

    @given(worlds.anything, st.lists(worlds.instants, max_size=8), st.integers(60, 86399))
    def test_repeated_and_spurious_wakes_change_no_rotation(
        self, seen: Observed, spurious: list[datetime], seconds: int
    ) -> None:
        lifetime, end = timedelta(seconds=seconds), NOW + timedelta(hours=3)
        inputs = seen.inputs._replace(client_digest="client-2")
        start = replace(seen, inputs=inputs, secret_intact=bool(seen.secret_intact), unplanned=0)

        def rotations(wakes: list[datetime]) -> list[datetime]:
            state, now = start, NOW
            found: list[datetime] = []
            pending = sorted(wake for wake in wakes if NOW < wake < end)
            while now < end and len(found) < 50:
                decision = decide(state, now)
                if decision.action is Action.FETCH:
                    found.append(now)
                    state = rotate(state, now, lifetime)
                    decision = decide(state, now)
                following = [wake for wake in pending if wake > now][:1]
                now = min([decision.look_again_at, *following])
            return found

        assert rotations(spurious + spurious) == rotations([])


class TestTelling:
    def test_that_a_token_expired_is_told_before_the_next_one_is_asked_for(self) -> None:
        expired = observed(token_secret(facts(NOW - 24 * HOUR)), told_ready=True)
        assert decide(expired, NOW).action is Action.TELL
        assert decide(replace(expired, told_ready=False), NOW).action is Action.FETCH
        assert decide(replace(expired, holds_token=True), NOW).action is Action.WRITE
        due = observed(token_secret(facts(NOW - 23 * HOUR)), told_ready=True)
        assert decide(due, NOW).action is Action.FETCH


class TestRank:
    def test_credentials_without_a_token_come_first_and_then_those_that_expire_soonest(self) -> None:
        soon, late = (observed(token_secret(facts(NOW - age * HOUR))) for age in (23, 1))
        (new, _), (first, _), (second, _) = (rank(each, NOW) for each in (observed(None), soon, late))
        assert new < first < second

    def test_a_token_past_half_of_the_time_for_its_rotation_goes_before_all_others(self) -> None:
        # It was due an hour before it expires, so half an hour is left.
        later = observed(token_secret(facts(NOW - 23.5 * HOUR, 24 * HOUR)))
        sooner = observed(token_secret(facts(NOW - 23.6 * HOUR, 24 * HOUR)))
        (first, _), (second, _), (new, _) = (rank(each, NOW) for each in (sooner, later, observed(None)))
        assert first < second < new
        routine, until = rank(later, NOW - SECOND)
        assert until == NOW
        assert new < routine

    def test_a_token_that_expires_in_line_does_not_lose_its_place(self) -> None:
        state = observed(token_secret(facts(NOW - 23.75 * HOUR, 24 * HOUR)))
        place, until = rank(state, NOW)
        assert until == NOW + 0.25 * HOUR
        assert rank(state, until) == (place, None)
        assert place < rank(observed(None), NOW)[0]

    def test_a_token_of_another_spec_is_none(self) -> None:
        changed = observed(token_secret(facts()), inputs=INPUTS._replace(spec_digest="spec-2"))
        assert rank(changed, NOW) == rank(observed(None), NOW)

    @given(age=st.integers(0, 25 * 3600))
    def test_a_place_stands_until_it_says(self, age: int) -> None:
        state = observed(token_secret(facts(NOW - age * SECOND)))
        place, until = rank(state, NOW)
        if until is not None:
            assert until > NOW
            assert rank(state, until - timedelta(microseconds=1))[0] == place
            assert rank(state, until) != (place, until)
