"""The stand-in's console API lists, adds and deletes client secrets as Adobe's page says, and nothing for strangers."""

import re
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET, SAMPLE_ORGANIZATION
from testbed.stand_in import StandIn
from unit.stand_in.asking import ask, connected
from unit.stand_in.managing import PATH, SCOPE, management

DAY = 86400


def listed(client: httpx.Client, headers: dict[str, str]) -> list[dict[str, object]]:
    response = client.get(PATH, headers=headers)
    assert response.status_code == 200
    document = response.json()
    assert document["client_id"] == SAMPLE_CLIENT_ID
    secrets: list[dict[str, object]] = document["client_secrets"]
    return secrets


def accepted(client: httpx.Client, secret: str) -> bool:
    return ask(client, client_secret=secret).status_code == 200


# The three requests


def test_a_new_client_secret_is_shown_once_and_listed_without_its_value(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    response = client.post(PATH, headers=headers)
    added = response.json()
    assert response.status_code == 201
    assert sorted(added) == [
        "client_secret", "created_at", "created_at_str", "expires_at", "expires_at_str", "secret_usages", "uuid",
    ]  # fmt: skip
    assert (added["expires_at"], added["secret_usages"]) == ("PERMANENT", None)
    assert re.fullmatch(r"[0-9]{13}", added["created_at"])
    value = added.pop("client_secret")
    old, new = listed(client, headers)
    assert new == added
    assert value not in client.get(PATH, headers=headers).text + ims.log_file.read_text()
    assert old["uuid"] != new["uuid"]


def test_the_token_endpoint_accepts_exactly_those_that_are_listed(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    added = client.post(PATH, headers=headers).json()
    assert accepted(client, added["client_secret"])
    assert accepted(client, SAMPLE_CLIENT_SECRET)
    old = listed(client, headers)[0]["uuid"]
    response = client.delete(f"{PATH}/{old}", headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert not accepted(client, SAMPLE_CLIENT_SECRET)
    assert accepted(client, added["client_secret"])
    assert [secret["uuid"] for secret in listed(client, headers)] == [added["uuid"]]
    assert ims.client_secrets().deleted[0].uuid == old


def test_a_token_outlives_its_client_secret(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    client.post(PATH, headers=headers)
    client.delete(f"{PATH}/{ims.client_secrets().current[0].uuid}", headers=headers)
    assert len(listed(client, headers)) == 1


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_a_third_client_secret_is_refused(ims: StandIn, client: httpx.Client, status: int) -> None:
    ims.settings(limit_status=status)
    headers = management(client)
    assert [client.post(PATH, headers=headers).status_code for _ in range(3)] == [201, status, status]
    assert (len(ims.client_secrets().current), ims.client_secrets().most) == (2, 2)
    assert ims.console_requests().done == {"add": 1}


def test_what_is_not_there_is_not_found(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    assert client.delete(f"{PATH}/no-such-uuid", headers=headers).status_code == 404
    other = f"/console/organizations/{SAMPLE_ORGANIZATION}/credentials/9/secrets"
    assert {client.get(other, headers=headers).status_code, client.post(other, headers=headers).status_code} == {404}
    assert ims.console_requests().by_answer == {"not_found": 3}


def test_two_deletions_delete_once(ims: StandIn, client: httpx.Client) -> None:
    uuid, _ = ims.add_by_hand()
    headers = management(client)
    assert [client.delete(f"{PATH}/{uuid}", headers=headers).status_code for _ in range(2)] == [204, 404]


# Who may


def test_whoever_may_not_manage_is_refused(ims: StandIn, client: httpx.Client) -> None:
    ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), ("other", "p8e-other")])
    good = management(client)
    token = good["Authorization"]
    weak = ask(client, scope="openid,read_client_secret").json()["access_token"]
    statuses = [
        client.post(PATH, headers=headers).status_code
        for headers in (
            {"x-api-key": SAMPLE_CLIENT_ID},
            {**good, "Authorization": "Bearer of.no.token"},
            {**good, "Authorization": token.replace("Bearer", "Basic")},
            {"Authorization": token},
            {**good, "x-api-key": "other"},
            {**good, "Authorization": f"Bearer {weak}"},
        )
    ]
    assert statuses == [401, 401, 401, 403, 403, 403]
    elsewhere = PATH.replace(SAMPLE_ORGANIZATION, "1")
    assert client.get(elsewhere, headers=good).status_code == 403
    assert ims.console_requests().done == {}


def test_management_scopes_are_for_clients_with_a_credential(ims: StandIn, client: httpx.Client) -> None:
    ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), ("other", "p8e-other")])
    response = ask(client, client_id="other", client_secret="p8e-other", scope=SCOPE)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")
    ims.credentials({("1", "2"): "other"})
    assert ask(client, client_id="other", client_secret="p8e-other", scope=SCOPE).status_code == 200
    assert ask(client, scope=SCOPE).status_code == 400


def test_a_client_sees_other_credentials_of_its_organization(ims: StandIn, client: httpx.Client) -> None:
    ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), ("other", "p8e-other")])
    ims.credentials({(SAMPLE_ORGANIZATION, "1"): SAMPLE_CLIENT_ID, (SAMPLE_ORGANIZATION, "2"): "other"})
    other = f"/console/organizations/{SAMPLE_ORGANIZATION}/credentials/2/secrets"
    assert client.get(other, headers=management(client)).json()["client_id"] == "other"


# Time


def test_a_use_shows_after_a_lag(ims: StandIn, client: httpx.Client) -> None:
    ims.settings(last_used_lag=DAY, expires_in=9 * DAY)
    headers = management(client)
    [secret] = listed(client, headers)
    assert secret["secret_usages"] is None
    known = ims.client_secrets().current[0]
    assert (known.last_used_at, known.tokens) == (None, 1)
    assert known.used_at is not None
    ims.settings(clock_offset=DAY + 60)
    ask(client)
    [secret] = listed(client, headers)
    assert secret["secret_usages"] == [
        {"last_used_at": str(int(known.used_at * 1000)), "grant_type": "client_credentials"}
    ]
    assert ims.client_secrets().current[0].tokens == 2


def test_a_refused_request_is_no_use(ims: StandIn, client: httpx.Client) -> None:
    ask(client, scope="no_such_scope")
    assert ims.client_secrets().current[0].used_at is None


def test_a_new_client_secret_is_accepted_after_a_delay(ims: StandIn, client: httpx.Client) -> None:
    ims.settings(acceptance_delay=600)
    added = client.post(PATH, headers=management(client)).json()
    assert ask(client, client_secret=added["client_secret"]).json()["error"] == "invalid_client"
    ims.settings(clock_offset=601)
    assert accepted(client, added["client_secret"])
    assert accepted(client, SAMPLE_CLIENT_SECRET)


def test_a_client_secret_may_expire(ims: StandIn, client: httpx.Client) -> None:
    ims.settings(client_secret_lifetime=30 * DAY)
    headers = management(client)
    added = client.post(PATH, headers=headers).json()
    assert int(added["expires_at"]) - int(added["created_at"]) == pytest.approx(30 * DAY * 1000, abs=1)
    assert accepted(client, added["client_secret"])
    ims.settings(clock_offset=31 * DAY)
    assert not accepted(client, added["client_secret"])


def test_all_times_are_by_one_clock_that_can_be_moved(ims: StandIn, client: httpx.Client) -> None:
    ims.settings(clock_offset=5 * DAY)
    response = ask(client)
    headers = management(client)
    response = client.post(PATH, headers=headers)
    ahead = time.time() + 5 * DAY
    assert abs(parsedate_to_datetime(response.headers["date"]).timestamp() - ahead) < 60
    assert abs(int(response.json()["created_at"]) / 1000 - ahead) < 60
    assert abs(ims.requests().log[0].time - ahead) < 60
    ims.settings(clock_offset=7 * DAY)
    assert client.get(PATH, headers=headers).status_code == 401, "the token has expired"


@pytest.mark.parametrize(
    "changes",
    [{"acceptance_delay": -1}, {"last_used_lag": -1}, {"client_secret_lifetime": 0}, {"clock_offset": 1e300}],
)
def test_a_time_that_means_nothing_is_refused(ims: StandIn, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        ims.settings(**changes)


# A person, and what happened


def test_a_person_adds_reads_and_deletes_by_hand(ims: StandIn, client: httpx.Client) -> None:
    uuid, value = ims.add_by_hand()
    assert accepted(client, value)
    assert ims.read_by_hand(uuid) == value
    with pytest.raises(ValueError, match="the client has 2 client secrets"):
        ims.add_by_hand()
    ims.delete_by_hand(uuid)
    assert not accepted(client, value)
    for act in (ims.delete_by_hand, ims.read_by_hand):
        with pytest.raises(ValueError, match="no such client secret"):
            act(uuid)
    with pytest.raises(ValueError, match="no such client"):
        ims.add_by_hand("nobody")
    assert (ims.client_secrets().most, ims.console_requests().by_request) == (2, {})


def test_tokens_are_told_by_the_client_secret_they_were_asked_with(ims: StandIn, client: httpx.Client) -> None:
    uuid, value = ims.add_by_hand()
    ask(client, client_secret=value)
    ask(client, client_secret="p8e-neither")
    ask(client)
    old = ims.client_secrets().current[0].uuid
    assert [entry.uuid for entry in ims.requests().log] == [uuid, "", old]
    assert [secret.tokens for secret in ims.client_secrets().current] == [1, 1]


def test_requests_are_counted_until_the_reset(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    added = client.post(PATH, headers=headers).json()
    client.delete(f"{PATH}/{added['uuid']}", headers=headers)
    client.get(PATH, headers={"Cookie": "a=b"})
    seen = ims.console_requests()
    assert seen.by_request == {"add": 1, "delete": 1, "list": 1}
    assert seen.by_answer == {"added": 1, "deleted": 1, "unauthorized": 1}
    assert seen.done == {"add": 1, "delete": 1}
    assert [(entry["uuid"], entry["done"]) for entry in seen.log[:2]] == [(added["uuid"], True)] * 2
    assert seen.log[2]["with_cookie"]
    assert [entry["kind"] for entry in ims.console_requests(log=1).log] == ["list"]
    ims.reset()
    assert ims.console_requests().by_request == {}
    assert "p8e-" not in f"{seen} {ims.client_secrets()} {ims.log_file.read_text()}"


def test_clients_that_are_put_again_keep_what_is_known_of_a_value_that_stays(ims: StandIn) -> None:
    [before] = ims.client_secrets().current
    ims.clients([(SAMPLE_CLIENT_ID, "p8e-first"), (SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET)])
    first, second = ims.client_secrets().current
    assert second == before
    assert first.uuid != second.uuid


@pytest.mark.parametrize("given", ["[]", '{"1": "a"}', '{"1/": "a"}', '{"/2": "a"}', '{"1/2": 3}'])
def test_a_mistake_in_the_credentials_is_refused(ims: StandIn, given: str) -> None:
    response = httpx.put(f"{ims.control}/credentials", content=given, trust_env=False)
    assert (response.status_code, "organization id/credential id" in response.json()["error"]) == (400, True)


def test_a_restart_keeps_the_client_secrets_and_the_clock(tmp_path: Path) -> None:
    with StandIn(tmp_path, http=True, warm=True) as stand_in:
        uuid, value = stand_in.add_by_hand()
        stand_in.settings(clock_offset=DAY)
        with connected(stand_in) as client:
            assert accepted(client, value)
        before = stand_in.client_secrets()
        stand_in.restart()
        assert stand_in.client_secrets() == before
        assert stand_in.read_by_hand(uuid) == value
        with connected(stand_in) as client:
            assert accepted(client, value)
            client.get(PATH)
        assert stand_in.console_requests().log[0]["time"] > time.time() + DAY / 2
        assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
