"""What is counted of requests to the API server: no more than a fixed number of series, whatever it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.paths import credentials_path, events_path, leases_path, secret_path, workload_path
from adobe_ims_operator.kube.traffic import NO_ANSWER, resource_of
from testbed.address import free_ports
from unit.connecting import connected, serving


@asynccontextmanager
async def answering(status: int, body: str = "{}") -> AsyncIterator[Kube]:
    """A client of an API server that answers all with one status."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    async with serving(web.route("*", "/{path:.*}", answer)) as url, connected(url, 1) as kube:
        yield kube


@pytest.mark.parametrize(("status", "code"), [(404, "404"), (599, "other"), (499, "other")])
async def test_only_codes_of_http_have_a_count_of_their_own(status: int, code: str) -> None:
    async with answering(status) as kube:
        with pytest.raises(ApiError):
            await kube.get("/api/v1/namespaces/photos/secrets/lightroom")
    assert dict(kube.traffic.requests) == {("GET", code): 1}


async def test_what_gets_no_answer_is_counted_too() -> None:
    async with connected(f"http://127.0.0.1:{free_ports(1)[0]}", 1) as kube:
        with pytest.raises(ApiError):
            await kube.get("/api/v1/namespaces/photos/secrets/lightroom")
    assert dict(kube.traffic.requests) == {("GET", NO_ANSWER): 1}


async def test_only_writes_that_a_person_must_mend_count_as_refused() -> None:
    path = secret_path(Key("photos", "lightroom"))
    for status, expected in [(403, {("secrets", "Forbidden"): 2}), (409, {}), (503, {}), (404, {})]:
        async with answering(status, '{"reason": "Forbidden", "message": "no"}') as kube:
            for request in (kube.patch(path, {}), kube.delete(path, "uid", 1), kube.get(path)):
                with pytest.raises(ApiError):
                    await request
            with pytest.raises(ApiError):
                await kube.create(path, {}, dry_run=True)
        assert dict(kube.traffic.refused) == expected


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_the_resource_of_a_path_is_no_name_that_a_tenant_chose(name: str) -> None:
    assert resource_of(secret_path(Key(name, name))) == "secrets"
    assert resource_of(events_path(name)) == "events"
    assert resource_of(leases_path(Key(name, name))) == "leases"
    assert resource_of(f"{credentials_path(name, name)}/status") == "adobeimscredentials/status"
    assert resource_of(workload_path(name, "Deployment", name)) == "deployments"
    assert resource_of("/apis/authentication.k8s.io/v1/tokenreviews") == "tokenreviews"
