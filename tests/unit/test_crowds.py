"""A crowd that names one Secret is woken whole, in slices, and seldom."""

import asyncio

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cache.crowds import SLICE, Crowds

SECRET = Key("photos", "oauth")


class Crowd:
    def __init__(self, size: int) -> None:
        self.keys = [Key("photos", f"c-{number}") for number in range(size)]
        self.enqueued: list[Key] = []
        self.crowds = Crowds(lambda _: self.keys, lambda key, _: self.enqueued.append(key), lambda _: size)


async def test_all_are_woken_and_the_loop_is_given_back_between_slices() -> None:
    crowd = Crowd(5 * SLICE)
    crowd.crowds.wake(SECRET, 0)
    seen = set()
    while len(crowd.enqueued) < len(crowd.keys):
        await asyncio.sleep(0)
        seen.add(len(crowd.enqueued))
    assert crowd.enqueued == crowd.keys
    assert {SLICE, 2 * SLICE, 3 * SLICE} <= seen


async def test_many_changes_wake_a_crowd_once_and_the_last_of_them_is_not_lost() -> None:
    crowd = Crowd(50)
    for _ in range(100):
        crowd.crowds.wake(SECRET, 0)
        await asyncio.sleep(0.001)
    assert len(crowd.enqueued) == 50
    await asyncio.sleep(1.2)
    assert len(crowd.enqueued) == 100
    await asyncio.sleep(1.2)
    assert len(crowd.enqueued) == 100


async def test_a_secret_of_another_namespace_waits_for_none() -> None:
    crowd = Crowd(50)
    crowd.crowds.wake(SECRET, 0)
    crowd.crowds.wake(Key("pictures", "oauth"), 0)
    await asyncio.sleep(0.05)
    assert len(crowd.enqueued) == 100


async def test_the_crowds_of_one_namespace_are_woken_one_after_the_other() -> None:
    crowd = Crowd(40)
    for number in range(5):
        crowd.crowds.wake(Key("photos", f"oauth-{number}"), 0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(crowd.enqueued) == 40
    await asyncio.sleep(2.5)
    assert len(crowd.enqueued) == 200


async def test_a_few_do_not_wait_for_many_of_their_namespace() -> None:
    enqueued: list[Key] = []
    users = {Key("platform", "many"): [Key("team", str(n)) for n in range(1000)], Key("platform", "few"): [SECRET]}
    crowds = Crowds(users.__getitem__, lambda key, _: enqueued.append(key), lambda named: len(users[named]))
    crowds.wake(Key("platform", "many"), 0)
    crowds.wake(Key("platform", "few"), 0)
    await asyncio.sleep(0.2)
    assert SECRET in enqueued
