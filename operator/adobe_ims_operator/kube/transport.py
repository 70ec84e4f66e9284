"""What comes over the wire: errors of the libraries as ApiErrors, JSON as values, and streams as lines."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from kubernetes.aio import config

from adobe_ims_operator.kube.errors import UnreachableError, invalid_answer, is_refusal

LONGEST_LINE = 16 * 2**20
"""Of a stream, in bytes: an object in etcd has at most 1.5 MiB, and Go writes six bytes for each < in it."""

SMALL = 8 * 1024
"""Bytes of an answer of which it costs more to drop fields than to keep them for a moment."""
LARGE = 64 * 1024
"""Bytes that take more than a millisecond to decode."""

_METADATA, _MANAGERS, _ENDS = b'{"kind":"PartialObjectMetadata",', b',"managedFields":[', (b"]}}}", b"]}}]}")
"""As Kubernetes writes them, an object of a watch or of a list. No string has them in it: quotes in it are escaped."""


def decode(body: bytes | bytearray, *, fields: bool) -> Any:
    """The value of a JSON text.

    Args:
        fields: whether to keep `managedFields.fieldsV1`, which anybody may make a mebibyte as text, and thirty in
            memory. A text of up to `SMALL` bytes keeps it in any case.
    """
    if not fields and len(body) > LARGE:
        body = _without_managers(body)
    hook = None if fields or len(body) <= SMALL else _drop_fields
    if len(body) <= LARGE or not gc.isenabled():
        return json.loads(body, object_hook=hook)
    # Every few hundred new objects Python would look for cycles among them, and take longer for that than to decode.
    gc.disable()
    try:
        return json.loads(body, object_hook=hook)
    finally:
        gc.enable()


def _without_managers(body: bytes | bytearray) -> bytes | bytearray:
    """Cut off the managers of one object, the last of its metadata: to decode them takes a hundred times as long."""
    text = body.rstrip(b"\n")
    end = next((end for end in _ENDS if text.endswith(end)), None)
    if end is None or text.count(_METADATA) != 1 or text.count(_MANAGERS) != 1:
        return body
    return text[: text.index(_MANAGERS)] + end[1:]


def _drop_fields(found: dict[str, Any]) -> dict[str, Any]:
    # Kubernetes: "Server-Side Apply", fieldsV1. No other object of ours has keys with a colon or a lone dot.
    first = next(iter(found), "")
    return {} if first[1:2] == ":" or first == "." else found


class Answer(aiohttp.ClientResponse):
    """An answer of the API server; decoded for kopf without what managers own."""

    _kept: bytes | bytearray | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether its status says that the API server did not do what was asked."""
        return is_refusal(self.status)

    @contextmanager
    def closed_on_failure(self) -> Iterator[None]:
        """Close the connection where what reads the body fails: its place is else taken until there is no reference."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    async def read_up_to(self, most: int) -> bytearray:
        """Read the body until there is more of it than `most` bytes; what is left stays for another read."""
        body = bytearray()
        with self.closed_on_failure():
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > most:
                    break
        return body

    async def read_at_most(self, most: int) -> bytearray | None:
        """Read the body, or None where it has more bytes: the connection is closed then."""
        body = await self.read_up_to(most)
        if len(body) > most:
            self.close()
            return None
        return body

    async def keep(self, read: "Callable[[Answer], Awaitable[bytes | bytearray | None]]") -> bool:
        """Have the body read, for `json` to decode; whether there is one."""
        self._kept = await read(self)
        return self._kept is not None

    async def json(self, **_: Any) -> Any:
        """Decode the body."""
        return decode(await self.read() if self._kept is None else self._kept, fields=False)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what the libraries raise as ApiErrors."""
    # Nothing is chained: aiohttp's errors may hold the request, and that the Authorization header.
    try:
        yield
    except TimeoutError:
        raise UnreachableError(0, "Timeout", "the API server did not answer in time") from None
    except config.ConfigException as error:
        raise UnreachableError(0, "ConfigException", str(error)) from None
    except (aiohttp.ClientError, OSError) as error:
        raise UnreachableError(0, type(error).__name__, "the API server can't be reached") from None
    except (ValueError, RecursionError):
        raise invalid_answer() from None


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """The JSON of each line of a stream."""
    # aiohttp's own lines end at 128 KiB, which the annotations of one Secret may exceed.
    waiting = bytearray()
    with translated_errors():
        async for chunk in response.content.iter_any():
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                started, size = time.perf_counter(), len(waiting) + len(line)
                yield decode(waiting + line, fields=False)
                waiting.clear()
                if size > LARGE:  # and for as long as it took, with what was made of it, others go on
                    await asyncio.sleep(time.perf_counter() - started)
            waiting += rest
            if len(waiting) > LONGEST_LINE:
                raise invalid_answer()


def within(seconds: float) -> aiohttp.ClientTimeout:
    """The time of a whole request."""
    # Exactly: above its threshold aiohttp rounds up to a whole second.
    return aiohttp.ClientTimeout(total=seconds, ceil_threshold=max(seconds, 0) + 1)


def is_quotable(method: str, path: str, query: Mapping[str, str] | None) -> bool:
    """Whether the text of a refusal may be quoted: nothing secret is sent to be read, in a dry run, nor in a Lease."""
    return method == "GET" or path.startswith("/apis/coordination.k8s.io/") or "dryRun" in (query or {})
