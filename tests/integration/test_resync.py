"""When a watch is blind, and when it only takes its time: lists of a real API server, and a store filled by hand."""

import asyncio

import pytest

from adobe_ims_operator.api.resource import parse_credential
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.resync import Resync
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.kube.client import Kube
from testbed.api import Object
from testbed.scene import Scene

BLIND = "the watch on credentials does not report what a list shows"


class Watched:
    """A store that a test fills in place of the watch, and what compares it with a list."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.store = Store(lambda _key, _after: None)
        self.watch = CredentialWatch(kube, self.store, [namespace], None, lambda: None, lambda: 0.0)
        self.watch.waits_for = None
        self.resync = Resync(kube, self.store, self.watch, None, lambda: 0.0, blind_after=0.5)

    def report(self, body: Object) -> None:
        self.store.upsert_credential(parse_credential(body))

    @property
    def said(self) -> tuple[str | None, str | None]:
        return self.resync.unready(), self.resync.broken()


@pytest.fixture
async def watched(scene: Scene, kube: Kube) -> Watched:
    found = Watched(kube, scene.namespace)
    await found.watch.namespaces.probe()
    return found


async def test_a_watch_that_takes_its_time_is_not_blind(scene: Scene, watched: Watched) -> None:
    items = [scene.credential(f"app-{n}") for n in range(8)]

    async def report_slowly() -> None:
        for item in items:
            await asyncio.sleep(0.3)
            watched.report(item)

    reporting = asyncio.create_task(report_slowly())
    assert watched.resync.unready() == "not all credentials were read yet"
    await watched.resync.resync_once()
    await reporting
    assert watched.said == (None, None)
    assert scene.namespace in {key.namespace for key in watched.store.credentials}


async def test_a_watch_that_stops_in_the_middle_is_opened_again_and_blind_if_that_does_not_help(
    scene: Scene, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.report(scene.credential("reported"))
    missed = scene.credential("missed")
    await watched.resync.resync_once()
    assert "is blind" in caplog.text
    assert watched.resync.broken() is None
    await watched.resync.resync_once()
    assert watched.resync.broken() == BLIND
    watched.report(missed)
    await watched.resync.resync_once()
    assert watched.said == (None, None)


async def test_a_change_that_was_not_reported_is_missed_too(
    scene: Scene, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.report(scene.credential())
    scene.credential(suspend=True)
    await watched.resync.resync_once()
    assert "is blind" in caplog.text


async def test_what_is_on_its_way_out_is_not_waited_for(
    scene: Scene, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    scene.credential()
    scene.patch("lightroom", {"metadata": {"finalizers": ["example.com/later"]}})
    scene.api.delete(scene.path("lightroom"))
    await watched.resync.resync_once()
    scene.patch("lightroom", {"metadata": {"finalizers": []}})
    assert watched.said == (None, None)
    assert "is blind" not in caplog.text


async def test_what_went_between_a_list_and_the_watch_holds_up_no_work(scene: Scene, watched: Watched) -> None:
    watched.report(scene.credential("stays"))
    scene.credential("goes")
    watched.store.watched_secrets(scene.namespace, 1)
    sweep = asyncio.create_task(watched.resync.resync_once())
    await asyncio.sleep(0.2)
    scene.api.delete(scene.path("goes"))
    await sweep
    assert watched.said == (None, None)
    assert watched.store.has_synced(scene.namespace)


async def test_a_watch_that_reports_others_is_late_and_what_it_owes_is_read(
    scene: Scene, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    owed = scene.credential("owed")
    watched.store.watched_secrets(scene.namespace, 1)
    sweep = asyncio.create_task(watched.resync.resync_once())
    await asyncio.sleep(0.2)
    watched.watch.heard[scene.namespace] += 1
    await sweep
    assert "is blind" not in caplog.text
    assert watched.said == (None, None)
    assert watched.store.has_synced(scene.namespace)
    assert [each.uid for each in watched.store.credentials.values()] == [owed["metadata"]["uid"]]


async def test_what_the_watch_of_another_namespace_reports_says_nothing_of_this_one(
    scene: Scene, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    scene.credential("missed")
    sweep = asyncio.create_task(watched.resync.resync_once())
    await asyncio.sleep(0.2)
    watched.watch.heard["another"] += 1
    await sweep
    assert "is blind" in caplog.text
    assert watched.store.credentials == {}


async def test_what_left_the_selector_after_a_list_is_not_waited_for(
    scene: Scene, kube: Kube, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    scene.credential()
    scene.patch("lightroom", {"metadata": {"labels": {"team": "photos"}}})
    resync = Resync(kube, watched.store, watched.watch, "team=photos", lambda: 0.0, blind_after=0.5)
    sweep = asyncio.create_task(resync.resync_once())
    await asyncio.sleep(0.2)
    scene.patch("lightroom", {"metadata": {"labels": {"team": "videos"}}})
    await sweep
    assert "is blind" not in caplog.text
    assert (resync.unready(), resync.broken()) == (None, None)


async def test_what_was_too_large_is_taken_up_once_there_is_room(scene: Scene, watched: Watched) -> None:
    wide = "\N{EURO SIGN}" + "x" * 15_000  # two bytes in memory for each
    data = {"token": "$(access_token)", **{f"text-{number}": wide for number in range(8)}}
    names = [f"large-{number:03}" for number in range(150)]
    for name in names:
        watched.report(scene.credential(name, secret={"name": name, "data": data}))
    refused = [key.name for key, each in watched.store.credentials.items() if each.spec.invalid]
    assert 0 < len(refused) < 40
    await watched.resync.resync_once()
    assert [key.name for key, each in watched.store.credentials.items() if each.spec.invalid] == refused
    for name in names[:3]:
        scene.api.delete(scene.path(name))
    await watched.resync.resync_once()
    assert [key.name for key, each in watched.store.credentials.items() if each.spec.invalid] == refused[3:]
