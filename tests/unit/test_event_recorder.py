"""Events behind the work: each is sent once, in a background that no refusal and no broken answer ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.tasks import steadily
from adobe_ims_operator.core.events import Event, Regarding
from adobe_ims_operator.kube.client import REQUEST_SECONDS, Kube
from adobe_ims_operator.kube.errors import NotLeadingError
from adobe_ims_operator.kube.event_recorder import AT_ONCE, MAX_WAITING, SENDERS, Recorder
from adobe_ims_operator.kube.paths import events_path
from unit.connecting import connected
from unit.connecting import serving as routing
from unit.flow import API, api_client, cancel, serving
from unit.worlds import credential

NOW = datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def api() -> AsyncIterator[API]:
    server = API([])
    async with serving(server):
        yield server


@asynccontextmanager
async def sending(kube: Kube, senders: int = 1, most_waiting: int = MAX_WAITING) -> AsyncIterator[Recorder]:
    """A recorder with so many senders; the client is closed at the end."""
    recorder = Recorder(kube, lambda: NOW, "operator-1", most_waiting)
    tasks = [asyncio.create_task(steadily(recorder.run)) for _ in range(senders)]
    try:
        yield recorder
    finally:
        await cancel(*tasks)
        await kube.close()


def tell(recorder: Recorder, *reasons: str) -> None:
    for reason in reasons:
        recorder.record(
            Regarding(credential().key, credential().uid), Event(reason, f"about {reason}", warning=reason != "Rotated")
        )


async def flush(recorder: Recorder) -> None:
    async with asyncio.timeout(3):
        await recorder.flush()


def sent(api: API) -> list[str]:
    return [event["reason"] for event in api.events]


async def test_an_event_is_logged_and_sent_with_what_it_says(api: API, caplog: pytest.LogCaptureFixture) -> None:
    async with sending(api_client(api)) as recorder:
        with caplog.at_level("INFO"):
            tell(recorder, "InvalidClient", "Rotated")
        await flush(recorder)
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("WARNING", "photos/lightroom: InvalidClient: about InvalidClient") in logged
    assert ("INFO", "photos/lightroom: Rotated: about Rotated") in logged
    told = [(event["type"], event["reason"], event["note"]) for event in api.events]
    assert told == [("Warning", "InvalidClient", "about InvalidClient"), ("Normal", "Rotated", "about Rotated")]
    event = api.events[0]
    assert (event["eventTime"], event["reportingInstance"]) == ("2026-11-24T10:00:00.123456Z", "operator-1")
    assert (event["regarding"]["name"], event["regarding"]["uid"]) == ("lightroom", "uid-1")


async def test_an_event_that_was_logged_where_it_happened_is_sent_and_not_logged_again(
    api: API, caplog: pytest.LogCaptureFixture
) -> None:
    async with sending(api_client(api)) as recorder:
        with caplog.at_level("INFO"):
            recorder.record(
                Regarding(credential().key, credential().uid),
                Event("InvalidClient", "about it", warning=True, logged=True),
            )
        await flush(recorder)
    assert sent(api) == ["InvalidClient"]
    assert [record for record in caplog.records if "about it" in record.getMessage()] == []


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (
            web.Response(status=403, text='{"reason": "Forbidden"}'),
            "namespace photos: the API server does not take Events (403 Forbidden)",
        ),
        (web.Response(text="<html>"), "is sent, but its answer is odd: InvalidAnswer"),
        (web.Response(text="[" * 100_000), "is sent, but its answer is odd: InvalidAnswer"),
    ],
    ids=["refused", "no JSON", "JSON without a bottom"],
)
async def test_an_event_that_meets_no_good_answer_is_not_sent_again_and_the_next_is_sent(
    api: API, caplog: pytest.LogCaptureFixture, answer: web.Response, logged: str
) -> None:
    api.event_answers.append(answer)
    async with sending(api_client(api)) as recorder:
        with caplog.at_level("INFO"):
            tell(recorder, "Lost", "Suspended")
            await flush(recorder)
    assert sent(api) == ["Suspended"]
    assert logged in caplog.text


async def test_who_may_no_longer_lead_sends_nothing_and_goes_on_when_it_leads_again(
    api: API, caplog: pytest.LogCaptureFixture
) -> None:
    leading = iter([False])

    def time_left() -> float:
        if not next(leading, True):
            raise NotLeadingError
        return REQUEST_SECONDS

    async with sending(api_client(api, time_left)) as recorder:
        with caplog.at_level("INFO"):
            tell(recorder, "Lost", "Suspended")
            await flush(recorder)
    assert sent(api) == ["Suspended"]
    assert "the Event Lost is not sent, as another replica may lead" in caplog.text


async def test_a_cancellation_that_was_meant_for_a_request_of_its_own_ends_no_sender(api: API) -> None:
    requests: list[asyncio.Task[None]] = []

    async def load() -> Configuration:
        requests.append(asyncio.create_task(asyncio.sleep(60)))
        await requests[-1]
        return Configuration()

    api.event_answers.append(web.Response(status=401))  # so that it logs in again, which takes long
    async with sending(Kube(Configuration(host=api.url), 4, load)) as recorder:
        tell(recorder, "Lost", "Suspended")
        async with asyncio.timeout(3):
            while not requests:  # noqa: ASYNC110 - the request tells nobody that it is made
                await asyncio.sleep(0.005)
        requests[0].cancel()  # as kopf does at its end
        await flush(recorder)
        assert sent(api) == ["Suspended"]


async def test_what_comes_on_top_of_a_full_queue_is_logged_and_not_kept(
    api: API, caplog: pytest.LogCaptureFixture
) -> None:
    async with sending(api_client(api), most_waiting=2) as recorder:
        tell(recorder, "First", "Second", "Third")  # before the sender had its first turn
        assert "too many Events wait; 1 are not sent" in caplog.text
        await flush(recorder)
        assert sent(api) == ["First", "Second"]
        tell(recorder, "Fourth")
        await flush(recorder)
        assert sent(api) == ["First", "Second", "Fourth"]


async def test_one_event_that_takes_long_does_not_hold_up_the_next_and_a_flush_waits_for_both(api: API) -> None:
    api.writes.shut()
    async with sending(api_client(api), senders=2) as recorder:
        tell(recorder, "First", "Second")
        flushing = asyncio.create_task(flush(recorder))
        await asyncio.sleep(0.1)
        assert (api.events_asked, flushing.done()) == (2, False)
        api.writes.open()
        await flushing
        assert sorted(sent(api)) == ["First", "Second"]


async def test_an_event_waits_for_none_of_those_of_namespaces_where_they_take_long() -> None:
    asked: list[str] = []

    async def record(request: web.Request) -> web.Response:
        asked.append(request.match_info["namespace"])
        slow, _, number = asked[-1].partition("-")
        if slow == "slow":
            await asyncio.sleep(0.1 + int(number) / 50)
        return web.json_response(await request.json(), status=201)

    def tell_of(recorder: Recorder, namespace: str) -> None:
        recorder.record(Regarding(Key(namespace, "c"), "uid"), Event("Rotated", "about it", warning=False))

    async with (
        routing(web.post(events_path("NAMESPACE").replace("NAMESPACE", "{namespace}"), record)) as url,
        connected(url, 100) as kube,
        sending(kube, SENDERS) as recorder,
    ):
        for number in range(5 * 16):
            tell_of(recorder, f"slow-{number % 16}")
        async with asyncio.timeout(10):
            while len(set(asked)) < 16 or len(asked) < 20:  # noqa: ASYNC110 - each is to have had a turn
                await asyncio.sleep(0.005)
        for _ in range(2):
            before = len(asked)
            tell_of(recorder, "photos")
            async with asyncio.timeout(10):
                while asked.count("photos") == 0:  # noqa: ASYNC110 - the request tells nobody that it is made
                    await asyncio.sleep(0.005)
            assert len(asked) - before <= 2 * AT_ONCE
            asked.remove("photos")
