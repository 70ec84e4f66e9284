"""The stand-in misbehaves in every way that its table of behaviours names, over a real connection."""

import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from adobe_ims_stand_in.behaviours import BEHAVIOURS
from testbed.stand_in import StandIn
from unit.stand_in.asking import ask, connected, rule

LIFETIMES: list[object] = [0, -1, 86399.5, "86399", 86399000, None, True, [], {"seconds": 1}]


@pytest.mark.parametrize(
    ("given", "status", "content_type", "text"),
    [
        (rule("error"), 400, "application/json", "invalid client_secret parameter"),
        (
            rule("error", status=403, error="access_denied", description="no"),
            403,
            "application/json",
            "access_denied",
        ),
        (
            rule("error", status=502, body="html", description="Bad gateway"),
            502,
            "text/html",
            "<h1>Bad gateway</h1>",
        ),
        (rule("error", status=418, body="text", description="teapot"), 418, "text/plain", "teapot"),
        (rule("error", status=500, body="empty"), 500, "text/plain", ""),
        (rule("server_error"), 503, "text/html", "Unavailable"),
        (rule("server_error", status=500), 500, "text/html", "Unavailable"),
        (rule("rate_limited"), 429, "text/plain", "Too many requests"),
        (rule("not_json"), 200, "text/html", "<!DOCTYPE html>"),
        (rule("not_object"), 200, "application/json", "["),
        (rule("redirect", location="https://elsewhere.example/"), 302, "application/json", ""),
    ],
)
def test_an_answer_in_place_of_a_token_issues_none(
    ims: StandIn, client: httpx.Client, given: dict[str, object], status: int, content_type: str, text: str
) -> None:
    ims.rules([given])
    response = ask(client)
    assert response.status_code == status
    assert response.headers["content-type"].startswith(content_type)
    assert text in response.text
    assert ims.requests().issued == 0


def test_retry_after_comes_in_seconds_as_a_date_or_not_at_all(ims: StandIn, client: httpx.Client) -> None:
    ims.rules(
        [
            rule("rate_limited", retry_after=7, times=1),
            rule("rate_limited", retry_after=60, form="date", times=1),
            rule("rate_limited", times=1),
        ]
    )
    seconds, date, none = (ask(client).headers.get("retry-after") for _ in range(3))
    assert seconds == "7"
    assert 50 < parsedate_to_datetime(date or "").timestamp() - time.time() <= 60
    assert none is None


def test_a_redirect_says_where_to(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("redirect", location="https://elsewhere.example/", status=307)])
    response = ask(client)
    assert (response.status_code, response.headers["location"]) == (307, "https://elsewhere.example/")


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        (rule("empty_token"), "access_token", ""),
        (rule("wrong_token_type"), "token_type", "mac"),
        (rule("wrong_token_type", token_type="basic"), "token_type", "basic"),
        (rule("bearer_case"), "token_type", "Bearer"),
        *[(rule("expires_in", value=value), "expires_in", value) for value in LIFETIMES],
    ],
)
def test_a_good_answer_is_changed_in_one_field(
    ims: StandIn, client: httpx.Client, given: dict[str, object], field: str, value: object
) -> None:
    ims.rules([given])
    answer = ask(client).json()
    assert sorted(answer) == ["access_token", "expires_in", "token_type"]
    assert answer[field] == value
    assert ims.requests().by_answer == {given["behaviour"]: 1}


@pytest.mark.parametrize(
    ("behaviour", "field"),
    [("no_token", "access_token"), ("no_token_type", "token_type"), ("expires_in", "expires_in")],
)
def test_a_good_answer_lacks_a_field(ims: StandIn, client: httpx.Client, behaviour: str, field: str) -> None:
    ims.rules([rule(behaviour)])
    response = ask(client)
    assert response.status_code == 200
    assert field not in response.json()


@pytest.mark.parametrize("ahead", [3600, -3600.5])
def test_its_clock_may_be_another(ims: StandIn, client: httpx.Client, ahead: float) -> None:
    ims.rules([rule("clock", ahead=ahead)])
    date = parsedate_to_datetime(ask(client).headers["date"]).timestamp()
    assert date - time.time() == pytest.approx(ahead, abs=3)


@pytest.mark.parametrize(("given", "header"), [({"value": "of-this-answer"}, "of-this-answer"), ({}, None)])
def test_its_debug_id_may_be_any_or_none(
    ims: StandIn, client: httpx.Client, given: dict[str, object], header: str | None
) -> None:
    ims.rules([rule("debug_id", **given)])
    response = ask(client)
    assert (response.status_code, response.headers.get("x-debug-id")) == (200, header)


def test_a_rule_may_be_for_one_organization_or_for_requests_without_one(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("error", status=401, org_id="A@AdobeOrg"), rule("error", status=403, org_id="")])
    assert [ask(client, org_id=name).status_code for name in ("A@AdobeOrg", "B@AdobeOrg")] == [401, 200]
    assert ask(client).status_code == 403


def test_an_opaque_token_is_no_jwt_and_still_issued(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("opaque_token")])
    token = ask(client).json()["access_token"]
    assert "." not in token
    assert ims.issued(token)


def test_a_changed_answer_leaves_refusals_alone(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("no_token")])
    assert ask(client, client_secret="wrong").json()["error"] == "invalid_client"


def test_a_slow_answer_is_the_usual_one_later(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("slow", seconds=0.2)])
    start = time.monotonic()
    assert ask(client).status_code == 200
    assert time.monotonic() - start >= 0.2
    assert ims.requests().by_answer == {"token": 1}


def test_rules_work_together_where_one_asks_for_the_usual_answer(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("slow", seconds=0.2), rule("set_cookie"), rule("server_error")])
    start = time.monotonic()
    response = ask(client)
    assert time.monotonic() - start >= 0.2
    assert (response.status_code, "set-cookie" in response.headers) == (503, True)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("hang", httpx.ReadTimeout),
        ("truncated", httpx.RemoteProtocolError),
        ("reset", httpx.TransportError),  # under TLS, Python's ssl tells RST and end of file not apart
    ],
)
def test_no_whole_answer_arrives(
    ims: StandIn, client: httpx.Client, behaviour: str, error: type[httpx.HTTPError]
) -> None:
    ims.rules([rule(behaviour)])
    client.timeout = httpx.Timeout(0.5)
    with pytest.raises(error):
        ask(client)
    assert ims.requests().by_answer == {behaviour: 1}


def test_a_reset_connection_ends_with_rst(tmp_path: Path) -> None:
    with StandIn(tmp_path, http=True, warm=True) as stand_in, connected(stand_in) as client:
        stand_in.rules([rule("reset")])
        with pytest.raises(httpx.ReadError, match="reset by peer"):
            ask(client)


@pytest.mark.parametrize("packed", [False, True])
def test_an_oversized_answer_is_as_large_as_asked_for(ims: StandIn, client: httpx.Client, packed: bool) -> None:
    ims.rules([rule("oversized", mebibytes=2, gzip=packed)])
    response = ask(client)
    assert len(response.json()["access_token"]) == 2 << 20
    on_the_wire = int(response.headers["content-length"])
    assert on_the_wire < 10_000 if packed else on_the_wire > 2 << 20


def test_a_client_that_sends_the_cookie_back_is_counted(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("set_cookie")])
    ask(client)
    assert ims.requests().with_cookie == 0
    ask(client)
    assert ims.requests().with_cookie == 1


def test_every_behaviour_is_tested_here() -> None:
    source = Path(__file__).read_text()
    assert [name for name in BEHAVIOURS if f'"{name}"' not in source] == []
