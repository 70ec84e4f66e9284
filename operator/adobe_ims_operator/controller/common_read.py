"""One read for all that want the same at the same moment, as the takers of one source do; nothing is kept after it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class CommonReads(Generic[T]):
    """The reads that are under way. Whoever comes first reads, and the others wait for that."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[tuple[T] | None]] = {}

    async def read(self, what: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Read, or wait for a read of the same; where that fails, each reads for itself."""
        under_way = self._under_way.get(what)
        if under_way is not None:
            found = await asyncio.shield(under_way)  # who stops waiting must not end it for the others
            return found[0] if found is not None else await read()
        mine = self._under_way[what] = asyncio.get_running_loop().create_future()
        found = None
        try:
            found = (await read(),)
        finally:
            del self._under_way[what]
            mine.set_result(found)
        return found[0]
