"""The operator's clock and that of IMS: how far they are apart, and when a token of theirs begins and ends."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe import clock_skew
from adobe_ims_operator.adobe.answers import Answer, Grant, Question, interpret
from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.errors import ClockSkewed, IMSRateLimited
from adobe_ims_operator.adobe.tls_trust import load_trust
from testbed.stand_in import StandIn
from unit.asking import CLIENT, SCOPES, assert_without_secrets, check

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
QUESTION = Question("https://ims.example", SCOPES, CLIENT.client_secret)
DAY = 86399

latencies = st.floats(0, 60)
skews = st.floats(-20 * DAY, 20 * DAY)
lifetimes = st.integers(10, 864000)


def after(seconds: float, begin: datetime = NOW) -> datetime:
    return begin + timedelta(seconds=seconds)


def read(skew: float, lifetime: int, before: float = 0, behind: float = 0) -> Grant | ClockSkewed:
    """What comes of an answer whose Date was written so many seconds after the request and before its answer.

    Args:
        skew: by how much the operator's clock is ahead.
    """
    body = b'{"access_token": "the-token", "expires_in": %d}' % lifetime
    date = format_datetime(after(before - skew), usegmt=True)
    try:
        return interpret(QUESTION, Answer(200, {"date": date}, body, NOW, after(before + behind)))
    except ClockSkewed as error:
        return error


@given(skews, latencies, latencies)
def test_the_skew_that_is_measured_is_the_true_one_as_far_as_the_answer_tells(
    skew: float, before: float, behind: float
) -> None:
    date = after(before - skew).replace(microsecond=0)
    measured = clock_skew.skew(NOW, after(before + behind), date)
    assert measured is not None
    assert abs(measured) <= abs(skew) + 1e-5
    assert abs(measured - skew) <= before + behind + 1 + 1e-5


@pytest.mark.parametrize("header", [None, "", "soon", "Mon, 99 Foo 2026", "Mon, 01 Jan 2026 00:00:00 +99999999999"])
def test_without_a_date_the_skew_is_not_known(header: str | None) -> None:
    assert clock_skew.skew(NOW, NOW, clock_skew.parse_date(header)) is None


def test_where_the_own_clock_was_set_back_meanwhile_the_skew_is_not_known() -> None:
    assert clock_skew.skew(NOW, after(-1), NOW) is None


@given(skews, lifetimes, latencies, latencies)
def test_a_token_never_ends_later_than_both_clocks_say_but_for_half_a_minute(
    skew: float, lifetime: int, before: float, behind: float
) -> None:
    grant = read(skew, lifetime, before, behind)
    if isinstance(grant, ClockSkewed):
        assert abs(skew) >= max(30, lifetime / 2) - 1e-5
        return
    assert grant.expires_at - grant.issued_at == grant.token.expires_in == timedelta(seconds=lifetime)
    by_ours, by_theirs = after(before), after(before - skew)
    assert grant.date == by_theirs.replace(microsecond=0)
    assert grant.issued_at <= by_ours
    assert grant.issued_at <= after(31 + before + behind, by_theirs)
    # It is not due again at once, however far the clocks are apart.
    assert after(before) < grant.issued_at + timedelta(seconds=max(lifetime / 2 + 2 + before, 32 + before))


@pytest.mark.parametrize(
    ("skew", "issued"),
    [(0, 0), (30, 0), (-30, 0), (-40, 0), (-40000, 0), (40, -39), (40000, -39999)],
)
def test_the_earlier_clock_counts_where_they_differ_by_more_than_half_a_minute(skew: float, issued: float) -> None:
    grant = read(skew, DAY)
    assert isinstance(grant, Grant)
    assert grant.issued_at == after(issued)


@pytest.mark.parametrize(
    ("skew", "words"), [(43201, "12:00:00 ahead of"), (-43200, "12:00:00 behind"), (2 * DAY, "1 day, 23:59:57 ahead")]
)
def test_beyond_half_of_the_lifetime_nobody_knows_when_a_token_ends(skew: float, words: str) -> None:
    error = read(skew, DAY)
    assert isinstance(error, ClockSkewed)
    assert error.needs_person
    assert error.skew == pytest.approx(skew, abs=1)
    check(error, ClockSkewed, words, "mend the clock")


def test_a_date_to_wait_for_is_counted_by_the_clock_that_wrote_it() -> None:
    there = after(-86400)
    headers = {
        "date": format_datetime(there, usegmt=True),
        "retry-after": format_datetime(after(90, there), usegmt=True),
    }
    with pytest.raises(IMSRateLimited) as raised:
        interpret(QUESTION, Answer(429, headers, b"", NOW, NOW))
    assert raised.value.retry_after == timedelta(seconds=90)


@pytest.mark.parametrize(("ahead", "least", "most"), [(0, -3, 0), (3600, -3, 0), (-3600, -3603, -3595)])
async def test_a_token_of_an_ims_with_another_clock_is_taken_by_the_earlier_one(
    stand_in: StandIn, ahead: float, least: float, most: float
) -> None:
    stand_in.rules([{"behaviour": "clock", "ahead": ahead}])
    client = IMSClient(load_trust(stand_in.ca))
    grant = await client.fetch(stand_in.url, CLIENT, SCOPES)
    await client.close()
    assert least <= (grant.issued_at - datetime.now(UTC)).total_seconds() <= most
    assert grant.skew is not None
    assert abs(grant.skew + ahead) < 4


async def test_an_operator_whose_clock_is_two_days_ahead_takes_no_token(stand_in: StandIn) -> None:
    client = IMSClient(load_trust(stand_in.ca), now=lambda: datetime.now(UTC) + timedelta(days=2))
    with pytest.raises(ClockSkewed) as raised:
        await client.fetch(stand_in.url, CLIENT, SCOPES)
    await client.close()
    assert_without_secrets(f"{raised.value!r} {raised.value}")
