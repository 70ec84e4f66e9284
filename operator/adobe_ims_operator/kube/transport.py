"""What comes over the wire: errors of the libraries as ApiErrors, and streams as lines."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from kubernetes.aio import config

from adobe_ims_operator.kube.errors import UnreachableError, invalid_answer

LONGEST_LINE = 16 * 2**20
"""Of a stream, in bytes: an object in etcd has at most 1.5 MiB, and Go writes six bytes for each < in it."""


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
                yield json.loads(waiting + line)
                waiting.clear()
            waiting += rest
            if len(waiting) > LONGEST_LINE:
                raise invalid_answer()
