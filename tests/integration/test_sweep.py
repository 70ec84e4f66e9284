"""When a watch is blind, and when it only takes its time: lists of a real API server, and a watch told by hand."""

import asyncio

import pytest

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.resync import Sweep
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.kube.client import Kube
from testbed.scene import Scene

BLIND = "the watch on credentials does not tell what a list shows"


@pytest.fixture
def watch(scene: Scene, kube: Kube) -> CredentialWatch:
    cluster = Cluster(Endpoints(["https://ims.example"]), lambda _: None, lambda _: None, lambda _: None)
    a_watch = CredentialWatch(kube, cluster, [scene.namespace], None, lambda: None, lambda: 0.0)
    a_watch.waits_for = None
    return a_watch


@pytest.fixture
def sweep(scene: Scene, kube: Kube, watch: CredentialWatch) -> Sweep:
    return Sweep(kube, watch._cluster, watch, [scene.namespace], None, lambda: 0.0, blind_after=0.5)


async def test_a_watch_that_takes_its_time_is_not_blind(scene: Scene, watch: CredentialWatch, sweep: Sweep) -> None:
    items = [scene.credential(f"app-{n}") for n in range(8)]

    async def tell_slowly() -> None:
        for item in items:
            await asyncio.sleep(0.3)
            watch._observe("ADDED", item)

    telling = asyncio.create_task(tell_slowly())
    assert sweep.unready() == "not all credentials were read yet"
    await sweep.sweep_once()
    await telling
    assert (sweep.unready(), sweep.broken()) == (None, None)


async def test_a_watch_that_stops_in_the_middle_is_opened_anew_and_blind_if_that_does_not_help(
    scene: Scene, watch: CredentialWatch, sweep: Sweep
) -> None:
    watch._observe("ADDED", scene.credential("told"))
    untold = scene.credential("untold")
    await sweep.sweep_once()
    assert watch._end.is_set()
    assert sweep.broken() is None
    await sweep.sweep_once()
    assert sweep.broken() == BLIND
    watch._observe("ADDED", untold)
    await sweep.sweep_once()
    assert (sweep.unready(), sweep.broken()) == (None, None)


async def test_a_change_that_was_not_told_is_missed_too(scene: Scene, watch: CredentialWatch, sweep: Sweep) -> None:
    watch._observe("ADDED", scene.credential())
    scene.credential(suspend=True)
    await sweep.sweep_once()
    assert watch._end.is_set()


async def test_a_list_that_is_not_to_be_had_is_no_fault_of_the_watch(
    scene: Scene, watch: CredentialWatch, sweep: Sweep, kube: Kube
) -> None:
    scene.credential()
    await sweep.sweep_once()
    await sweep.sweep_once()
    assert sweep.broken() == BLIND
    kube._configuration.host = "https://127.0.0.1:1"
    watch.started.set()
    running = asyncio.create_task(sweep.run())
    await asyncio.sleep(0.5)
    assert sweep.broken() is None
    running.cancel()


@pytest.mark.parametrize("before", [True, False], ids=["good before", "never good"])
async def test_what_can_not_be_read_was_told_all_the_same(
    scene: Scene, watch: CredentialWatch, sweep: Sweep, before: bool
) -> None:
    first = scene.credential()
    if before:
        watch._observe("ADDED", first)
    second = scene.credential(suspend=True)
    watch._observe("MODIFIED", {**second, "spec": {"client": 7}})
    await sweep.sweep_once()
    assert (sweep.unready(), watch._end.is_set()) == (None, False)


async def test_what_is_on_its_way_out_is_not_waited_for(scene: Scene, watch: CredentialWatch, sweep: Sweep) -> None:
    scene.credential()
    scene.patch("lightroom", {"metadata": {"finalizers": ["example.com/later"]}})
    scene.api.delete(scene.path("lightroom"))
    await sweep.sweep_once()
    scene.patch("lightroom", {"metadata": {"finalizers": []}})
    assert (sweep.unready(), watch._end.is_set()) == (None, False)
