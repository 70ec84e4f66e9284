"""Lists in pages, so that neither side holds a large list at once."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from adobe_ims_operator.kube.answers import check_version
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import invalid_answer

PAGE = 50
"""Objects of one page."""
PAGE_BYTES = 2**20
"""Of a page of several objects; 50 of the largest would take seconds to read, and more memory than there is."""


async def pages(kube: Kube, path: str, *, accept: str, query: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
    """LIST in pages of at most `PAGE` objects, fewer where those are large; each page's `items` is a list.

    Raises:
        ApiError: as for all requests.
    """
    page_query, limit = dict(query or {}), PAGE
    while True:
        most = {**page_query, "limit": str(limit)}
        if limit == 1:
            page = await kube.read(path, accept=accept, query=most)
        elif (smaller := await kube.read_at_most(PAGE_BYTES, path, accept=accept, query=most)) is not None:
            page = smaller
        else:
            limit = max(limit // 8, 1)
            continue
        page["items"] = page.get("items") or []  # the API server writes null for none
        check_version(page.get("metadata"))
        following = page["metadata"].get("continue") or ""
        if not isinstance(page["items"], list) or not isinstance(following, str):
            raise invalid_answer()
        yield page
        del page  # two of them at once would be twice the memory
        if not following:
            return
        page_query["continue"], limit = following, min(limit * 2, PAGE)
