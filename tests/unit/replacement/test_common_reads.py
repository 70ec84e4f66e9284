"""AdobeIMSClientSecrets that name one bootstrap Secret read it in common, and never as it was before a change."""

import asyncio

from adobe_ims_operator.api.reasons import Reason
from unit.replacement.at_work import Replacing, replacing

CROWD = [f"app-{number:02}" for number in range(12)]
WITHOUT_ID, INVALID = {"client_secret": "p8e-secret"}, {"client_id": "c", "client_secret": "p8e-\0"}
AT_ONCE = 4


def all_fail_by(found: Replacing, reason: str) -> bool:
    return all(found.condition("RotationFailing", name) == ("True", reason) for name in CROWD)


async def test_a_change_costs_those_at_work_on_it_one_read() -> None:
    async with replacing(concurrency=AT_ONCE) as found:
        reads = found.flow.api.reads
        reads.shut()
        found.fill(**WITHOUT_ID)
        found.put(CROWD)
        await found.flow.until(lambda: reads.waiting > 0)
        await asyncio.sleep(0.1)
        assert reads.waiting == 1
        reads.open()
        await found.flow.until(lambda: all_fail_by(found, Reason.CLIENT_SECRET_KEY_MISSING))


async def test_those_on_one_managed_secret_read_it_in_common_but_for_the_oldest() -> None:
    async with replacing(concurrency=AT_ONCE) as found:
        reads = found.flow.api.reads
        reads.shut()
        found.write("managed", {"client_id": "c", "client_secret": "p8e-secret"})
        found.put(CROWD, secret="managed")
        await found.flow.until(lambda: reads.waiting > 1)
        await asyncio.sleep(0.1)
        assert reads.waiting == 2
        reads.open()
        younger = CROWD[1:]
        twice = ("True", Reason.CLIENT_SECRET_MANAGED_TWICE)
        await found.flow.until(lambda: all(found.condition("RotationFailing", name) == twice for name in younger))


async def test_who_knows_of_a_change_does_not_wait_for_a_read_from_before_it() -> None:
    async with replacing(concurrency=AT_ONCE) as found:
        reads = found.flow.api.reads
        reads.shut()
        found.fill(**WITHOUT_ID)
        found.put(CROWD[:1])
        await found.flow.until(lambda: reads.waiting == 1)
        found.fill(**INVALID)
        found.put(CROWD[:2])
        await found.flow.until(lambda: reads.waiting == 2)
        reads.open()
        await found.flow.until(
            lambda: found.condition("RotationFailing", CROWD[1]) == ("True", Reason.CLIENT_SECRET_INVALID)
        )
