"""What a process remembers: which attempts count, and what ends a wait that an earlier process began."""

from datetime import timedelta

from adobe_ims_operator.core.attempts import Memory
from adobe_ims_operator.core.model import Failure, Finding, HeldToken, Token
from adobe_ims_operator.core.policy import UNPLANNED_WINDOW, Pace
from unit.worlds import INPUTS, NOW, facts

DUE, EDITED = Finding("Due", "it is due"), Finding("SecretEdited", "it was edited")
HELD = HeldToken(Token("token", "bearer", timedelta(seconds=86399)), "id", facts(), INPUTS)
DOWN, WRONG = Finding("IMSUnavailable", "down"), Finding("InvalidClient", "wrong")


def memory() -> Memory:
    return Memory("spec-1", None, None)


def test_only_attempts_that_were_not_due_and_are_no_retry_count() -> None:
    one = memory()
    one.ask(DUE, INPUTS, NOW)
    assert one.unplanned == 0
    one.ask(EDITED, INPUTS, NOW)
    one.fail(DOWN, INPUTS, Pace.IMS, NOW, 0.0)
    one.ask(EDITED, INPUTS, NOW)
    assert one.unplanned == 1
    one.ask(EDITED, INPUTS._replace(client_digest="client-2"), NOW)
    assert one.unplanned == 2


def test_a_quiet_time_ends_the_count() -> None:
    one = memory()
    for _ in range(5):
        one.ask(EDITED, INPUTS, NOW)
    one.ask(EDITED, INPUTS, NOW + UNPLANNED_WINDOW)
    assert one.unplanned == 1


def test_the_pace_goes_by_the_failures_for_one_reason_and_the_count_by_all() -> None:
    one = memory()
    for _ in range(7):
        one.fail(WRONG, INPUTS, Pace.PERSON, NOW, 0.0)
    assert one.fail(DOWN, INPUTS, Pace.IMS, NOW, 0.0) == timedelta(seconds=5)
    assert one.fail(DOWN, INPUTS, Pace.IMS, NOW, 0.0) == timedelta(seconds=10)
    assert one.failure is not None
    assert one.failure.count == 9


def test_failures_of_several_kinds_that_time_mends_back_off_together() -> None:
    one, throttled = memory(), Finding("IMSRateLimited", "throttled")
    waits = [one.fail(finding, INPUTS, Pace.IMS, NOW, 0.0).total_seconds() for finding in (DOWN, throttled) * 3]
    assert waits == [5, 10, 20, 40, 80, 160]


def test_a_failure_of_an_earlier_process_is_one_of_what_is_read_first() -> None:
    one = memory()
    one.failure = Failure(DOWN, 1, 1, NOW, None)
    one.note_client("7", "client-1", "")
    assert one.failure.inputs == INPUTS
    one.note_client("8", "client-2", "")
    assert one.failure.inputs == INPUTS


def test_a_token_that_came_ends_the_failures_and_stays_until_it_is_written() -> None:
    one = memory()
    one.fail(DOWN, INPUTS, Pace.IMS, NOW, 0.0)
    one.hold(HELD)
    assert (one.held, one.failure) == (HELD, None)
    one.fail(Finding("SecretWriteRefused", "no"), INPUTS, Pace.REFUSED_WRITE, NOW, 0.0)
    assert one.held == HELD
    one.written(7)
    left: object = (one.held, one.failure, one.secret_version, one.secret_intact)
    assert left == (None, None, "7", True)


def test_who_asks_anew_lets_go_of_the_token_of_before() -> None:
    one = memory()
    one.hold(HELD)
    one.ask(DUE, INPUTS, NOW)
    assert one.held is None


def test_a_wait_in_line_is_told_once_in_half_a_minute() -> None:
    known = memory()
    quiet = [known.keeps_quiet(NOW + timedelta(seconds=after), in_line=True) for after in (0, 1, 29, 30, 31, 59, 60)]
    assert quiet == [True, True, True, False, True, True, False]
    assert not known.keeps_quiet(NOW + timedelta(seconds=61), in_line=False)
    assert known.keeps_quiet(NOW + timedelta(seconds=62), in_line=True)
