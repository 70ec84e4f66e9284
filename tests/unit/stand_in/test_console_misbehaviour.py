"""The console API misbehaves in every way that its table of behaviours names, over a real connection."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from adobe_ims_stand_in.console_behaviours import BEHAVIOURS
from testbed.api import wait_for
from testbed.stand_in import StandIn
from unit.stand_in.asking import ask
from unit.stand_in.managing import PATH, management


def rule(behaviour: str, request: str = "console", **fields: object) -> dict[str, object]:
    return {"behaviour": behaviour, "request": request, **fields}


def entries(client: httpx.Client, headers: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(PATH, headers=headers).json()["client_secrets"]
    return found


@pytest.mark.parametrize("given", [rule("lost"), rule("lost", how="hang"), rule("truncated"), rule("reset")])
def test_no_whole_answer_arrives_whether_the_deed_is_done_or_not(
    ims: StandIn, client: httpx.Client, given: dict[str, object]
) -> None:
    headers = management(client)
    ims.rules([given])
    client.timeout = httpx.Timeout(0.5)
    with pytest.raises(httpx.TransportError):
        client.post(PATH, headers=headers)
    assert len(ims.client_secrets().current) == (1 if given["behaviour"] == "reset" else 2)
    assert ims.console_requests().log[0]["done"] == (given["behaviour"] != "reset")


def test_a_gateway_gives_up_on_a_deed_that_is_done(ims: StandIn, client: httpx.Client) -> None:
    uuid, _ = ims.add_by_hand()
    headers = management(client)
    ims.rules([rule("lost", "delete", how="error")])
    assert client.delete(f"{PATH}/{uuid}", headers=headers).status_code == 504
    assert [secret.uuid for secret in ims.client_secrets().deleted] == [uuid]


def test_a_deed_may_be_done_after_its_answer(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    ims.rules([rule("lost", "add", how="error", after=0.2)])
    assert client.post(PATH, headers=headers).status_code == 504
    wait_for("the client secret", lambda: len(ims.client_secrets().current) == 2)
    assert ims.console_requests().log[0]["done"]


def test_an_answer_has_any_value_in_a_field_or_lacks_it(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    ims.rules([rule("field", "list", key="client_id", value="another"), rule("field", "add", key="client_secret")])
    assert client.get(PATH, headers=headers).json()["client_id"] == "another"
    assert "client_secret" not in client.post(PATH, headers=headers).json()
    assert client.get(PATH).json()["error_code"] == "401013", "a refusal stays what it is"


def test_an_entry_of_a_list_has_any_value_in_a_field_or_lacks_it(ims: StandIn, client: httpx.Client) -> None:
    ims.add_by_hand()
    headers = management(client)
    ims.rules([rule("entry", key="created_at", value=None), rule("entry", key="uuid", index=1)])
    first, second = entries(client, headers)
    assert (first["created_at"], second["created_at"]) == (None, None)
    assert ("uuid" in first, "uuid" in second) == (True, False)


def test_a_list_has_an_entry_twice_or_strangers_or_another_order(ims: StandIn, client: httpx.Client) -> None:
    uuid, _ = ims.add_by_hand()
    headers = management(client)
    old = ims.client_secrets().current[0].uuid
    ims.rules([rule("entries", twice=True)])
    assert [entry["uuid"] for entry in entries(client, headers)] == [old, uuid, old]
    ims.rules([rule("entries", more=3)])
    assert len({entry["uuid"] for entry in entries(client, headers)}) == 5
    ims.rules([rule("reversed")])
    assert [entry["uuid"] for entry in entries(client, headers)] == [uuid, old]


def test_a_deed_is_answered_with_any_text(ims: StandIn, client: httpx.Client) -> None:
    headers = management(client)
    ims.rules([rule("body", text="[1, 2]")])
    assert client.post(PATH, headers=headers).json() == [1, 2]
    assert len(ims.client_secrets().current) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_the_behaviours_of_the_token_endpoint_do_here_too(ims: StandIn, client: httpx.Client, status: int) -> None:
    headers = management(client)
    ims.rules([rule("error", status=status, body="html")])
    assert client.post(PATH, headers=headers).status_code == status
    assert ims.console_requests().done == {}


def test_a_rule_is_for_the_requests_that_it_names(ims: StandIn, client: httpx.Client) -> None:
    uuid, value = ims.add_by_hand()
    headers = management(client)
    ims.rules([{"behaviour": "server_error"}])
    assert (ask(client).status_code, client.get(PATH, headers=headers).status_code) == (503, 200)
    ims.rules([rule("server_error", "list"), rule("rate_limited", "token", uuid=uuid)])
    assert (ask(client).status_code, ask(client, client_secret=value).status_code) == (200, 429)
    assert (client.get(PATH, headers=headers).status_code, client.get(PATH).status_code) == (503, 503)
    assert client.delete(f"{PATH}/{uuid}", headers=headers).status_code == 204


def test_every_behaviour_is_tested_here() -> None:
    source = Path(__file__).read_text()
    assert [name for name in BEHAVIOURS if f'"{name}"' not in source] == []
