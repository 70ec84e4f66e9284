"""A token for one credential: what is asked of IMS, by whom, and what is counted of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.errors import InvalidClient
from adobe_ims_operator.adobe.rate import RateLimit
from adobe_ims_operator.adobe.trust import load_trust
from adobe_ims_operator.controller.fetch import Fetcher
from adobe_ims_operator.kube.client_secret import Client
from adobe_ims_operator.kube.errors import NotLeadingError
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.stand_in import StandIn
from unit.worlds import observed

CLIENT = Client(7, SAMPLE_CLIENT_ID, {"old": "p8e-old", "new": SAMPLE_CLIENT_SECRET})
Counted = list[tuple[str, str]]


async def fetch(stand_in: StandIn, client: Client, permit: Callable[[], object]) -> Counted:
    """Fetch a token; what was counted, also where that fails."""
    counted: Counted = []
    ims = IMSClient(load_trust(stand_in.ca))
    fetcher = Fetcher(
        ims,
        Endpoints([stand_in.url]),
        {stand_in.url: RateLimit(1000, time.monotonic)},
        lambda: datetime.now(UTC),
        time.monotonic,
        permit=permit,
        count=lambda endpoint, result, _: counted.append((endpoint, result)),
    )
    seen = replace(observed(), endpoint=stand_in.url)
    try:
        await fetcher.fetch(seen, client, seen.inputs)
    except InvalidClient:
        pass
    finally:
        await ims.close()
    return counted


async def test_each_request_is_counted_with_what_came_of_it(stand_in: StandIn) -> None:
    url = stand_in.url
    assert await fetch(stand_in, CLIENT, lambda: None) == [(url, "InvalidClient"), (url, "Issued")]
    wrong = replace(CLIENT, secrets={"old": "p8e-old"})
    assert await fetch(stand_in, wrong, lambda: None) == [(url, "InvalidClient")]


async def test_who_may_no_longer_lead_asks_nothing(stand_in: StandIn) -> None:
    asked = stand_in.requests().total

    def permit() -> None:
        raise NotLeadingError

    with pytest.raises(NotLeadingError):
        await fetch(stand_in, CLIENT, permit)
    assert stand_in.requests().total == asked


async def test_who_loses_the_lead_between_two_client_secrets_asks_with_none_more(stand_in: StandIn) -> None:
    asked = stand_in.requests().total
    permits = iter([True])

    def permit() -> None:
        if not next(permits, False):
            raise NotLeadingError

    with pytest.raises(NotLeadingError):
        await fetch(stand_in, CLIENT, permit)
    assert stand_in.requests().total == asked + 1
