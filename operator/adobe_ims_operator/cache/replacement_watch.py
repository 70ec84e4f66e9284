"""The watch on AdobeIMSClientSecrets: a list, then a watch until it ends, then a list again.

It is apart from kopf's watch on credentials: kopf ends where one of its kinds is missing or forbidden, and credentials
are to be served all the same then. There are few of these objects, so that each end of a watch is followed by a list.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL, ClientSecretResource, parse_client_secret
from adobe_ims_operator.api.resource import GROUP, Key, MalformedResourceError
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.kube.answers import (
    JSONObject,
    check_mapping,
    check_metadata,
    check_object,
    check_version,
    drop_unread,
)
from adobe_ims_operator.kube.client import JSON_TYPE, Kube
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, GoneError, NotFoundError, from_status
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import client_secrets_path

logger = logging.getLogger(__name__)

WATCH_SECONDS = 300
SILENCE_SECONDS = 90.0
"""A healthy watch has a bookmark about once a minute; after this long without a line it is opened again."""
ABSENT_SECONDS = 30.0
"""After which it is tried again where the kind is missing or forbidden."""
LEAST_SECONDS = 1.0
"""A watch that ends sooner is followed by a pause."""


class ReplacementWatch:
    """Keeps `replacements` up to date with the objects of one namespace, or of all where it is None.

    Args:
        selector: a label selector, or None for all.
        jitter: a random number in [0, 1).
    """

    def __init__(
        self,
        kube: Kube,
        replacements: Replacements,
        namespace: str | None,
        selector: str | None,
        jitter: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._replacements = replacements
        self._namespace = namespace
        self._selected = {} if selector is None else {"labelSelector": selector}
        self._jitter = jitter
        self._path = client_secrets_path(namespace)
        self._failures = 0
        self._turn: asyncio.Timeout | None = None
        self.problem: str | None = "they were not listed yet"
        """What keeps it from watching; None while it does."""
        self._unreadable: set[tuple[str, str]] = set()

    def restart(self) -> None:
        """List the objects again, at once."""
        if self._turn is not None and not self._turn.expired():
            self._turn.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """List and watch until cancelled, through every outage."""
        while True:
            try:
                # A scope and no task of its own: kopf at its end cancels tasks that were made after its start.
                async with asyncio.timeout(None) as self._turn:
                    while True:
                        await self._list_and_watch()
            except TimeoutError:
                pass
            finally:
                self._turn = None

    async def _list_and_watch(self) -> None:
        started = asyncio.get_running_loop().time()
        wait = 0.0
        try:
            await self._watch(await self._list())
            self._failures = 0
        except GoneError:
            pass
        except (ForbiddenError, NotFoundError) as error:
            self._report(_why_absent(error))
            wait = ABSENT_SECONDS
        except ApiError as error:
            lived = asyncio.get_running_loop().time() - started
            self._failures = 1 if lived > Pace.API_SERVER.longest else self._failures + 1
            self._report(str(error))
            wait = backoff(Pace.API_SERVER, self._failures, self._jitter()).total_seconds()
        if not wait and asyncio.get_running_loop().time() - started < LEAST_SECONDS:
            wait = LEAST_SECONDS
        await asyncio.sleep(wait)

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            where = f"in namespace {self._namespace}" if self._namespace else "in all namespaces"
            logger.warning("can't watch AdobeIMSClientSecrets %s: %s; credentials are served", where, problem)
        self.problem = problem

    async def _list(self) -> str:
        listed, version = {}, ""
        async for page in pages(self._kube, self._path, accept=JSON_TYPE, query=self._selected):
            version = page["metadata"]["resourceVersion"]
            for item in page["items"]:
                if (resource := self._parse(item)) is not None and not resource.deleting:
                    listed[resource.key] = resource
        self._replacements.replace(self._namespace, listed)
        self.problem = None
        return version

    async def _watch(self, version: str) -> None:
        query = {
            **self._selected,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._kube.stream(self._path, accept=JSON_TYPE, query=query, silence=SILENCE_SECONDS) as events:
            async for event in events:
                line = check_mapping(event)
                kind, body = line.get("type"), check_mapping(line.get("object"))
                if kind == "ERROR":
                    raise from_status(body.get("code"), body, quotable=True)
                check_version(body.get("metadata"))
                if kind == "DELETED":
                    metadata = check_metadata(body.get("metadata"))
                    self._note(metadata, gone=True)
                    self._replacements.delete(Key(metadata["namespace"], metadata["name"]), metadata["uid"])
                elif kind != "BOOKMARK" and (resource := self._parse(body)) is not None:
                    self._replacements.upsert(resource)
                await asyncio.sleep(0)  # many lines that came together would else keep the loop

    def _note(self, metadata: JSONObject, *, gone: bool = False) -> None:
        path = client_secrets_path(metadata.get("namespace"), metadata["name"])
        self._kube.heavy.note(path, metadata, gone=gone)

    def _parse(self, item: Any) -> ClientSecretResource | None:
        try:
            body = check_object(item)
            self._note(body["metadata"])
            drop_unread(body["metadata"])
            return parse_client_secret(body)
        except (ApiError, MalformedResourceError) as error:
            metadata = item.get("metadata") if isinstance(item, dict) else None
            named = metadata if isinstance(metadata, dict) else {}
            which = str(named.get("namespace", "?"))[:63], str(named.get("name", "?"))[:253]
            if which not in self._unreadable and len(self._unreadable) < 1000:
                self._unreadable.add(which)
                logger.error("AdobeIMSClientSecret %s/%s is passed over: %s", *which, error)  # noqa: TRY400 - the message says it all
            return None


def _why_absent(error: ApiError) -> str:
    if isinstance(error, NotFoundError):
        return f"the CRD {CLIENT_SECRET_PLURAL}.{GROUP} is not installed (kubectl apply -f deploy/crds/)"
    return f"{error} (deploy/ has what the operator needs with --client-secrets)"
