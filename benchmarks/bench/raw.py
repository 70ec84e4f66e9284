"""The Kubernetes API through `kubernetes.aio` with nothing around it: JSON in, JSON out, an exception where it fails.

The floor is measured with it, and the load is made with it; it shares no code with the operator.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

T = TypeVar("T")

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
REQUEST_SECONDS = 60.0


class RequestError(Exception):
    """The API server refused a request."""


class Raw:
    """One user's connections; an async context manager."""

    def __init__(self, configuration: Configuration, connections: int) -> None:
        configuration.connection_pool_maxsize = connections
        configuration.client_session_kwargs = {"trust_env": False}
        self._configuration = configuration
        self._client = ApiClient(configuration)

    @classmethod
    async def open(cls, kubeconfig: Path, connections: int) -> Self:
        """Log in as the user of a kubeconfig."""
        configuration = Configuration()
        await config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(configuration, connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]

    async def request(
        self, method: str, path: str, body: object = None, *, content: str = JSON, accept: str = JSON
    ) -> Any:
        """Send one request; the answer's JSON. Raises RequestError."""
        return json.loads(await (await self._send(method, path, body, content, accept)).read())

    async def lines(self, path: str) -> AsyncIterator[Any]:
        """GET a stream of JSON lines, of metadata only. Raises RequestError."""
        response = await self._send("GET", path, None, JSON, METADATA)
        try:
            async for line in response.content:
                yield json.loads(line)
        finally:
            response.close()

    async def _send(self, method: str, path: str, body: object, content: str, accept: str) -> Any:
        headers = {"Accept": accept, "Content-Type": content}
        token = await self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token is not None:
            headers["Authorization"] = token
        wrapped = await self._client.rest_client.request(  # type: ignore[no-untyped-call]
            method, self._configuration.host + path, headers=headers, body=body, _request_timeout=REQUEST_SECONDS
        )
        if wrapped.status >= 400:
            raise RequestError(f"{method} {path}: {wrapped.status} {(await wrapped.read()).decode()}")
        return wrapped.response


async def in_parallel(workers: int, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do `work` on all items, so many at once."""
    waiting = iter(items)

    async def take() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(take())
