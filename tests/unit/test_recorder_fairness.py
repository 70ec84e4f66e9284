"""Events of many namespaces: they take turns, one with too many loses only its own, and what is lost is counted."""

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.events import Event, Regarding
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.event_recorder import (
    AT_ONCE,
    MAX_OF_NAMESPACE,
    MAX_WAITING,
    SENDERS,
    SENDERS_OF_NAMESPACE,
    Recorder,
)
from adobe_ims_operator.manager.metrics import Metrics

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


class Events:
    """An API server that takes Events, and hangs over those of the namespaces in `hanging`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.hanging: set[str] = set()
        self.status = 201
        self.answer: Any = {"metadata": {"name": "event", "uid": "uid", "resourceVersion": "1"}}

    async def take(self, request: web.Request) -> web.Response:
        namespace = request.match_info["namespace"]
        self.asked.append(namespace)
        while namespace in self.hanging:  # noqa: ASYNC110 - who empties it tells nobody
            await asyncio.sleep(0.005)
        self.taken.append((namespace, (await request.json())["reason"]))
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def recording(events: Events, report_every: float = 60.0) -> AsyncIterator[Recorder]:
    app = web.Application()
    app.add_routes([web.post("/apis/events.k8s.io/v1/namespaces/{namespace}/events", events.take)])
    async with TestServer(app) as server:

        async def load() -> Configuration:
            return Configuration()

        kube = Kube(Configuration(host=str(server.make_url("")).rstrip("/")), 8, load)
        recorder = Recorder(kube, lambda: NOW, "operator-1", report_every=report_every)
        tasks = [asyncio.create_task(recorder.run()) for _ in range(SENDERS)]
        try:
            yield recorder
        finally:
            events.hanging.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await kube.close()


def record(recorder: Recorder, namespace: str, *reasons: str) -> None:
    for reason in reasons:
        recorder.record(Regarding(Key(namespace, "lightroom"), "uid-1"), Event(reason, "note", warning=False))


async def flush(recorder: Recorder) -> None:
    async with asyncio.timeout(60):  # a busy machine takes seconds for all that may wait
        await recorder.flush()


def lost_lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    found = (re.search(r"namespace (\S+): .*; (\d+) are not sent", text) for text in caplog.messages)
    return [(each[1], int(each[2])) for each in found if each]


async def test_namespaces_with_many_events_hold_up_no_other() -> None:
    events = Events()
    noisy = [f"noisy-{number}" for number in range(AT_ONCE // SENDERS_OF_NAMESPACE)]  # which have all places together
    events.hanging |= set(noisy)
    async with recording(events) as recorder:
        for each in noisy:
            record(recorder, each, *(f"Noise{n}" for n in range(MAX_OF_NAMESPACE)))
        record(recorder, "quiet", "Rotated")
        async with asyncio.timeout(60):
            while len(events.asked) < AT_ONCE:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.005)
        events.hanging.clear()  # with connections that are open, so that each turn comes at once
        await flush(recorder)
    assert events.taken.index(("quiet", "Rotated")) < 2 * AT_ONCE
    assert len(events.taken) == AT_ONCE // SENDERS_OF_NAMESPACE * MAX_OF_NAMESPACE + 1


async def test_a_namespace_whose_webhook_hangs_has_its_share_of_senders_and_no_more() -> None:
    events = Events()
    events.hanging.add("hung")
    async with recording(events) as recorder:
        record(recorder, "hung", *(f"Hung{n}" for n in range(MAX_OF_NAMESPACE)))
        for round_ in range(1, 5):
            record(recorder, "other", "One", "Two")
            async with asyncio.timeout(5):
                while len(events.taken) < 2 * round_:  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.005)
        assert events.asked.count("hung") == SENDERS_OF_NAMESPACE


async def test_namespaces_whose_webhooks_hang_keep_no_sender_from_others() -> None:
    events = Events()
    hanging = [f"hung-{n}" for n in range(AT_ONCE)]
    events.hanging |= set(hanging)
    async with recording(events) as recorder:
        for each in hanging:
            record(recorder, each, "One", "Two", "Three")
        async with asyncio.timeout(10):
            while len(events.asked) < AT_ONCE * SENDERS_OF_NAMESPACE:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.005)
        record(recorder, "quiet", "Rotated")
        async with asyncio.timeout(10):
            while ("quiet", "Rotated") not in events.taken:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.005)


async def test_a_namespace_with_too_many_events_loses_only_its_own_and_they_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = Events()
    events.hanging |= {"noisy", "quiet"}
    async with recording(events, report_every=0.2) as recorder:
        record(recorder, "noisy", *(f"Noise{n}" for n in range(MAX_OF_NAMESPACE + 7)))
        record(recorder, "quiet", "Rotated")
        assert recorder.dropped == 7
        assert lost_lines(caplog) == [("noisy", 1)]
        await asyncio.sleep(0.5)  # in which nothing more is recorded
        assert lost_lines(caplog) == [("noisy", 1), ("noisy", 6)]
        events.hanging.clear()
        await flush(recorder)
    assert ("quiet", "Rotated") in events.taken
    assert len(events.taken) == MAX_OF_NAMESPACE + 1


async def test_events_that_the_api_server_refuses_cost_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    events.status, events.answer = 403, {"reason": "Forbidden"}
    async with recording(events, report_every=0.2) as recorder:
        record(recorder, "full", *(f"Refused{n}" for n in range(50)))
        await flush(recorder)
        await asyncio.sleep(0.5)
    assert [count for _, count in lost_lines(caplog)] == [1, 49]


async def test_namespaces_that_fill_the_queue_together_keep_none_of_another_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events, noisy = Events(), [f"noisy-{n}" for n in range(MAX_WAITING // MAX_OF_NAMESPACE)]
    events.hanging |= {*noisy, "quiet"}
    async with recording(events) as recorder:
        for namespace in noisy:
            record(recorder, namespace, *(f"Noise{n}" for n in range(MAX_OF_NAMESPACE)))
        record(recorder, "quiet", "Rotated", "Suspended")
        assert recorder.dropped == 2
        assert {namespace for namespace, _ in lost_lines(caplog)} <= set(noisy)
        events.hanging.clear()
        await flush(recorder)
    assert [reason for namespace, reason in events.taken if namespace == "quiet"] == ["Rotated", "Suspended"]
    assert len(events.taken) == MAX_WAITING


async def test_the_metric_counts_events_that_were_dropped() -> None:
    events, metrics = Events(), Metrics()
    events.hanging.add("noisy")
    app = web.Application()
    app.add_routes(metrics.routes())
    async with recording(events) as recorder, TestClient(TestServer(app)) as client:
        metrics.register_events(lambda: recorder.dropped)
        record(recorder, "noisy", *(f"Noise{n}" for n in range(MAX_OF_NAMESPACE + 7)))
        text = await (await client.get("/metrics")).text()
    assert "adobe_ims_operator_events_dropped_total 7.0" in text.splitlines()


async def test_an_event_that_waits_keeps_little_in_memory() -> None:
    events = Events()
    events.hanging.add("noisy")
    async with recording(events) as recorder:
        tracemalloc.start()
        for number in range(MAX_OF_NAMESPACE):
            note = f"{number}" * 10_000
            recorder.record(Regarding(Key("noisy", "lightroom"), "uid-1"), Event("Noise", note, warning=False))
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert kept < MAX_OF_NAMESPACE * 4096


@pytest.mark.parametrize("answer", [[], {}, None, "text", {"metadata": {"resourceVersion": "abc"}}])
async def test_an_event_whose_answer_is_odd_is_not_reported_as_lost(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    events = Events()
    events.answer = answer
    async with recording(events) as recorder:
        with caplog.at_level("INFO"):
            record(recorder, "photos", "Rotated", "Suspended")
            await flush(recorder)
    assert sorted(reason for _, reason in events.taken) == ["Rotated", "Suspended"]
    assert not [each for each in caplog.records if each.levelname != "INFO"]
    assert "does not take Events" not in caplog.text
