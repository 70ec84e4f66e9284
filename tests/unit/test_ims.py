"""A token is asked for as IMS wants it, and taken in every form that it may have."""

import asyncio
import gc
from datetime import timedelta
from importlib.metadata import version

import pytest

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER
from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.errors import IMSUnavailable
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.adobe.tls_trust import load_trust
from adobe_ims_operator.core.model import HeldToken, Token
from adobe_ims_operator.core.policy import FRESH
from adobe_ims_operator.kube.client_secret import Client, ClientSecret
from adobe_ims_operator.kube.token_secret import _Desired
from testbed.proxy import Proxy
from testbed.stand_in import StandIn
from unit import worlds
from unit.asking import CLIENT, Fetch, Serve

GOOD = '{"access_token": "the-token", "token_type": "bearer", "expires_in": %s}'


async def test_a_token_is_given_with_its_lifetime(stand_in: StandIn, fetch: Fetch) -> None:
    token = await fetch()
    assert stand_in.issued(token.access_token)
    assert (token.token_type, token.expires_in) == ("bearer", timedelta(seconds=86399))


async def test_no_log_line_at_any_level_holds_a_secret(stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with Proxy() as proxy:
        client = IMSClient(load_trust(stand_in.ca), Proxies({"HTTPS_PROXY": proxy.url}))
        token = (await client.fetch(stand_in.url, CLIENT, ["openid"])).token.access_token
        await client.close()
    assert "httpcore.http11" in {record.name for record in caplog.records}
    assert [part for part in (token, token[:20], CLIENT.client_secret) if part in caplog.text] == []


async def test_scopes_are_joined_by_commas_and_the_secret_stays_out_of_the_query(
    stand_in: StandIn, fetch: Fetch
) -> None:
    await fetch(scopes=("openid", "AdobeID"))
    asked = stand_in.requests()
    assert asked.log[0].scopes == ("openid", "AdobeID")
    assert (asked.total, asked.in_query, asked.by_client) == (1, 0, {CLIENT.client_id: 1})


async def test_the_request_is_a_form_and_each_character_of_a_secret_arrives(stand_in: StandIn, fetch: Fetch) -> None:
    odd = "p8e-+&=%25 \"'\\\u00e9\u4e16;#"
    stand_in.clients({"odd&id": odd})
    token = await fetch(credentials=ClientCredentials("odd&id", odd))
    assert stand_in.issued(token.access_token)


async def test_a_client_of_several_organizations_names_one(stand_in: StandIn, fetch: Fetch) -> None:
    await fetch()
    await fetch(credentials=ClientCredentials(CLIENT.client_id, CLIENT.client_secret, "1@AdobeOrg"))
    assert [entry.organization for entry in stand_in.requests().log] == ["", "1@AdobeOrg"]


async def test_the_request_says_who_asks_and_wants_json_that_is_not_compressed(serve: Serve, fetch: Fetch) -> None:
    server = await serve(GOOD % 86399)
    await fetch(server.url)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = {line.lower() for line in head.split(b"\r\n")}
    assert head.startswith(b"POST /ims/token/v3 HTTP/1.1\r\n")
    assert {b"accept: application/json", b"accept-encoding: identity"} <= lines
    assert f"user-agent: adobe-ims-operator/{version('adobe-ims-operator')}".encode() in lines
    assert b"content-type: application/x-www-form-urlencoded" in lines
    assert body.startswith(b"grant_type=client_credentials&client_id=")
    assert b"org_id" not in body
    assert not any(line.startswith((b"authorization:", b"cookie:")) for line in lines)


async def test_a_connection_is_kept_alive_for_the_next_token(stand_in: StandIn, fetch: Fetch) -> None:
    stand_in.rules([{"behaviour": "error", "times": 1}, {"behaviour": "server_error", "times": 1}])
    for _ in range(2):
        with pytest.raises(Exception, match=r"IMS does not accept|HTTP 503"):
            await fetch()
    await fetch()
    await fetch()
    assert len({entry.connection for entry in stand_in.requests().log}) == 1


async def test_a_connection_that_was_lost_is_replaced(stand_in: StandIn, fetch: Fetch) -> None:
    await fetch()
    stand_in.stop()
    await asyncio.sleep(0.05)  # in which the loop notices; the stand-in held it up
    stand_in.start()
    assert stand_in.issued((await fetch()).access_token)


async def _answered_after_two_were_given_up(stand_in: StandIn) -> bool:
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    client = IMSClient(load_trust(stand_in.ca), patience=1)
    given_up = [asyncio.create_task(client.fetch(url, CLIENT, ["openid"])) for _ in range(2)]
    await asyncio.sleep(0.05)  # one is in its handshake, the other waits for its place
    for task in given_up:
        task.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    try:
        return stand_in.issued((await client.fetch(stand_in.url, CLIENT, ["openid"])).token.access_token)
    except IMSUnavailable:
        return False
    finally:
        await client.close()
        silent.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio leaves sockets of handshakes that were given up open
def test_requests_that_were_given_up_leave_their_places_to_others(stand_in: StandIn) -> None:
    answered = asyncio.run(_answered_after_two_were_given_up(stand_in))
    gc.collect()
    assert answered


async def test_a_cookie_set_for_one_credential_is_never_sent(stand_in: StandIn, fetch: Fetch) -> None:
    stand_in.clients({"a": "p8e-of-a", "b": "p8e-of-b"})
    stand_in.rules([{"behaviour": "set_cookie"}])
    named = stand_in.url.replace("127.0.0.1", "localhost")  # since jars keep none of an address
    for name in ("a", "b", "a"):
        await fetch(named, credentials=ClientCredentials(name, f"p8e-of-{name}"))
    asked = stand_in.requests()
    assert (asked.total, asked.with_cookie) == (3, 0)


async def test_an_authority_of_ones_own_is_trusted_beside_the_usual_ones(stand_in: StandIn) -> None:
    usual, more = load_trust(None), load_trust(stand_in.ca)
    client = IMSClient(more)
    assert stand_in.issued((await client.fetch(stand_in.url, CLIENT, ["openid"])).token.access_token)
    await client.close()
    added = more.get_ca_certs()
    assert [authority for authority in usual.get_ca_certs() if authority not in added] == []


async def test_an_opaque_token_is_as_good_as_a_jwt(stand_in: StandIn, fetch: Fetch) -> None:
    stand_in.rules([{"behaviour": "opaque_token"}])
    token = (await fetch()).access_token
    assert "." not in token
    assert stand_in.issued(token)


async def test_the_token_type_is_bearer_in_any_case(stand_in: StandIn, fetch: Fetch) -> None:
    stand_in.rules([{"behaviour": "bearer_case"}])
    assert (await fetch()).token_type == "Bearer"


async def test_a_token_type_that_is_left_out_is_bearer(stand_in: StandIn, fetch: Fetch) -> None:
    stand_in.rules([{"behaviour": "no_token_type"}])
    assert (await fetch()).token_type == "bearer"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (86399, 86399),
        (10, 10),
        (86399.9, 86399),
        ("86399", 86399),
        ("0000000086399", 86399),
        (10 * 86400, 864000),
    ],
)
async def test_a_lifetime_is_a_whole_number_of_seconds_a_float_or_digits(
    stand_in: StandIn, fetch: Fetch, value: object, seconds: int
) -> None:
    stand_in.rules([{"behaviour": "expires_in", "value": value}])
    assert (await fetch()).expires_in == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "answer",
    [
        "\ufeff" + GOOD % 60,
        '\n {"scope": "x", "token_type": "BEARER", "expires_in": 60, "access_token": "the-token", "more": [{}]}\n',
        GOOD % "60.0",
        GOOD % "6e1",
    ],
)
async def test_the_form_of_the_json_does_not_matter(serve: Serve, fetch: Fetch, answer: str) -> None:
    token = await fetch((await serve(answer)).url)
    assert (token.access_token, token.expires_in) == ("the-token", timedelta(seconds=60))


async def test_the_content_type_does_not_matter(serve: Serve, fetch: Fetch) -> None:
    server = await serve(GOOD % 60, headers="Content-Type: text/plain; charset=utf-16\r\n")
    assert (await fetch(server.url)).access_token == "the-token"


async def test_an_answer_of_just_the_longest_size_is_taken(serve: Serve, fetch: Fetch) -> None:
    answer = GOOD % 60
    server = await serve(answer + " " * (LONGEST_ANSWER - len(answer)))
    assert (await fetch(server.url)).access_token == "the-token"


async def test_a_slow_answer_is_waited_for(stand_in: StandIn, fetch: Fetch) -> None:
    stand_in.rules([{"behaviour": "slow", "seconds": 0.1}])
    assert stand_in.issued((await fetch()).access_token)


# What holds a secret does not show it

HIDDEN = "p8e-hidden"
TOKEN = Token(HIDDEN, "bearer", timedelta(hours=24))
HELD = HeldToken(TOKEN, "id", worlds.facts(), worlds.INPUTS, "openid", FRESH)
METADATA = worlds.token_secret(None)


@pytest.mark.parametrize(
    "holder",
    [
        ClientCredentials("the id", HIDDEN),
        TOKEN,
        HELD,
        Client(1, "the id", {"client_secret": HIDDEN}),
        ClientSecret(METADATA, Client(1, "the id", {"client_secret": HIDDEN}), None),
        _Desired({}, {}, {"access_token": HIDDEN}),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_does_not_show_it(holder: object) -> None:
    for text in (repr(holder), str(holder), f"{holder}", f"{[holder]}", f"{(holder,)!s}"):
        assert HIDDEN not in text
        assert type(holder).__name__ in text


def test_what_holds_a_secret_still_compares_by_it() -> None:
    assert ClientCredentials("id", "p8e-one") != ClientCredentials("id", "p8e-two")
