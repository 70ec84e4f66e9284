"""A token stays while the client secret that it was made with does, under whatever key, and no longer."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.digests import digest_client_value
from adobe_ims_operator.core.decision import Ask, Wait, Write
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.kube.client_secret import Client, ClientSecret
from unit import worlds
from unit.flow import Flow, flowing

KEYS = ("client_secret", "client_secret_previous", "client_secret_next")
BOTH = {"client_secret": "p8e-a", "client_secret_previous": ""}
UID = worlds.observed().uid
values = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["p8e-a", "p8e-b", "p8e-c"]), min_size=1)
ids = st.sampled_from(["the id", "the id", "another"])


def observe(before: Client, used: str, after: Client, *, older: bool) -> Observed:
    """A credential whose token was made with one client Secret, and that has looked into what that is now."""
    value = None if older else digest_client_value(UID, before.client_id, before.secrets[used])
    known = worlds.facts(
        client_digest=before.digest(UID), client_version="100", client_secret_key=used, client_value=value
    )
    plain = worlds.observed(worlds.token_secret(known), client=worlds.client_secret(200))
    seen = ClientSecret(worlds.client_secret(200), after, None).seen(UID)
    attempts = replace(plain.attempts, client_secret=seen)
    return replace(plain, attempts=attempts, inputs=plain.inputs._replace(client_digest=seen.digest))


@given(values, ids, values, ids, st.data())
def test_a_token_is_replaced_if_and_only_if_its_client_secret_or_the_client_id_is_gone(
    before: dict[str, str], id_before: str, after: dict[str, str], id_after: str, data: st.DataObject
) -> None:
    used = data.draw(st.sampled_from(sorted(before)))
    seen = observe(Client(100, id_before, before), used, Client(200, id_after, after), older=False)
    stays = id_before == id_after and before[used] in after.values()
    decision = decide(seen, worlds.NOW)
    assert isinstance(decision, Wait if stays else Ask)
    assert seen.facts is not None
    key = seen.key_of_client_secret(seen.facts)
    assert (None if key is None else after[key]) == (before[used] if stays else None)


@given(values, values, st.data())
def test_a_token_of_an_older_version_is_replaced_at_each_change(
    before: dict[str, str], after: dict[str, str], data: st.DataObject
) -> None:
    used = data.draw(st.sampled_from(sorted(before)))
    seen = observe(Client(100, "id", before), used, Client(200, "id", after), older=True)
    same = list(before.items()) == list(after.items())
    assert isinstance(decide(seen, worlds.NOW), Wait if same else Ask)


@given(values, values, st.data())
def test_a_token_in_hand_is_written_while_its_client_secret_is_there(
    before: dict[str, str], after: dict[str, str], data: st.DataObject
) -> None:
    used = data.draw(st.sampled_from(sorted(before)))
    asked = observe(Client(100, "id", before), used, Client(100, "id", before), older=False)
    now = observe(Client(100, "id", before), used, Client(200, "id", after), older=False)
    assert now.facts is not None
    none = replace(now, secret=None, held=worlds.held(now.facts, asked.inputs))
    stays = before[used] in after.values()
    assert isinstance(decide(none, worlds.NOW), Write if stays else Ask)


def store(flow: Flow, client: Mapping[str, str]) -> None:
    """Change the client Secret of `a`, as a person or a controller does."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in client.items()}
    flow.api.secrets["a-oauth"]["data"] = {"client_id": base64.b64encode(b"a").decode(), **encoded}
    flow.touch("a-oauth")


def key(flow: Flow) -> object:
    return flow.api.credentials["a"]["status"].get("clientSecretKey")


async def test_a_replacement_of_the_client_secret_costs_no_token_and_no_write_until_the_old_one_is_gone() -> None:
    async with flowing(1) as flow:
        flow.put("a", keys=BOTH)
        await flow.until(lambda: flow.ready("a") == "Rotated")
        flow.history.clear()
        store(flow, {"client_secret": "p8e-a", "client_secret_next": "p8e-b"})
        store(flow, {"client_secret": "p8e-b", "client_secret_previous": "p8e-a"})
        await flow.until(lambda: key(flow) == "client_secret_previous")
        store(flow, {"client_secret": "p8e-a"})  # switched back
        await flow.until(lambda: key(flow) == "client_secret")
        store(flow, {"client_secret": "p8e-b", "client_secret_previous": "p8e-a"})
        await flow.until(lambda: key(flow) == "client_secret_previous")
        assert flow.history == []
        assert flow.api.events_asked == 0
        flow.controller.forget_attempts()
        flow.calls.clear()
        flow.label("a", "looked at by a process that knows nothing")
        await flow.until(lambda: flow.calls["decide"] >= 2)
        await asyncio.sleep(0.05)
        assert (flow.history, key(flow)) == ([], "client_secret_previous")
        store(flow, {"client_secret": "p8e-b"})
        await flow.until(lambda: key(flow) == "client_secret")
        assert flow.history == ["asked a", "wrote a"]
        store(flow, {"client_secret": "p8e-b", "client_secret_previous": "p8e-b"})
        store(flow, {"client_secret_previous": "p8e-b"})
        await flow.until(lambda: key(flow) == "client_secret_previous")
        assert flow.history == ["asked a", "wrote a"]
