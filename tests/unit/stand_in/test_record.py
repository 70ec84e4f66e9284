"""The stand-in remembers what it was asked, and never a secret or a token."""

import time

import httpx
import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID
from testbed.stand_in import StandIn
from unit.stand_in.asking import GOOD, ask, connected, rule, send_raw


def test_requests_are_counted_by_client_and_by_answer_until_the_reset(ims: StandIn, client: httpx.Client) -> None:
    ask(client)
    ask(client, client_secret="wrong")
    ask(client, client_id="someone", scope="openid")
    seen = ims.requests()
    assert (seen.total, seen.issued, seen.in_query) == (3, 1, 0)
    assert seen.by_client == {SAMPLE_CLIENT_ID: 2, "someone": 1}
    assert seen.by_answer == {"token": 1, "invalid_client": 2}
    assert [entry.scopes for entry in ims.requests(log=1).log] == [("openid",)]
    assert abs(seen.log[0].time - time.time()) < 60
    assert {entry.http_version for entry in seen.log} == {"1.1"}
    ims.reset()
    assert ims.requests().total == 0
    assert ims.requests(log=0).log == ()


def test_a_request_is_remembered_with_who_asked_and_for_whom(ims: StandIn, client: httpx.Client) -> None:
    ask(client, org_id="1234@AdobeOrg")
    client.post("/ims/token/v3", data=GOOD, headers={"User-Agent": "somebody/1"})
    first, second = ims.requests().log
    assert (first.organization, second.organization, second.user_agent) == ("1234@AdobeOrg", "", "somebody/1")


def test_a_secret_in_the_query_is_accepted_and_counted(ims: StandIn, client: httpx.Client) -> None:
    assert client.post("/ims/token/v3", params=GOOD).status_code == 200
    assert client.post("/ims/token/v3", params={"client_id": SAMPLE_CLIENT_ID}).status_code == 400
    assert ims.requests().in_query == 1


def test_requests_on_a_kept_alive_connection_have_the_same_connection(ims: StandIn, client: httpx.Client) -> None:
    ask(client)
    ask(client)
    with connected(ims) as other:
        ask(other)
    first, second, third = (entry.connection for entry in ims.requests().log)
    assert first == second != third


def test_the_log_tells_of_each_request_and_never_a_secret_or_a_token(ims: StandIn, client: httpx.Client) -> None:
    token = ask(client).json()["access_token"]
    ask(client, client_secret="p8e-wrong-secret")
    client.post("/ims/token/v3", params={**GOOD, "client_secret": "p8e-in-the-query"})
    client.post("/ims/token/v3", content=b"client_secret=p8e-not-utf8\xff", headers={"content-type": "text/plain"})
    send_raw(ims, b"POST /ims/token/v3?client_secret=p8e-malformed HTTP/one\r\n\r\n")
    ask(client, client_id="line\nbreak")
    ims.rules([rule("truncated")])
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    log = ims.log_file.read_text()
    assert f"client_id='{SAMPLE_CLIENT_ID}' scopes='{GOOD['scope']}' answer=token\n" in log
    assert "answer=invalid_client\n" in log
    assert "line\\nbreak" in log
    assert "p8e-" not in log
    assert token not in log
    assert "Traceback" not in log
    assert token not in httpx.get(f"{ims.control}/tokens", trust_env=False).text
