"""A status of an AdobeIMSClientSecret that goes back and forth is written less and less often, and right in the end."""

import asyncio
from dataclasses import replace

import pytest

from adobe_ims_operator.api.client_secret_status import ClientSecretStatus, ReportedClientSecret, Role
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.status import READY, ROTATION_FAILING, Condition
from adobe_ims_operator.core import flips
from unit.flow import NAMESPACE
from unit.replacement.at_work import Replacing, replacing

WHOLE = {"client_id": "c", "client_secret": "p8e-secret"}
INVALID, MISSING = WHOLE | {"client_secret": "p8e-\0"}, {"other": "x"}
NO_ID, NO_VALUE = {"client_secret": "p8e-secret"}, {"client_id": "c"}
FAILS_BY = {
    "invalid": ("True", Reason.CLIENT_SECRET_INVALID),
    "missing": ("True", Reason.CLIENT_SECRET_KEY_MISSING),
}
CROWD = [f"app-{number:02}" for number in range(12)]


def status(ready: str = "True", failing: tuple[str, str, str] = ("False", "InPlace", "")) -> ClientSecretStatus:
    conditions = Condition(READY, ready, "InPlace", ""), Condition(ROTATION_FAILING, *failing)
    held = (ReportedClientSecret("u-1", role=Role.CURRENT),)
    return ClientSecretStatus(observed_generation=1, client_secrets=held, failures=0, conditions=conditions)


def test_only_that_it_fails_or_why_is_a_flip() -> None:
    before, after = status(), status(failing=("True", "ClientSecretNotFound", "no oauth"))
    assert flips.is_flip(before, after)
    assert flips.is_flip(after, before)
    assert not flips.is_flip(before, before)
    assert not flips.is_flip(before, status("False", ("True", "ClientSecretNotFound", ""))), "it is not ready any more"
    assert not flips.is_flip(before, replace(after, observed_generation=2)), "the spec was edited"
    assert not flips.is_flip(before, replace(after, last_rotation_time="2026-11-24T10:00:00Z")), "it was replaced"
    assert not flips.is_flip(before, replace(after, last_handled_rotate_request="now")), "what was asked for is done"
    added = (*before.client_secrets, ReportedClientSecret("u-2", role=Role.NEXT))
    assert not flips.is_flip(before, replace(after, client_secrets=added)), "another was added"
    assert not flips.is_flip(ClientSecretStatus(), after), "it is new"


def test_of_a_bystander_all_is_a_flip_but_its_spec() -> None:
    before = status("True", ("True", "ClientSecretManagedTwice", ""))
    after = replace(
        status("False", ("True", "ClientSecretManagedTwice", "")), last_rotation_time="2026-11-24T10:00:00Z"
    )
    assert flips.is_flip(before, after, is_bystander=True)
    assert not flips.is_flip(before, before, is_bystander=True)
    assert not flips.is_flip(before, replace(after, observed_generation=2), is_bystander=True)


async def change(found: Replacing, data: dict[str, str]) -> None:
    found.fill(**data)
    await asyncio.sleep(0.05)


def fails_by(found: Replacing, name: str = "lightroom") -> tuple[str, str]:
    return found.condition(ROTATION_FAILING, name)


async def test_a_bootstrap_secret_that_changes_all_the_time_is_reported_a_few_times_and_rightly_in_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with replacing() as found:
        found.fill(**INVALID)
        found.put()
        await found.flow.until(lambda: fails_by(found) == FAILS_BY["invalid"])
        for data, name in ((MISSING, "missing"), (INVALID, "invalid")):
            found.fill(**data)
            await found.flow.until(lambda name=name: fails_by(found) == FAILS_BY[name])  # type: ignore[misc]
        written, told = found.written(), len(caplog.records)
        for _ in range(5):
            await change(found, MISSING)
            await change(found, INVALID)
        await change(found, MISSING)
        await asyncio.sleep(0.2)
        assert fails_by(found) == FAILS_BY["invalid"], "what it is now is put off"
        assert found.written() == written
        assert len(caplog.records) == told, "and so is the Event of it, with its line"
        found.advance(6)
        await found.flow.until(lambda: fails_by(found) == FAILS_BY["missing"])
        await change(found, INVALID)
        assert fails_by(found) == FAILS_BY["missing"]
        found.advance(11)
        await found.flow.until(lambda: fails_by(found) == FAILS_BY["invalid"])


@pytest.mark.parametrize("ends_as", [NO_ID, NO_VALUE])
async def test_so_is_one_that_lacks_now_this_key_and_now_that(ends_as: dict[str, str]) -> None:
    async with replacing() as found:
        found.fill(**ends_as)
        found.put()
        await found.flow.until(lambda: fails_by(found) == FAILS_BY["missing"])
        told = found.message(ROTATION_FAILING)
        for _ in range(6):
            await change(found, NO_VALUE if ends_as is NO_ID else NO_ID)
            await change(found, ends_as)
        assert found.written() <= 1 + flips.FREE
        found.advance(6)
        await found.flow.until(lambda: found.message(ROTATION_FAILING) == told)


async def test_an_object_that_was_made_again_is_told_of_at_once() -> None:
    async with replacing() as found:
        found.fill(**INVALID)
        found.put()
        await found.flow.until(lambda: fails_by(found) == FAILS_BY["invalid"])
        for _ in range(3):
            await change(found, MISSING)
            await change(found, INVALID)
        key = Key(NAMESPACE, "lightroom")
        found.controller.replacements.delete(key, found.controller.replacements.resources[key].uid)
        found.put(uid="another")
        await found.flow.until(lambda: fails_by(found) == FAILS_BY["invalid"])
        for data, name in ((MISSING, "missing"), (INVALID, "invalid")):
            found.fill(**data)
            await found.flow.until(lambda name=name: fails_by(found) == FAILS_BY[name])  # type: ignore[misc]


async def test_all_that_name_one_bootstrap_secret_have_that_pace() -> None:
    async with replacing(concurrency=4) as found:
        found.fill(**INVALID)
        found.put(CROWD)
        await found.flow.until(lambda: all(fails_by(found, name) == FAILS_BY["invalid"] for name in CROWD))
        for _ in range(6):
            await change(found, MISSING)
            await change(found, INVALID)
        assert all(found.written(name) <= 1 + flips.FREE for name in CROWD)


async def test_so_have_those_whose_managed_secret_an_older_object_has() -> None:
    async with replacing(concurrency=4) as found:
        found.put(CROWD, secret="client")
        younger = CROWD[1:]
        twice = ("True", Reason.CLIENT_SECRET_MANAGED_TWICE)
        await found.flow.until(lambda: all(fails_by(found, name) == twice for name in younger))
        for _ in range(6):
            found.write("client", {"somebody": "else"})
            await asyncio.sleep(0.05)
            found.flow.delete_secret("client")
            await asyncio.sleep(0.05)
        assert all(found.written(name) <= 1 + flips.FREE for name in younger)
        found.write("client", {"somebody": "else"})
        found.advance(6)
        await found.flow.until(lambda: all(found.condition(READY, name)[1] == twice[1] for name in younger))
