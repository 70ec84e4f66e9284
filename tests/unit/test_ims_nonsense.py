"""An answer that IMS would not give is refused with a hint at what to check, and read no further than needed."""

import tracemalloc

import pytest

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER
from adobe_ims_operator.adobe.errors import IMSResponseInvalid
from testbed.stand_in import StandIn
from unit.asking import Refuse, Serve, check

MIB = 1 << 20


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"behaviour": "not_json"}, "without a JSON object"),
        ({"behaviour": "not_object"}, "without a JSON object"),
        ({"behaviour": "error", "status": 200, "body": "empty"}, "without a JSON object"),
        ({"behaviour": "error", "status": 200}, "without an access_token"),
        ({"behaviour": "no_token"}, "without an access_token"),
        ({"behaviour": "empty_token"}, "without an access_token"),
        ({"behaviour": "wrong_token_type"}, "with a token_type that is not bearer"),
        ({"behaviour": "wrong_token_type", "token_type": ""}, "with a token_type that is not bearer"),
        ({"behaviour": "wrong_token_type", "token_type": "bearer2"}, "with a token_type that is not bearer"),
        ({"behaviour": "expires_in"}, "without an expires_in in seconds"),
    ],
)
async def test_a_good_status_is_not_enough(
    stand_in: StandIn, refuse: Refuse, rule: dict[str, object], words: str
) -> None:
    stand_in.rules([rule])
    check(await refuse(), IMSResponseInvalid, stand_in.url, "HTTP 200", words, "a proxy, a captive portal")


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        -86399,
        0.5,
        -0.5,
        "0",
        "-5",
        "",
        " 60",
        "60.0",
        "6e1",
        "1_000",
        "\u0661\u0662",
        "soon",
        None,
        True,
        False,
        [],
        {},
        [86399],
        10**15,
        10**400,
        "9" * 30,
        "9" * 5000,
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_lifetime_must_be_a_number_of_seconds(stand_in: StandIn, refuse: Refuse, value: object) -> None:
    stand_in.rules([{"behaviour": "expires_in", "value": value}])
    check(await refuse(), IMSResponseInvalid, "without an expires_in in seconds")


@pytest.mark.parametrize("value", [1, 9, 9.9, "9"])
async def test_a_token_that_would_be_replaced_all_the_time_is_refused(
    stand_in: StandIn, refuse: Refuse, value: object
) -> None:
    stand_in.rules([{"behaviour": "expires_in", "value": value}])
    check(await refuse(), IMSResponseInvalid, "an expires_in of less than 10 s")


@pytest.mark.parametrize("value", [86399000, 864001, "86399000", 86399000.0, 10**14])
async def test_milliseconds_are_not_taken_for_seconds(stand_in: StandIn, refuse: Refuse, value: object) -> None:
    stand_in.rules([{"behaviour": "expires_in", "value": value}])
    check(await refuse(), IMSResponseInvalid, "more than ten days, so likely in milliseconds")


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "-Infinity"])
async def test_numbers_that_no_clock_can_hold_are_refused(serve: Serve, refuse: Refuse, number: str) -> None:
    body = f'{{"access_token": "the-token", "token_type": "bearer", "expires_in": {number}}}'
    check(await refuse((await serve(body)).url), IMSResponseInvalid, "without an expires_in in seconds")


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "null",
        "86399",
        '"the-token"',
        "[" * 30_000,
        '{"a":' * 5_000,
        "{'access_token': 'the-token'}",
        '{"expires_in": ' + "9" * 5000 + "}",
        '{"access_token": "the-token"',
        "access_token=the-token",
    ],
    ids=lambda body: body[:20],
)
async def test_no_json_object_is_no_token(serve: Serve, refuse: Refuse, body: str) -> None:
    check(await refuse((await serve(body)).url), IMSResponseInvalid, "without a JSON object")


@pytest.mark.parametrize("body", [b"\xff\xfe{", b"\x1f\x8b\x08\x00", b"\x00", b"\xc3\x28"])
async def test_no_text_is_no_token(serve: Serve, refuse: Refuse, body: bytes) -> None:
    raw = b"HTTP/1.1 200 \r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    check(await refuse((await serve(raw=raw)).url), IMSResponseInvalid, "without a JSON object")


@pytest.mark.parametrize(
    "token",
    [
        "null",
        "1",
        "true",
        '["the-token"]',
        '{"the-token": 1}',
        '""',
        '" "',
        '"the token"',
        '"the-token\\n"',
        '"the-token\\r\\nX-Injected: 1"',
        '"the-token\\u0000"',
        '"\\ud800"',
        '"the-tok\\u00e9n"',
    ],
)
async def test_a_token_must_fit_into_a_header(serve: Serve, refuse: Refuse, token: str) -> None:
    body = f'{{"access_token": {token}, "token_type": "bearer", "expires_in": 60}}'
    check(await refuse((await serve(body)).url), IMSResponseInvalid, "without an access_token")


@pytest.mark.parametrize("token_type", ["null", "1", '["bearer"]', '" bearer"', '"the-token"'])
async def test_a_token_type_must_be_bearer(serve: Serve, refuse: Refuse, token_type: str) -> None:
    body = f'{{"access_token": "the-token", "token_type": {token_type}, "expires_in": 60}}'
    check(await refuse((await serve(body)).url), IMSResponseInvalid, "with a token_type that is not bearer")


@pytest.mark.parametrize("body", ["html", "text", "empty"])
@pytest.mark.parametrize("status", [400, 401, 404, 418])
async def test_a_bare_refusal_is_not_of_ims(stand_in: StandIn, refuse: Refuse, status: int, body: str) -> None:
    stand_in.rules([{"behaviour": "error", "status": status, "body": body, "description": "p8e-quoted"}])
    check(await refuse(), IMSResponseInvalid, f"HTTP {status} with no OAuth error", "check spec.endpoint")


@pytest.mark.parametrize(
    "error", ["null", "400", '["invalid_client"]', '{"code": "invalid_client"}', '"Invalid_Client"', '"p8e-quoted"']
)
async def test_an_error_that_oauth_does_not_know_is_not_of_ims(serve: Serve, refuse: Refuse, error: str) -> None:
    server = await serve(f'{{"error": {error}, "error_description": "p8e-quoted"}}', status=400)
    check(await refuse(server.url), IMSResponseInvalid, "HTTP 400", "check spec.endpoint")


@pytest.mark.parametrize("description", ["null", "1", '{"client_secret": "p8e-quoted"}', '["p8e-quoted"]'])
async def test_a_description_in_any_form_does_no_harm(serve: Serve, refuse: Refuse, description: str) -> None:
    server = await serve(f'{{"error": "invalid_client", "error_description": {description}}}', status=400)
    assert (await refuse(server.url)).reason == "InvalidClient"


@pytest.mark.parametrize("status", [201, 202, 206, 226])
async def test_another_good_status_is_not_of_ims(serve: Serve, refuse: Refuse, status: int) -> None:
    body = '{"access_token": "the-token", "token_type": "bearer", "expires_in": 60}'
    check(await refuse((await serve(body, status=status)).url), IMSResponseInvalid, f"HTTP {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(stand_in: StandIn, refuse: Refuse, status: int) -> None:
    there = f"{stand_in.url}/ims/token/v3"
    stand_in.rules([{"behaviour": "redirect", "location": there, "status": status, "times": 1}])
    check(await refuse(), IMSResponseInvalid, f"redirects (HTTP {status})", "check spec.endpoint")
    assert stand_in.requests().total == 1


async def test_a_redirect_to_another_host_does_not_take_the_secret_there(
    stand_in: StandIn, serve: Serve, refuse: Refuse
) -> None:
    elsewhere = await serve()
    stand_in.rules([{"behaviour": "redirect", "location": f"{elsewhere.url}/ims/token/v3", "status": 307}])
    check(await refuse(), IMSResponseInvalid, "redirects")
    assert elsewhere.requests == []


@pytest.mark.parametrize("packed", [False, True])
async def test_an_oversized_answer_costs_no_memory(stand_in: StandIn, refuse: Refuse, packed: bool) -> None:
    stand_in.rules([{"behaviour": "oversized", "mebibytes": 64, "gzip": packed}])
    tracemalloc.start()
    error = await refuse()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.reason == "IMSResponseInvalid"
    assert peak < 4 * MIB


async def test_an_answer_is_read_only_as_far_as_it_may_go(serve: Serve, refuse: Refuse) -> None:
    server = await serve(endless=b"A" * 65536)
    error = await refuse(server.url)
    assert (error.reason, f"more than {LONGEST_ANSWER} bytes" in str(error)) == ("IMSResponseInvalid", True)
    assert server.sent < 16 * MIB  # most of it lies in the buffers of the two sockets


async def test_an_oversized_answer_is_told_with_what_to_check(serve: Serve, refuse: Refuse) -> None:
    check(await refuse((await serve("A" * (LONGEST_ANSWER + 1))).url), IMSResponseInvalid, "HTTP 200")


async def test_a_packed_answer_is_not_unpacked(stand_in: StandIn, refuse: Refuse) -> None:
    stand_in.rules([{"behaviour": "oversized", "mebibytes": 1, "gzip": True}])
    check(await refuse(), IMSResponseInvalid, "without a JSON object")
