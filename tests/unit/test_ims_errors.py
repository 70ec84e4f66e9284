"""Every row of the table of errors in IMS.md, in each of its ways: the class, the reason, and what the message says.

`refuse` looks for secrets in each error, its traceback, what is chained to it, and all log lines down to DEBUG.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER
from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.errors import (
    CredentialNotPermitted,
    Fault,
    IMSRateLimited,
    IMSUnavailable,
    InvalidClient,
    InvalidScope,
)
from adobe_ims_operator.adobe.tls_trust import load_trust
from testbed.proxy import Proxy
from testbed.stand_in import StandIn
from unit.asking import CLIENT, Refuse, Serve, assert_without_secrets, check


def oauth(error: str, description: str = "", status: int = 400) -> dict[str, object]:
    return {"behaviour": "error", "error": error, "description": description, "status": status}


# It said no: a person mends it


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    ("description", "culprit"),
    [
        ("invalid client_id parameter", "does not accept the client id;"),
        ("invalid client_secret parameter", "does not accept the client secret;"),
        ("", "does not accept the client id or the client secret;"),
        ("p8e-quoted is not known", "does not accept the client id or the client secret;"),
    ],
)
async def test_a_refused_client_is_told_by_what_is_wrong_with_it(
    stand_in: StandIn, refuse: Refuse, status: int, description: str, culprit: str
) -> None:
    stand_in.rules([oauth("invalid_client", description, status)])
    check(await refuse(), InvalidClient, culprit)


@pytest.mark.parametrize(
    ("credentials", "culprit"),
    [
        (ClientCredentials(CLIENT.client_id, "p8e-wrong"), "the client secret;"),
        (ClientCredentials("f" * 32, CLIENT.client_secret), "the client id;"),
    ],
)
async def test_a_wrong_id_or_secret_is_an_invalid_client(
    stand_in: StandIn, refuse: Refuse, credentials: ClientCredentials, culprit: str
) -> None:
    check(await refuse(credentials=credentials), InvalidClient, culprit)
    assert stand_in.requests().total == 1


async def test_both_named_in_a_description_are_both_named_in_the_message(serve: Serve, refuse: Refuse) -> None:
    body = '{"error": "invalid_client", "error_description": "invalid client_id or client_secret parameter"}'
    check(await refuse((await serve(body, status=400)).url), InvalidClient, "the client id or the client secret;")


async def test_a_refused_scope_is_told_with_the_scopes_that_were_asked_for(refuse: Refuse) -> None:
    check(await refuse(scopes=("openid", "no_such_scope")), InvalidScope, "openid,no_such_scope")


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("error", ["invalid_request", "unsupported_grant_type", "unauthorized_client", "access_denied"])
async def test_a_credential_that_is_not_set_up_for_this_is_told_with_the_error(
    stand_in: StandIn, refuse: Refuse, error: str, status: int
) -> None:
    stand_in.rules([oauth(error, "p8e-quoted", status)])
    check(await refuse(), CredentialNotPermitted, error, "OAuth Server-to-Server")


async def test_a_credential_that_is_not_permitted_is_told_with_its_organization(
    stand_in: StandIn, refuse: Refuse
) -> None:
    stand_in.rules([{**oauth("access_denied"), "org_id": "1@AdobeOrg"}])
    credentials = ClientCredentials(CLIENT.client_id, CLIENT.client_secret, "1@AdobeOrg")
    words = "that organization 1@AdobeOrg (spec.client.organizationId) has it"
    check(await refuse(credentials=credentials), CredentialNotPermitted, "access_denied", words)


# It throttles: time mends it


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("1", 1),
        ("0", 1),
        ("3600", 3600),
        ("3601", 3600),
        ("9" * 400, 3600),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Monday, 01-Jan-01 00:00:00 GMT", 1),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Mon, 99 Foo 2026", None),
        ("\u0661\u0662", None),
    ],
)
async def test_the_wait_that_is_asked_for_is_kept_between_a_second_and_an_hour(
    serve: Serve, refuse: Refuse, header: str | None, seconds: int | None
) -> None:
    headers = "" if header is None else f"Retry-After: {header}\r\n"
    error = await refuse((await serve("Too many requests", status=429, headers=headers)).url)
    check(error, IMSRateLimited, "HTTP 429", f"asks to wait {seconds} s" if seconds else "does not say for how long")
    assert isinstance(error, IMSRateLimited)
    assert error.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "header", ["Mon, 99999999999999999999 Jan 2026 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +999999999999999999"]
)
async def test_a_date_beyond_all_bounds_is_no_date(serve: Serve, refuse: Refuse, header: str) -> None:
    error = await refuse((await serve(status=429, headers=f"Retry-After: {header}\r\n")).url)
    check(error, IMSRateLimited, "does not say for how long")


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
async def test_a_date_to_wait_for_is_a_time_from_now(serve: Serve, refuse: Refuse, zone: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90)).replace("+0000", zone)
    error = await refuse((await serve(status=429, headers=f"Retry-After: {date}\r\n")).url)
    assert isinstance(error, IMSRateLimited)
    assert error.retry_after is not None
    assert 85 < error.retry_after.total_seconds() <= 90


@pytest.mark.parametrize(("form", "least"), [("seconds", 120), ("date", 115)])
async def test_both_forms_of_retry_after_work_over_tls(
    stand_in: StandIn, refuse: Refuse, form: str, least: int
) -> None:
    stand_in.rules([{"behaviour": "rate_limited", "retry_after": 120, "form": form}])
    error = await refuse()
    assert isinstance(error, IMSRateLimited)
    assert error.retry_after is not None
    assert least <= error.retry_after.total_seconds() <= 120


async def test_throttling_is_known_by_the_status_alone(stand_in: StandIn, refuse: Refuse) -> None:
    stand_in.rules([oauth("invalid_client", status=429)])
    check(await refuse(), IMSRateLimited)


async def test_throttling_is_known_however_long_the_page_is(serve: Serve, refuse: Refuse) -> None:
    server = await serve("A" * (LONGEST_ANSWER + 1), status=429, headers="Retry-After: 60\r\n")
    check(await refuse(server.url), IMSRateLimited, "wait 60 s")


# It is down or unreachable: time mends it


@pytest.mark.parametrize("status", [500, 503, 599, 408])
@pytest.mark.parametrize("body", ["html", "empty", "oauth"])
async def test_a_server_error_is_known_by_its_status_alone(
    stand_in: StandIn, refuse: Refuse, status: int, body: str
) -> None:
    stand_in.rules([{"behaviour": "error", "status": status, "body": body}])
    check(await refuse(), IMSUnavailable, f"HTTP {status}", stand_in.url)


async def test_a_server_error_is_known_however_long_the_page_is(serve: Serve, refuse: Refuse) -> None:
    check(await refuse((await serve("A" * (LONGEST_ANSWER + 1), status=503)).url), IMSUnavailable, "HTTP 503")


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
async def test_an_oauth_error_that_passes_is_no_refusal(stand_in: StandIn, refuse: Refuse, error: str) -> None:
    stand_in.rules([oauth(error)])
    check(await refuse(), IMSUnavailable, error)


@pytest.mark.parametrize("behaviour", ["reset", "truncated"])
async def test_no_whole_answer_is_no_answer(stand_in: StandIn, refuse: Refuse, behaviour: str) -> None:
    stand_in.rules([{"behaviour": behaviour}])
    check(await refuse(), IMSUnavailable, "can't be reached")
    assert stand_in.requests().total == 1


@pytest.mark.parametrize("patience", [2])
async def test_a_server_that_hangs_is_given_up(stand_in: StandIn, refuse: Refuse) -> None:
    stand_in.rules([{"behaviour": "hang"}])
    check(await refuse(), IMSUnavailable, "no answer in")


@pytest.mark.parametrize("patience", [2])
async def test_a_server_that_never_ends_its_answer_is_given_up(serve: Serve, refuse: Refuse) -> None:
    server = await serve(raw=b"HTTP/1.1 200 \r\nContent-Length: 1000\r\n\r\n{", hold=True)
    check(await refuse(server.url), IMSUnavailable, "no answer in")


@pytest.mark.parametrize("patience", [1])
async def test_after_a_hang_the_next_request_is_answered(stand_in: StandIn, refuse: Refuse, client: IMSClient) -> None:
    stand_in.rules([{"behaviour": "hang", "times": 1}])
    await refuse()
    assert stand_in.issued((await client.fetch(stand_in.url, CLIENT, ["openid"])).token.access_token)


async def test_a_server_that_is_down_is_unavailable_and_then_is_not(stand_in: StandIn, refuse: Refuse) -> None:
    stand_in.stop()
    try:
        check(await refuse(), IMSUnavailable, "can't be reached")
    finally:
        stand_in.start()


@pytest.mark.parametrize(
    "url",
    ["https://no-such-host.invalid", "https://127.0.0.1:1", "https://a..b", f"https://{'b' * 70}.invalid"],
)
async def test_a_host_that_can_not_be_reached_is_unavailable(refuse: Refuse, url: str) -> None:
    check(await refuse(url), IMSUnavailable, url, "can't be reached")


@pytest.mark.parametrize(
    ("url", "fault"), [("https://no-such-host.invalid", Fault.DNS), ("https://127.0.0.1:1", Fault.NETWORK)]
)
async def test_a_name_that_can_not_be_resolved_is_told_from_a_host_that_does_not_answer(
    refuse: Refuse, url: str, fault: Fault
) -> None:
    error = await refuse(url)
    assert isinstance(error, IMSUnavailable)
    assert error.fault is fault


@pytest.mark.parametrize("url", ["https://127.0.0.1:99999", "https://999.1.1.1", "https://xn--a"])
async def test_an_endpoint_that_can_not_exist_is_unavailable_too(refuse: Refuse, url: str) -> None:
    check(await refuse(url), IMSUnavailable, url)


async def test_an_untrusted_certificate_is_told_as_such(stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    stranger = IMSClient(load_trust(None))
    with pytest.raises(IMSUnavailable) as raised:
        await stranger.fetch(stand_in.url, CLIENT, ["openid"])
    await stranger.close()
    check(raised.value, IMSUnavailable, "not trusted, unable to get local issuer certificate: see --ims-ca-file")
    assert_without_secrets(caplog.text)
    assert stand_in.requests().total == 0


async def test_a_certificate_for_another_name_is_told_as_such(tmp_path: Path) -> None:
    with StandIn(tmp_path, arguments=["--tls-name=ims.example"], warm=True) as other:
        client = IMSClient(load_trust(other.ca))
        url = other.url.replace("ims.example", "127.0.0.1")
        with pytest.raises(IMSUnavailable) as raised:
            await client.fetch(url, CLIENT, ["openid"])
        await client.close()
    check(raised.value, IMSUnavailable, "its TLS certificate is not trusted, ", "127.0.0.1")
    assert raised.value.fault is Fault.CERTIFICATE


async def test_a_proxy_is_asked_to_connect_and_told_nothing_else(
    stand_in: StandIn, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    proxy = await serve(status=403)
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:p8e-of-the-proxy@"))
    client = IMSClient(load_trust(None))
    with pytest.raises(IMSUnavailable) as raised:
        await client.fetch(stand_in.url, CLIENT, ["openid"])
    await client.close()
    named = proxy.url.removeprefix("http://")
    check(raised.value, IMSUnavailable, f"the proxy http://{named} of HTTPS_PROXY fails: ", "HTTP 403", "NO_PROXY")
    assert raised.value.fault is Fault.PROXY
    [request] = proxy.requests
    assert request.startswith(b"CONNECT 127.0.0.1:")
    assert_without_secrets(f"{request!r} {raised.value} {caplog.text}")


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://127.0.0.1:1", "the proxy http://127.0.0.1:1 of HTTPS_PROXY fails: connection refused; check it"),
        ("no-such-proxy.invalid:1", "the proxy http://no-such-proxy.invalid:1 of HTTPS_PROXY fails: its name can't"),
    ],
)
async def test_a_failure_of_the_proxy_is_told_as_the_proxys(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, proxy: str, words: str
) -> None:
    client = through(proxy, monkeypatch)
    with pytest.raises(IMSUnavailable) as raised:
        await client.fetch(stand_in.url, CLIENT, ["openid"])
    await client.close()
    check(raised.value, IMSUnavailable, words)
    assert raised.value.fault is Fault.PROXY


async def test_what_fails_behind_the_proxy_is_not_told_as_the_proxys(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy() as proxy:
        client = through(proxy.url, monkeypatch)
        with pytest.raises(IMSUnavailable) as raised:
            await client.fetch(stand_in.url, CLIENT, ["openid"])
        await client.close()
    check(raised.value, IMSUnavailable, "its TLS certificate is not trusted", f"through the proxy {proxy.url} of HTTPS")


async def test_a_proxy_of_http_that_asks_for_a_password_is_told_as_the_proxys(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await serve(status=407)
    client = through(proxy.url, monkeypatch, "HTTP_PROXY")
    with pytest.raises(IMSUnavailable) as raised:
        await client.fetch("http://ims.example", CLIENT, ["openid"])
    await client.close()
    check(raised.value, IMSUnavailable, "of HTTP_PROXY fails: it refuses the connection, HTTP 407")
    assert raised.value.fault is Fault.PROXY


def through(proxy: str, monkeypatch: pytest.MonkeyPatch, variable: str = "HTTPS_PROXY") -> IMSClient:
    """One that asks by way of a proxy, whatever the environment of the tests is."""
    for name in ("NO_PROXY", "no_proxy", variable.lower()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, proxy)
    return IMSClient(load_trust(None))


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"",
        b"HTTP/1.1 200 \r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 \r\nX: " + b"A" * 200_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 \r\nBad Header\x00: 1\r\n\r\n{}",
        b"HTTP/1.1 100 \r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:40]),
)
async def test_what_is_not_http_is_no_answer(serve: Serve, refuse: Refuse, raw: bytes) -> None:
    check(await refuse((await serve(raw=raw or b"\r\n")).url), IMSUnavailable, "can't be reached")
