"""The API that needs a token: it takes what the stand-in issued, for as long as that lives, and counts."""

import httpx
import pytest

from adobe_ims_stand_in.api import PATH
from testbed.api import wait_for
from testbed.stand_in import StandIn
from unit.stand_in.asking import ask, rule


def call(client: httpx.Client, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.get(PATH, headers=headers).status_code


def test_a_token_is_good_until_it_expires(ims: StandIn, client: httpx.Client) -> None:
    lasting = ask(client).json()["access_token"]
    ims.settings(expires_in=1)
    short = ask(client).json()["access_token"]
    assert call(client, f"Bearer {lasting}") == 200
    wait_for("the short token to expire", lambda: call(client, f"Bearer {short}") == 401)
    assert call(client, f"bearer {lasting}") == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer of.no.token", "Basic {}", "{}"])
def test_whatever_is_no_token_of_its_own_is_refused(
    ims: StandIn, client: httpx.Client, authorization: str | None
) -> None:
    token = ask(client).json()["access_token"]
    response = client.get(PATH, headers={"Authorization": (authorization or "").format(token)})
    assert response.status_code == 401
    assert token not in response.text + ims.log_file.read_text()
    assert ims.requests().calls == {"401": 1}


@pytest.mark.parametrize("lifetime", ["a day", None, 3.5, True, 0, 10**400])
def test_a_token_of_a_nonsensical_lifetime_lives_as_usual(ims: StandIn, client: httpx.Client, lifetime: object) -> None:
    ims.rules([rule("expires_in", value=lifetime)])
    assert call(client, f"Bearer {ask(client).json()['access_token']}") == 200


def test_calls_are_counted_by_status_from_the_last_reset(ims: StandIn, client: httpx.Client) -> None:
    token = ask(client).json()["access_token"]
    for authorization in (f"Bearer {token}", f"Bearer {token}", "Bearer wrong"):
        call(client, authorization)
    assert ims.requests().calls == {"200": 2, "401": 1}
    ims.reset()
    assert ims.requests().calls == {}
    assert call(client, f"Bearer {token}") == 200
