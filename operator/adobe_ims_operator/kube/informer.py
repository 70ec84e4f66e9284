"""Two middlewares for kopf's session: lists in pages of few bytes, and watches without the events that are known.

kopf asks for pages of a number of objects, however large these are. And it starts a task for each event, which costs
more than all that the operator does with it; most events are of the operator's own writes, whose answers said the same.
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import aiohttp

from adobe_ims_operator.kube.page_size import PageSize
from adobe_ims_operator.kube.transport import LARGE, Answer, decode

IsKnown = Callable[[Any], bool]
"""Whether a line of a watch, as decoded, holds nothing new; it accepts any value."""


def limit_pages() -> aiohttp.ClientMiddlewareType:
    """Choose the number of objects of each page, in place of the number that is asked for."""
    sizes: dict[str, PageSize] = {}

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if "limit" not in request.url.query:
            return await handler(request)
        if "continue" not in request.url.query:
            sizes[request.url.raw_path] = PageSize()
        size = sizes.setdefault(request.url.raw_path, PageSize())
        while True:
            request.url = request.url.update_query(limit=str(size.limit))
            answer = cast("Answer", await handler(request))
            if answer.is_refusal or await answer.keep(size.read):
                return answer

    return middleware


def drop_known_events(is_known: IsKnown) -> aiohttp.ClientMiddlewareType:
    """Replace the events that hold nothing new by bookmarks, which kopf skips at once."""

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        answer = cast("Answer", await handler(request))
        if "watch" in request.url.query and not answer.is_refusal:
            answer.content = cast("aiohttp.StreamReader", _FilteredStream(answer.content, is_known))
        return answer

    return middleware


class _FilteredStream:
    """The content of a watch, as kopf reads it."""

    def __init__(self, content: aiohttp.StreamReader, is_known: IsKnown) -> None:
        self._content = content
        self._is_known = is_known

    def __getattr__(self, name: str) -> Any:
        """All that aiohttp itself does with it."""
        return getattr(self._content, name)

    async def iter_chunked(self, most: int) -> AsyncIterator[bytes]:
        """Its lines, in chunks of whatever size."""
        begun, is_large = b"", False
        async for chunk in self._content.iter_chunked(most):
            *ends, rest = (begun + chunk).split(b"\n")
            lines = [line if is_large and not number else self._read(line) for number, line in enumerate(ends)]
            is_large = is_large and not ends
            begun, passed = rest, b"".join(line + b"\n" for line in lines)
            # Of a large line nothing is kept back: it is no write of ours.
            if is_large or len(begun) > LARGE:
                begun, passed, is_large = b"", passed + begun, True
            yield passed
        yield begun

    def _read(self, line: bytes) -> bytes:
        if len(line) > LARGE:
            return line
        try:
            event = decode(line, fields=False)
        except (ValueError, RecursionError):
            return line
        return _bookmark(event) if self._is_known(event) else line


def _bookmark(event: Any) -> bytes:
    # Kubernetes: "API concepts", watch bookmarks: an object with a resourceVersion alone.
    version = event["object"]["metadata"]["resourceVersion"]
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}).encode()
