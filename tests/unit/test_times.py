"""Times and durations are read and written as Kubernetes writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.times import from_rfc3339, moment_or_none, parse_duration, to_rfc3339, whole_seconds

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(8999, 12, 30), timezones=ZONES)  # noqa: DTZ001 - hypothesis's own


@given(MOMENTS)
def test_a_moment_is_read_back_as_it_was_written_to_the_second(moment: datetime) -> None:
    written = to_rfc3339(moment)
    assert from_rfc3339(written) == whole_seconds(moment)
    assert to_rfc3339(from_rfc3339(written)) == written
    assert (len(written), written[10], written[-1]) == (20, "T", "Z")


@given(MOMENTS)
def test_cutting_to_seconds_moves_back_less_than_one(moment: datetime) -> None:
    cut = whole_seconds(moment)
    assert timedelta(0) <= moment - cut < timedelta(seconds=1)
    assert whole_seconds(cut) == cut


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T10:00:00Z",
        "2026-11-23T10:00:00.000Z",
        "2026-11-23T10:00:00+00:00",
        "2026-11-23T10:00:00-00:00",
        "2026-11-23T11:30:00+01:30",
        "2026-11-22T22:00:00-12:00",
    ],
)
def test_the_same_moment_may_be_written_in_many_ways(text: str) -> None:
    moment = from_rfc3339(text)
    assert moment == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(0)
    assert to_rfc3339(moment) == "2026-11-23T10:00:00Z"


@pytest.mark.parametrize(
    "text", ["", "soon", "1795428000", "2026-11-23", "2026-11-23T10:00:00", "2026-13-23T10:00:00Z", "\u0662026-11-23"]
)
def test_what_is_no_time_with_a_zone_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_rfc3339(text)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "0002-01-01T00:00:00Z", "9001-01-01T00:00:00Z"]
)
def test_a_time_near_an_end_of_the_calendar_is_a_value_error_as_nothing_can_be_added_to_it(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_rfc3339(text)
    assert moment_or_none(text) is None


@given(st.text() | st.text(alphabet="0123456789-:TZ+. W"))
def test_any_text_is_a_time_in_utc_or_a_value_error(text: str) -> None:
    try:
        moment = from_rfc3339(text)
    except ValueError:
        return
    assert moment.tzinfo is UTC


@given(st.integers(0, 99999), st.integers(0, 99999), st.integers(0, 99999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int) -> None:
    wanted = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == wanted
    assert parse_duration(f"{int(wanted.total_seconds())}s") == wanted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("23h", 82800),
        ("1m", 60),
        ("90m", 5400),
        ("1h30m", 5400),
        ("23h59m", 86340),
        ("1h1s", 3601),
        ("007m", 420),
        ("0s", 0),
        ("86340s", 86340),
    ],
)
def test_a_duration_is_written_as_in_go(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "23", "23 h", "23h ", "23h\n", "-1h", "+1h", "1.5h", "1d", "1h1h", "1m1h", "1ms", "PT23H", "23H"],
)
def test_what_is_no_duration_is_told_with_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write it like 23h, 90m or 1h30m") as refusal:
        parse_duration(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", ["99999999999999h", "9" * 15 + "m"])
def test_a_duration_beyond_all_bounds_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)
