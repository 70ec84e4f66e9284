"""The client secrets of a credential are listed, added and deleted over real HTTP; each failure says what was done."""

import asyncio
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER
from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.console import MANAGEMENT_SCOPES, ConsoleClient, ManagedCredential
from adobe_ims_operator.adobe.console_errors import (
    ClientSecretGone,
    ClientSecretLimitReached,
    ConsoleError,
    ConsoleRateLimited,
    ConsoleResponseInvalid,
    ConsoleUnavailable,
    CredentialNotFound,
    ManagementNotPermitted,
    Outcome,
)
from adobe_ims_operator.adobe.errors import Fault
from adobe_ims_operator.adobe.tls_trust import load_trust
from adobe_ims_operator.core.replacement.listing import NoUse
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CREDENTIAL, SAMPLE_ORGANIZATION
from testbed.proxy import Proxy
from testbed.stand_in import StandIn
from unit.asking import CLIENT, Serve, assert_without_secrets
from unit.managing import console_of, managed, refused, with_token

PATH = f"/console/organizations/{SAMPLE_ORGANIZATION}/credentials/{SAMPLE_CREDENTIAL}/secrets"
UUID = "6f5902ac-237d-4a3e-a1b4-5e5d0a1b2c3d"
MIB = 1 << 20
OTHER = ClientCredentials("other", "p8e-of-the-other")


def rule(behaviour: str, request: str = "console", **fields: object) -> dict[str, object]:
    return {"behaviour": behaviour, "request": request, **fields}


# All three


async def test_a_client_secret_is_added_used_and_the_old_one_deleted(stand_in: StandIn) -> None:
    credential = await managed(stand_in)
    ims = IMSClient(load_trust(stand_in.ca))
    async with console_of(stand_in) as console:
        [old] = (await console.list_client_secrets(credential)).secrets
        added = await console.add_client_secret(credential)
        listing = await console.list_client_secrets(credential)
        assert (listing.client_id, [secret.uuid for secret in listing.secrets]) == (
            CLIENT.client_id,
            [old.uuid, added.uuid],
        )
        assert (listing.secrets[1].last_use, listing.secrets[1].expires_at) == (NoUse.NULL, None)
        assert isinstance(listing.secrets[0].last_use, datetime)
        assert abs(listing.at - datetime.now(UTC)) < timedelta(minutes=1)
        await ims.fetch(stand_in.url, ClientCredentials(CLIENT.client_id, added.value), ["openid"])
        assert isinstance((await console.list_client_secrets(credential)).secrets[1].last_use, datetime)
        await console.delete_client_secret(credential, old.uuid)
        assert [secret.uuid for secret in (await console.list_client_secrets(credential)).secrets] == [added.uuid]
    await ims.close()
    assert stand_in.read_by_hand(added.uuid) == added.value
    assert stand_in.console_requests().done == {"list": 4, "add": 1, "delete": 1}
    assert_without_secrets(f"{credential!r} {added!r}")


async def test_the_date_of_a_list_is_adobes(stand_in: StandIn) -> None:
    credential = await managed(stand_in)
    stand_in.settings(clock_offset=6 * 3600)
    async with console_of(stand_in) as console:
        listing = await console.list_client_secrets(credential)
    assert abs(listing.at - datetime.now(UTC) - timedelta(hours=6)) < timedelta(minutes=1)


async def test_a_list_of_another_client_says_so(stand_in: StandIn) -> None:
    stand_in.clients([(CLIENT.client_id, CLIENT.client_secret), (OTHER.client_id, OTHER.client_secret)])
    ours = (SAMPLE_ORGANIZATION, SAMPLE_CREDENTIAL)
    stand_in.credentials({ours: CLIENT.client_id, (SAMPLE_ORGANIZATION, "7"): OTHER.client_id})
    async with console_of(stand_in) as console:
        listing = await console.list_client_secrets(await managed(stand_in, SAMPLE_ORGANIZATION, "7"))
    assert listing.client_id == OTHER.client_id


async def test_a_request_is_as_adobe_wants_it(serve: Serve, stand_in: StandIn) -> None:
    server = await serve(status=204, headers="Set-Cookie: a=b; Path=/\r\n")
    async with console_of(stand_in, server.url) as console:
        for _ in range(2):
            await console.delete_client_secret(with_token("the-token"), UUID)
    assert server.requests[0] == server.requests[1]
    line, *lines = server.requests[0].decode().strip().split("\r\n")
    sent = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    assert line == f"DELETE {PATH}/{UUID} HTTP/1.1"
    assert (sent["authorization"], sent["x-api-key"]) == ("Bearer the-token", SAMPLE_CLIENT_ID)
    assert (sent["accept-encoding"], sent["cache-control"]) == ("identity", "no-cache")
    assert "cookie" not in sent


async def test_each_request_has_a_connection_of_its_own(serve: Serve, stand_in: StandIn) -> None:
    """On an idle one that the server closes meanwhile, a POST would fail and nobody would know how."""
    server = await serve(status=409, hold=True)
    async with console_of(stand_in, server.url, patience=5) as console:
        for _ in range(2):
            with pytest.raises(ClientSecretLimitReached):
                await console.add_client_secret(with_token("the-token"))
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "field",
    [
        ("..", "1", "a", "t"),
        ("1", "a/b", "a", "t"),
        ("1", "1", "a\n", "t"),
        ("1", "1", "a", "the token"),
        ("", "1", "a", "t"),
    ],
)
def test_what_could_mean_more_in_a_path_or_a_header_is_never_sent(field: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match="can't be one of Adobe's") as raised:
        ManagedCredential(*field)
    assert_without_secrets(str(raised.value))


@pytest.mark.parametrize("uuid", ["", "..", "a/b", "a?b", "a#b", "%2e", "a\n"])
async def test_what_could_be_another_uuid_is_never_deleted(stand_in: StandIn, uuid: str) -> None:
    async with console_of(stand_in) as console:
        with pytest.raises(ValueError, match="can't be one of Adobe's"):
            await console.delete_client_secret(with_token("the-token"), uuid)
    assert stand_in.console_requests().by_request == {}


# Refusals of the stand-in, as of Adobe


async def test_a_third_client_secret_is_refused(stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    stand_in.add_by_hand()
    async with console_of(stand_in) as console:
        error = await refused(console.add_client_secret(await managed(stand_in)), caplog)
    check(error, ClientSecretLimitReached, Outcome.NOT_DONE)
    assert stand_in.client_secrets().most == 2


async def test_a_client_secret_that_is_gone_is_told_as_gone(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    uuid, _ = stand_in.add_by_hand()
    stand_in.delete_by_hand(uuid)
    async with console_of(stand_in) as console:
        error = await refused(console.delete_client_secret(await managed(stand_in), uuid), caplog)
    check(error, ClientSecretGone, Outcome.NOT_DONE)


async def test_a_credential_that_is_not_there_is_not_found(stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    credential = await managed(stand_in, SAMPLE_ORGANIZATION, "999")
    async with console_of(stand_in) as console:
        for asked in (console.list_client_secrets(credential), console.add_client_secret(credential)):
            check(await refused(asked, caplog), CredentialNotFound, Outcome.NOT_DONE)


async def test_a_token_that_may_not_manage_is_not_permitted(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    few = await managed(stand_in, scopes=("openid", "read_client_secret"))
    foreign = await managed(stand_in, organization_id="1")
    async with console_of(stand_in) as console:
        for credential in (few, foreign, with_token("the-token"), with_token(few.access_token, "another")):
            error = await refused(console.add_client_secret(credential), caplog)
            check(error, ManagementNotPermitted, Outcome.NOT_DONE)
    assert stand_in.console_requests().done == {}


# What may go wrong on the way


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (rule("error", status=401, body="text", description="p8e-quoted"), ManagementNotPermitted),
        (rule("error", status=403, body="html"), ManagementNotPermitted),
        (rule("error", status=404, body="empty"), CredentialNotFound),
        (rule("rate_limited", retry_after=30), ConsoleRateLimited),
        (rule("rate_limited", retry_after=30, form="date"), ConsoleRateLimited),
    ],
)
async def test_a_refusal_leaves_nothing_in_doubt(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, given: dict[str, object], kind: type[ConsoleError]
) -> None:
    credential = await managed(stand_in)
    stand_in.rules([given])
    async with console_of(stand_in) as console:
        error = await refused(console.add_client_secret(credential), caplog)
    check(error, kind, Outcome.NOT_DONE)
    assert stand_in.console_requests().done == {}
    if isinstance(error, ConsoleRateLimited):
        assert error.retry_after is not None
        assert 28 <= error.retry_after.total_seconds() <= 30


@pytest.mark.parametrize(
    ("given", "kind", "done"),
    [
        (rule("server_error", status=500), ConsoleUnavailable, 0),
        (rule("reset"), ConsoleUnavailable, 0),
        (rule("redirect", location="https://elsewhere.example/", status=307), ConsoleResponseInvalid, 0),
        (rule("not_json"), ConsoleResponseInvalid, 0),
        (rule("not_object"), ConsoleResponseInvalid, 0),
        (rule("oversized", mebibytes=1), ConsoleResponseInvalid, 0),
        (rule("truncated"), ConsoleUnavailable, 1),
        (rule("lost"), ConsoleUnavailable, 1),
        (rule("lost", how="error"), ConsoleUnavailable, 1),
        (rule("body", text="<html>p8e-quoted</html>"), ConsoleResponseInvalid, 1),
        (rule("field", key="client_secret"), ConsoleResponseInvalid, 1),
        (rule("field", key="client_secret", value=""), ConsoleResponseInvalid, 1),
        (rule("field", key="client_secret", value="p8e-" + "a" * 1024), ConsoleResponseInvalid, 1),
        (rule("field", key="client_secret", value="p8e-\n"), ConsoleResponseInvalid, 1),
        (rule("field", key="uuid", value="p8e/.."), ConsoleResponseInvalid, 1),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_after_an_addition_without_a_good_answer_nobody_knows_until_the_next_list(
    stand_in: StandIn,
    caplog: pytest.LogCaptureFixture,
    given: dict[str, object],
    kind: type[ConsoleError],
    done: int,
) -> None:
    credential = await managed(stand_in)
    stand_in.rules([given])
    async with console_of(stand_in) as console:
        check(await refused(console.add_client_secret(credential), caplog), kind, Outcome.UNKNOWN)
        stand_in.clear_rules()
        assert len((await console.list_client_secrets(credential)).secrets) == 1 + done
    assert stand_in.console_requests().by_request == {"add": 1, "list": 1}


@pytest.mark.parametrize(
    ("given", "kind", "done"),
    [
        (rule("lost"), ConsoleUnavailable, True),
        (rule("lost", how="error"), ConsoleUnavailable, True),
        (rule("reset"), ConsoleUnavailable, False),
        (rule("server_error"), ConsoleUnavailable, False),
        (rule("not_json"), ConsoleResponseInvalid, False),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_after_a_deletion_without_a_good_answer_nobody_knows_until_the_next_list(
    stand_in: StandIn,
    caplog: pytest.LogCaptureFixture,
    given: dict[str, object],
    kind: type[ConsoleError],
    done: bool,
) -> None:
    uuid, _ = stand_in.add_by_hand()
    credential = await managed(stand_in)
    stand_in.rules([given])
    async with console_of(stand_in) as console:
        check(await refused(console.delete_client_secret(credential, uuid), caplog), kind, Outcome.UNKNOWN)
        stand_in.clear_rules()
        listed = [secret.uuid for secret in (await console.list_client_secrets(credential)).secrets]
    assert (uuid not in listed) == done


@pytest.mark.parametrize("given", [rule("hang"), rule("lost", how="hang"), rule("slow", seconds=30)])
async def test_an_addition_that_is_not_answered_in_time_may_have_been_made(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, given: dict[str, object]
) -> None:
    credential = await managed(stand_in)
    stand_in.rules([given])
    async with console_of(stand_in, patience=2) as console:
        check(await refused(console.add_client_secret(credential), caplog), ConsoleUnavailable, Outcome.UNKNOWN)


async def test_an_addition_may_be_made_after_it_was_given_up(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    credential = await managed(stand_in)
    stand_in.rules([rule("lost", "add", after=0.3)])
    async with console_of(stand_in) as console:
        check(await refused(console.add_client_secret(credential), caplog), ConsoleUnavailable, Outcome.UNKNOWN)
        for _ in range(200):
            if len((await console.list_client_secrets(credential)).secrets) == 2:
                break
            await asyncio.sleep(0.05)
    assert stand_in.console_requests().done["add"] == 1


@pytest.mark.parametrize(
    ("url", "fault"), [("https://127.0.0.1:1", Fault.NETWORK), ("https://no-such-host.invalid", Fault.DNS)]
)
async def test_what_was_never_sent_was_not_done(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, url: str, fault: Fault
) -> None:
    async with console_of(stand_in, url) as console:
        for asked in (
            console.add_client_secret(with_token("the-token")),
            console.delete_client_secret(with_token("the-token"), UUID),
        ):
            error = await refused(asked, caplog)
            check(error, ConsoleUnavailable, Outcome.NOT_DONE)
            assert isinstance(error, ConsoleUnavailable)
            assert error.fault is fault
            assert "is not known" not in str(error)


async def test_nothing_is_sent_to_whom_no_certificate_is_trusted_of(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    console = ConsoleClient(stand_in.url, load_trust(None))
    error = await refused(console.add_client_secret(with_token("the-token")), caplog)
    await console.close()
    check(error, ConsoleUnavailable, Outcome.NOT_DONE, "its TLS certificate is not trusted")
    assert stand_in.console_requests().by_request == {}


async def test_a_proxy_that_refuses_to_connect_sends_nothing_on(
    serve: Serve, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = await serve(status=403)
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:p8e-of-the-proxy@"))
    async with console_of(stand_in) as console:
        error = await refused(console.add_client_secret(with_token("the-token")), caplog)
    check(error, ConsoleUnavailable, Outcome.NOT_DONE, "of HTTPS_PROXY fails", "HTTP 403")
    assert_without_secrets(f"{proxy.requests}")


@pytest.mark.parametrize(("status", "outcome"), [(407, Outcome.NOT_DONE), (502, Outcome.UNKNOWN)])
async def test_a_proxy_of_http_may_have_sent_on_what_it_does_not_refuse(
    serve: Serve, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    status: int, outcome: Outcome,
) -> None:  # fmt: skip
    proxy = await serve(status=status)
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    async with console_of(stand_in, "http://console.example") as console:
        error = await refused(console.add_client_secret(with_token("the-token")), caplog)
    check(error, ConsoleUnavailable, outcome)


async def test_a_proxy_is_gone_through(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    credential = await managed(stand_in)
    with Proxy() as proxy:
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with console_of(stand_in) as console:
            assert len((await console.list_client_secrets(credential)).secrets) == 1


async def test_a_proxy_that_can_not_be_used_sends_nothing(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:p8e-of-the-proxy@127.0.0.1:1")
    async with console_of(stand_in) as console:
        error = await refused(console.add_client_secret(with_token("the-token")), caplog)
    check(error, ConsoleUnavailable, Outcome.NOT_DONE)


@pytest.mark.parametrize("raw", [b"garbage\r\n\r\n", b"\r\n", b"HTTP/1.1 201 \r\nContent-Length: 100\r\n\r\n{}"])
async def test_what_is_not_http_leaves_an_addition_in_doubt(
    serve: Serve, stand_in: StandIn, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    async with console_of(stand_in, (await serve(raw=raw)).url) as console:
        error = await refused(console.add_client_secret(with_token("the-token")), caplog)
    check(error, ConsoleUnavailable, Outcome.UNKNOWN)


# Odd lists


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (rule("field", "list", key="client_id"), "without a client_id"),
        (rule("field", "list", key="client_secrets", value=None), "without client_secrets"),
        (rule("entries", "list", twice=True), "one uuid for two"),
        (rule("entries", "list", more=20), "more than 16"),
        (rule("entry", "list", key="uuid", value="p8e/quoted"), "no uuid"),
        (rule("clock", "list", ahead=-40 * 366 * 86400), "Date"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_list_that_can_not_be_relied_on_is_none(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, given: dict[str, object], words: str
) -> None:
    credential = await managed(stand_in)
    stand_in.rules([given])
    async with console_of(stand_in) as console:
        error = await refused(console.list_client_secrets(credential), caplog)
    check(error, ConsoleResponseInvalid, Outcome.NOT_DONE, words)


async def test_odd_stamps_are_read_as_what_they_may_mean(stand_in: StandIn) -> None:
    stand_in.add_by_hand()
    credential = await managed(stand_in)
    stand_in.rules(
        [
            rule("reversed", "list"),
            rule("entries", "list", more=2),
            rule("entry", "list", key="secret_usages", value=[{"last_used_at": "1683162010"}], index=0),
            rule("entry", "list", key="created_at", value=None, index=1),
            rule("entry", "list", key="expires_at", value=1714070885000, index=1),
        ]
    )
    async with console_of(stand_in) as console:
        listing = await console.list_client_secrets(credential)
    *_, by_hand, old = listing.secrets
    assert len(listing.secrets) == 4
    assert (old.last_use, old.expires_at) == (NoUse.UNREADABLE, None)
    assert (by_hand.last_use, by_hand.created_at) == (NoUse.NULL, None)
    assert by_hand.expires_at == datetime(2024, 4, 25, 18, 48, 5, tzinfo=UTC)


@pytest.mark.parametrize("packed", [False, True])
async def test_an_oversized_answer_costs_no_memory(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, packed: bool
) -> None:
    stand_in.rules([rule("oversized", mebibytes=64, gzip=packed)])
    async with console_of(stand_in) as console:
        tracemalloc.start()
        check(await refused(console.list_client_secrets(with_token("the-token")), caplog), ConsoleResponseInvalid)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 4 * MIB


async def test_a_redirect_does_not_take_the_token_elsewhere(
    stand_in: StandIn, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = await serve(json.dumps({"client_id": "a", "client_secrets": []}))
    stand_in.rules([rule("redirect", location=elsewhere.url + PATH, status=307)])
    async with console_of(stand_in) as console:
        error = await refused(console.list_client_secrets(with_token("the-token")), caplog)
    check(error, ConsoleResponseInvalid, Outcome.NOT_DONE, "redirects (HTTP 307)")
    assert elsewhere.requests == []


async def test_an_answer_is_read_only_as_far_as_it_may_go(
    serve: Serve, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(endless=b"A" * 65536)
    async with console_of(stand_in, server.url) as console:
        error = await refused(console.list_client_secrets(with_token("the-token")), caplog)
    check(error, ConsoleResponseInvalid, Outcome.NOT_DONE, f"more than {LONGEST_ANSWER} bytes")
    assert server.sent < 16 * MIB


def test_the_scopes_are_those_of_adobes_page() -> None:
    assert MANAGEMENT_SCOPES[-2:] == ("read_client_secret", "manage_client_secrets")
    assert len(set(MANAGEMENT_SCOPES)) == 8


def check(error: ConsoleError, kind: type[ConsoleError], outcome: Outcome = Outcome.NOT_DONE, *words: str) -> None:
    assert (type(error), error.outcome) == (kind, outcome), str(error)
    assert [word for word in words if word not in str(error)] == [], str(error)
