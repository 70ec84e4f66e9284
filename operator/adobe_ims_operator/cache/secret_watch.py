"""A watch on the metadata of Secrets: token Secrets to heal, client Secrets to follow.

Only metadata is asked for, so the field `data` of no Secret is sent. A copy of it that `kubectl apply` put into an
annotation is sent, and nothing of it is kept. kopf has no such watch: it would bring the data of every Secret into the
process. (A label selector would bring less, but nobody labels client Secrets.)
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.text import share
from adobe_ims_operator.cache.restored_etcd import Before, mark_secret
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.kube.answers import check_mapping, check_metadata, check_version
from adobe_ims_operator.kube.client import METADATA_LIST, METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import (
    ApiError,
    ForbiddenError,
    GoneError,
    UnreachableError,
    from_status,
    invalid_answer,
)
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.page_size import PageSize
from adobe_ims_operator.kube.paths import secrets_path
from adobe_ims_operator.kube.secret_metadata import MAX_OWNERS, observe_secret

logger = logging.getLogger(__name__)

WATCH_SECONDS = 300
SILENCE_SECONDS = 90.0
"""A healthy watch has a bookmark about once a minute; after this long without a line it is opened again."""
DEAD_SECONDS = 300.0
"""The longest that a watch which works may wait is far below."""
MOST_PASSED_OVER = 1000
"""Versions of Secrets that can't be read, to log each once."""
LEAST_SECONDS = 1.0
"""A watch that ends sooner, without an error, is opened again no faster than one that failed."""
FORBIDDEN_HINT = " (deploy/operator.yaml has what the operator needs; with a Role instead, name its --namespace)"


class SecretWatch:
    """Keeps `store` up to date with the Secrets of one namespace, or of all where it is None.

    Args:
        jitter: a random number in [0, 1).
        dead_after: the seconds after which a watch that neither heard nor tried anything is dead.
        on_return: called when the API server answers again after it was away.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        namespace: str | None,
        jitter: Callable[[], float],
        dead_after: float = DEAD_SECONDS,
        on_return: Callable[[], None] = lambda: None,
    ) -> None:
        self._kube = kube
        self._store = store
        self._namespace = namespace
        self._jitter = jitter
        self._dead_after = dead_after
        self._on_return = on_return
        self._was_away = False
        self._path = secrets_path(namespace)
        self._failures = 0
        self._listed = False
        self._version: str | None = None
        self._turn: asyncio.Timeout | None = None
        self.problem: str | None = None
        """Why the Secrets could not be listed or watched the last time; None where they could."""
        self._passed_over: set[tuple[str, ...]] = set()
        self._live()

    def unready(self) -> str | None:
        """What keeps the Secrets from being known; None once they were read."""
        return None if self._listed else f"the Secrets {self.where} were not read yet"

    def broken(self) -> str | None:
        """What is wrong with the watch; None while it goes on."""
        silent = asyncio.get_running_loop().time() - self._alive_at
        if silent < self._dead_after:
            return None
        return f"the watch on Secrets {self.where} has stood still for {silent:.0f} s"

    def restart(self) -> None:
        """List the Secrets again, at once."""
        self._version = None
        self._failures = 0
        if self._turn is not None and not self._turn.expired():
            self._turn.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Watch until cancelled, through every outage."""
        while True:
            try:
                # A scope and no task of its own: kopf at its end cancels tasks that were made after its start.
                async with asyncio.timeout(None) as self._turn:
                    while True:
                        await self._list_and_watch()
            except TimeoutError:
                self._version = None
            finally:
                self._turn = None

    async def _list_and_watch(self) -> None:
        self._live()
        try:
            if self._version is None:
                self._version = await self._list()
            elif await self._is_restored():
                self._version = None
                return
            if self._was_away:
                self._was_away = False
                self._on_return()
            started = asyncio.get_running_loop().time()
            self._version = await self._watch(self._version)
            if asyncio.get_running_loop().time() - started < LEAST_SECONDS:
                await self._pause()
        except ApiError as error:
            if isinstance(error, UnreachableError):
                self._was_away = True
            else:
                self._version = None
            hint = FORBIDDEN_HINT if isinstance(error, ForbiddenError) else ""
            self._report(f"{error}{hint}")
            await self._pause()
        except Exception as error:  # noqa: BLE001 - whatever a line holds, it must not end the process
            self._version = None
            logger.error("can't watch Secrets %s: %s; they are listed again", self.where, type(error).__name__)  # noqa: TRY400 - a traceback may quote the line
            await self._pause()

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            logger.warning("can't watch Secrets %s at %s: %s", self.where, self._kube.host, problem)
        self.problem = problem

    async def _is_restored(self) -> bool:
        # A watch from a version that lies ahead of the API server would be silent, or would miss what is there.
        before = Before.of_secrets(self._store)
        one = PageSize(1)  # of any size
        page = check_mapping(await self._kube.read_page(one, self._path, accept=METADATA_LIST, query={"limit": "1"}))
        return before.shows_restore(int(check_version(page.get("metadata"))), {})

    async def _pause(self) -> None:
        self._failures += 1
        await asyncio.sleep(backoff(Pace.API_SERVER, self._failures, self._jitter()).total_seconds())

    async def _list(self) -> str:
        before = Before.of_secrets(self._store)
        listed: dict[Key, ObservedSecret] = {}
        version = ""
        async for page in pages(self._kube, self._path, accept=METADATA_LIST):
            self._live()
            version = page["metadata"]["resourceVersion"]
            for item in page["items"]:
                metadata: Any = item.get("metadata") if isinstance(item, dict) else None
                if (secret := self._observe(metadata)) is not None:
                    listed[_key(metadata)] = secret
        before.shows_restore(int(version), {key: mark_secret(secret) for key, secret in listed.items()})
        self._store.replace_secrets(self._namespace, listed, int(version))
        self._listed, self.problem = True, None
        logger.info("in sync with %d Secrets %s, by their metadata", len(listed), self.where)
        return version

    async def _watch(self, version: str) -> str | None:
        """Follow one watch from `version` to its end; the version to go on from, or None to list again."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._kube.stream(
            self._path, accept=METADATA_OBJECT, query=query, silence=SILENCE_SECONDS
        ) as events:
            async for event in events:
                self._live()
                line = check_mapping(event)
                kind, body = line.get("type"), check_mapping(line.get("object"))
                if kind == "ERROR":
                    error = from_status(body.get("code"), body, quotable=True)
                    if isinstance(error, GoneError):
                        return None
                    raise error
                before, version = version, check_version(body.get("metadata"))
                if int(version) < int(before):
                    return before  # which is compared with a list before the next watch
                self._take_up(kind, body["metadata"])
                self._failures, self.problem = 0, None
                await asyncio.sleep(0)  # many lines that came together would else keep the loop
        return version

    def _take_up(self, kind: object, metadata: dict[str, Any]) -> None:
        if kind == "DELETED":
            self._store.delete_secret(_key(metadata), int(metadata["resourceVersion"]))
        elif kind in ("ADDED", "MODIFIED"):
            # The event of a write of our own, which the answer to it told already.
            if not self._is_known(metadata) and (secret := self._observe(metadata)) is not None:
                self._store.upsert_secret(_key(metadata), secret)
        elif kind != "BOOKMARK":
            raise invalid_answer()
        self._store.watched_secrets(self._namespace, int(metadata["resourceVersion"]))

    def _is_known(self, metadata: dict[str, Any]) -> bool:
        known = self._store.secrets.get(_key(metadata))
        return known is not None and int(metadata["resourceVersion"]) <= known.version

    def _observe(self, metadata: Any) -> ObservedSecret | None:
        # One Secret that can't be read must not blind the operator to all others.
        try:
            if isinstance(metadata, dict) and isinstance(owners := metadata.get("ownerReferences"), list):
                del owners[MAX_OWNERS:]  # before each of them is checked
            return observe_secret(check_metadata(metadata))
        except Exception:  # noqa: BLE001 - and its content is in no log line
            named = metadata if isinstance(metadata, dict) else {}
            which = tuple(str(named.get(name, "?"))[:253] for name in ("namespace", "name", "resourceVersion"))
            if which not in self._passed_over:
                if len(self._passed_over) >= MOST_PASSED_OVER:
                    self._passed_over.clear()
                self._passed_over.add(which)
                logger.error("Secret %s/%s is passed over, as its metadata can't be read", *which[:2])  # noqa: TRY400
            return None

    def _live(self) -> None:
        self._alive_at = asyncio.get_running_loop().time()

    @property
    def where(self) -> str:
        """The namespaces it watches, in words."""
        return f"in namespace {self._namespace}" if self._namespace else "in all namespaces"


def _key(metadata: dict[str, Any]) -> Key:
    namespace, name = metadata.get("namespace"), metadata.get("name")
    if not isinstance(namespace, str) or not isinstance(name, str):
        raise invalid_answer()
    return Key(share(namespace), name)
