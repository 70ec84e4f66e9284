"""How many objects to ask for in the next page of a list.

Small objects come many at once, so that a list takes few requests; large ones come few at once, so that a page takes
little memory.
"""

from adobe_ims_operator.kube.transport import Answer

PAGE_BYTES = 2**20
"""Of a page of several objects; ten of the largest would take a second to read, and a tenth of a gibibyte."""
FIRST = 10
"""Objects of the first page, of which nothing is known yet."""
MOST = 500
"""Objects of a page, as client-go's pager asks for (tools/pager, defaultPageSize)."""


class PageSize:
    """The size of the pages of one list, from the first to the last."""

    def __init__(self, limit: int = FIRST) -> None:
        self.limit = limit

    async def read(self, answer: Answer) -> bytes | bytearray | None:
        """Read a page of at most `limit` objects; None where it is too large: it is to be asked for with fewer.

        A single object is read whatever its size.
        """
        body = await answer.read() if self.limit == 1 else await answer.read_at_most(PAGE_BYTES)
        if body is None:
            self.limit = max(self.limit // 8, 1)
        elif len(body) <= PAGE_BYTES // 4:
            self.limit = min(self.limit * 4, MOST)
        elif len(body) <= PAGE_BYTES // 2:
            self.limit = min(self.limit * 2, MOST)
        return body
