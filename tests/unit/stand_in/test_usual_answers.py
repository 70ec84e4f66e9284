"""The stand-in answers as IMS.md says IMS does, over a real connection."""

import time

import httpx
import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID
from testbed.stand_in import StandIn
from unit.stand_in.asking import GOOD, ask, claims_of


def test_a_good_request_is_given_a_bearer_token_and_its_lifetime_in_seconds(ims: StandIn, client: httpx.Client) -> None:
    response = ask(client)
    assert response.status_code == 200
    answer = response.json()
    assert sorted(answer) == ["access_token", "expires_in", "token_type"]
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 86399)
    assert 1000 <= len(answer["access_token"]) <= 2000
    assert ims.issued(answer["access_token"])
    assert not ims.issued("another")


def test_the_claims_are_those_of_ims_in_milliseconds_as_strings(client: httpx.Client) -> None:
    claims = claims_of(ask(client).json()["access_token"])
    assert claims["type"] == "access_token"
    assert claims["client_id"] == SAMPLE_CLIENT_ID
    assert claims["user_id"].endswith("@techacct.adobe.com")
    assert claims["as"] == "ims-na1"
    assert claims["scope"] == GOOD["scope"]
    assert claims["expires_in"] == "86399000"
    assert abs(int(claims["created_at"]) / 1000 - time.time()) < 60


def test_no_two_tokens_are_the_same(client: httpx.Client) -> None:
    assert len({ask(client).json()["access_token"] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type", "grant_type"),
        ({"grant_type": ""}, "invalid_request", "missing grant_type parameter"),
        ({"client_id": ""}, "invalid_request", "missing client_id parameter"),
        ({"client_secret": ""}, "invalid_request", "missing client_secret parameter"),
        ({"scope": ""}, "invalid_request", "missing scope parameter"),
        ({"client_id": "f" * 32}, "invalid_client", "invalid client_id parameter"),
        ({"client_secret": "p8e-wrong"}, "invalid_client", "invalid client_secret parameter"),
        ({"scope": "openid,no_such_scope"}, "invalid_scope", "no_such_scope"),
        ({"scope": "openid AdobeID"}, "invalid_scope", "openid AdobeID"),
        ({"scope": ","}, "invalid_scope", "invalid_scope"),
    ],
)
def test_a_bad_request_is_refused_in_the_form_of_oauth(
    ims: StandIn, client: httpx.Client, changes: dict[str, str], error: str, description: str
) -> None:
    response = ask(client, **changes)
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert description in response.json()["error_description"]
    assert ims.requests().by_answer == {error: 1}


def test_an_organization_has_the_form_that_adobe_gives_it(ims: StandIn, client: httpx.Client) -> None:
    assert ask(client, org_id="0123456789ABCDEF01234567@AdobeOrg").status_code == 200
    assert ask(client, org_id="photos").json()["error_description"] == "invalid org_id parameter"
    assert ims.requests().by_answer == {"token": 1, "invalid_request": 1}


def test_a_body_that_is_not_a_form_has_no_parameters(client: httpx.Client) -> None:
    assert client.post("/ims/token/v3", json=GOOD).json()["error"] == "invalid_request"


def test_spaces_beside_the_commas_of_a_scope_do_no_harm(client: httpx.Client) -> None:
    assert ask(client, scope="openid, AdobeID").status_code == 200


def test_both_secrets_of_a_client_are_good_while_it_has_two(ims: StandIn, client: httpx.Client) -> None:
    ims.clients([("one", "old"), ("one", "new"), ("two", "other")])
    statuses = [ask(client, client_id="one", client_secret=secret).status_code for secret in ("old", "new", "other")]
    assert statuses == [200, 200, 400]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ims/token/v3", 405),
        ("POST", "/ims/token/v2", 404),
        ("GET", "/", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_other_paths_and_methods_are_a_web_servers(client: httpx.Client, method: str, path: str, status: int) -> None:
    assert client.request(method, path).status_code == status


def test_each_answer_has_a_debug_id_of_its_own(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([{"behaviour": "server_error", "times": 1}])
    ids = {ask(client).headers["x-debug-id"] for _ in range(3)}
    assert len(ids) == 3


def test_lifetime_and_latency_change_while_it_runs(ims: StandIn, client: httpx.Client) -> None:
    ims.settings(expires_in=60, latency=0.2)
    start = time.monotonic()
    answer = ask(client).json()
    assert time.monotonic() - start >= 0.2
    assert answer["expires_in"] == 60
    assert claims_of(answer["access_token"])["expires_in"] == "60000"
