"""Credentials as they change, by one watch, however many somebody waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Generic, TypeVar

from adobe_ims_operator.api.resource import JSON, Key
from adobe_ims_operator.kube.answers import check_mapping, check_object, check_version
from adobe_ims_operator.kube.client import JSON_TYPE, Kube
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, GoneError, from_status
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import credentials_path

T = TypeVar("T")

PAUSE_SECONDS = 1.0
WATCH_SECONDS = 300
SILENCE_SECONDS = WATCH_SECONDS + 15.0
"""A watch without a change still ends after its time."""


class Follower(Generic[T]):
    """What is known of some credentials.

    Args:
        found: what is kept of each, as it was seen last.
        since: the lowest resourceVersion of those.
        read: what is to be kept of one: all of it may have more than a mebibyte.
    """

    def __init__(self, kube: Kube, found: Mapping[Key, T], since: int, read: Callable[[JSON], T]) -> None:
        self._kube = kube
        self._read = read
        self.found: dict[Key, T | None] = dict(found)
        """None for what is gone."""
        self.problem = ""
        """Why nothing is heard of them; empty while something is."""
        namespaces = {key.namespace for key in found}
        self._path = credentials_path(namespaces.pop() if len(namespaces) == 1 else None)
        # Not by labels: an object that loses one would seem to be gone.
        names = [key.name for key in found]
        self._query = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
        self._version: str | None = str(since)

    async def run(self) -> None:
        """Keep it up to date until cancelled.

        Raises:
            ForbiddenError: they may not be watched.
        """
        while True:
            try:
                if self._version is None:
                    await self._list()
                async for kind, body in self._events():
                    self._take(body, gone=kind == "DELETED")
            except ForbiddenError:
                raise
            except ApiError as error:
                if isinstance(error, GoneError):
                    self._version = None
                else:
                    self.problem = f"it can't be watched ({error.answer})"
            await asyncio.sleep(PAUSE_SECONDS)

    async def _list(self) -> None:
        listed: set[Key] = set()
        async for page in pages(self._kube, self._path, accept=JSON_TYPE, query=self._query):
            self._version = check_version(page["metadata"])
            for body in page["items"]:
                listed.add(self._take(check_object(body), gone=False))
        for key in self.found.keys() - listed:
            self.found[key] = None

    def _take(self, body: JSON, *, gone: bool) -> Key:
        key = Key(str(body["metadata"]["namespace"]), str(body["metadata"]["name"]))
        if key in self.found:
            self.found[key] = None if gone else self._read(body)
        return key

    async def _events(self) -> AsyncIterator[tuple[Any, JSON]]:
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": str(self._version),
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._kube.stream(self._path, accept=JSON_TYPE, query=query, silence=SILENCE_SECONDS) as events:
            self.problem = ""
            async for event in events:
                line = check_mapping(event)
                kind, body = line.get("type"), check_mapping(line.get("object"))
                if kind == "ERROR":
                    raise from_status(body.get("code"), body, quotable=True)
                self._version = check_version(body.get("metadata"))
                if kind != "BOOKMARK":
                    yield kind, check_object(body)
