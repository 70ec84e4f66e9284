"""Lists in pages, so that neither side holds a large list at once."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from adobe_ims_operator.kube.answers import check_version
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import invalid_answer
from adobe_ims_operator.kube.page_size import PageSize


async def pages(kube: Kube, path: str, *, accept: str, query: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
    """LIST in pages of many small objects or few large ones; each page's `items` is a list.

    Raises:
        ApiError: as for all requests.
    """
    page_query, size = dict(query or {}), PageSize()
    while True:
        page_query["limit"] = str(size.limit)
        page = await kube.read_page(size, path, accept=accept, query=page_query)
        if page is None:
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
        page_query["continue"] = following
