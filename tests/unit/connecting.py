"""A connection of the operator's own kind to a server that a test serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.kube.client import Kube


@asynccontextmanager
async def connected(url: str, connections: int = 4, patience: float = 30.0) -> AsyncIterator[Kube]:
    """Connect to the API server at a URL, without credentials."""

    async def load() -> Configuration:
        return Configuration()

    kube = Kube(Configuration(host=url), connections, load, patience=patience)
    try:
        yield kube
    finally:
        await kube.close()


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    """Serve what is defined by routes; the URL."""
    application = web.Application()
    application.router.add_routes(routes)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")
