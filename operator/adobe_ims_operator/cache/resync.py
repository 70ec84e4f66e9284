"""Comparing what the watch on credentials reported with a list of them all.

It finds out five things. Credentials that are gone without a word: kopf reports no deletion between two of its
lists. Whether everything that there was at the start has been read. And whether the watch went blind: it may
hang in ways that look healthy from the inside, and then no credential would be rotated or healed. Versions that went
back show that the API server's data was restored from a backup. And what was too large for the memory that was left may
have room by now.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from adobe_ims_operator.api.resource import PLURAL, Key, MalformedResourceError, parse_credential
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.restored_etcd import Before
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.kube.answers import JSONObject, check_object
from adobe_ims_operator.kube.client import JSON_TYPE, METADATA_LIST, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import credentials_path

logger = logging.getLogger(__name__)

EVERY_SECONDS = 600.0
BLIND_SECONDS = 20.0
"""A watch that reports nothing more for so long, though a list has more, is blind."""
LATE_SECONDS = 1.0
"""After which it is looked up whether what a watch does not report is still there."""
MOST_LOOKED_UP = 100
POLL_SECONDS = 0.2


class _Listed(NamedTuple):
    key: Key
    version: int
    generation: int


_Behind = dict[str | None, dict[str, tuple[Key, int]]]
"""Of each namespace, what the watch did not report: the key and version by uid."""


class _Lists(NamedTuple):
    version: int
    by_namespace: dict[str | None, dict[str, _Listed]]
    """Credentials that live by their uid, of each namespace that answered."""


class Resync:
    """Sweeps after each start of the watch, and now and then.

    Args:
        selector: the label selector of the watch, or None.
        jitter: a random number in [0, 1).
        blind_after: seconds for which the watch may report nothing while it is behind a list.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        watch: CredentialWatch,
        selector: str | None,
        jitter: Callable[[], float],
        *,
        blind_after: float = BLIND_SECONDS,
    ) -> None:
        self._kube = kube
        self._store = store
        self._watch = watch
        self._selector = selector
        self._jitter = jitter
        self._blind_after = blind_after
        self._complete = False
        self._misses = 0

    def unready(self) -> str | None:
        """What keeps the credentials from being known; None once all of them were read."""
        if self._watch.waits_for is not None:
            return self._watch.waits_for
        return None if self._complete else "not all credentials were read yet"

    def broken(self) -> str | None:
        """What is wrong with the watch; None while it reports what happens, or was opened again and may report."""
        return "the watch on credentials does not report what a list shows" if self._misses > 1 else None

    def soon(self) -> None:
        """Compare now, and not only when it is time."""
        self._watch.started.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        failures = 0
        await self._watch.started.wait()
        while True:
            self._watch.started.clear()
            try:
                await self.resync_once()
                failures = 0
            except ApiError as error:
                # What is outside of the process is no reason to end it.
                self._misses = 0
                failures += 1
                logger.warning("can't look for deleted credentials: %s", error)
            wait = backoff(Pace.API_SERVER, failures, self._jitter()).total_seconds() if failures else EVERY_SECONDS
            try:
                async with asyncio.timeout(wait):
                    await self._watch.started.wait()
            except TimeoutError:
                pass

    async def resync_once(self) -> None:
        """Forget each credential that was known before a list and is not in it, and see that the others are known.

        Raises:
            ApiError: a namespace can't be listed; the others were.
        """
        known, before = dict(self._store.credentials), Before.of_credentials(self._store)
        lists, problem = await self._list()
        listed = {uid: each for of_one in lists.by_namespace.values() for uid, each in of_one.items()}
        found = {each.key: (each.version, (uid, each.generation)) for uid, each in listed.items()}
        if before.shows_restore(lists.version or before.highest, found):
            self._watch.restart()
            return
        for key, credential in known.items():
            is_listed = None in lists.by_namespace or key.namespace in lists.by_namespace
            if is_listed and credential.uid not in listed:
                self._store.delete_credential(key, credential.uid)
        await self._catch_up(before, lists)
        await self._take_up_what_fits()
        if problem is not None:
            raise problem

    async def _catch_up(self, before: Before, lists: _Lists) -> None:
        """Wait until the watch has reported what was listed, and open it again if it reports nothing.

        What is gone by then is waited for no longer.
        """
        loop = asyncio.get_running_loop()
        since, heard, is_looked_up = loop.time(), self._watch.heard.copy(), False
        behind: _Behind = {namespace: _as_unseen(listed) for namespace, listed in lists.by_namespace.items()}
        while behind:
            left = {namespace: self._watch.unseen(missing) for namespace, missing in behind.items()}
            if before.is_outdated:
                return
            for namespace in [namespace for namespace, missing in left.items() if not missing]:
                self._store.listed_credentials(namespace)
            if sum(map(len, left.values())) < sum(map(len, behind.values())):  # many take their time
                since, heard, is_looked_up = loop.time(), self._watch.heard.copy(), False
            behind = {namespace: missing for namespace, missing in left.items() if missing}
            if behind and loop.time() >= since + self._blind_after:
                if await self._is_blind(behind, heard):
                    logger.error(
                        "the watch on credentials is blind: it did not report what a list shows; it is opened again"
                    )
                    self._misses += 1
                    self._watch.restart()
                    return
                behind = {namespace: {} for namespace in behind}
            elif behind and not is_looked_up and loop.time() >= since + LATE_SECONDS:
                still = await self._look_up(behind, MOST_LOOKED_UP)
                behind, is_looked_up = still, still == behind  # else there may be more of it
            elif behind:
                await asyncio.sleep(POLL_SECONDS)
        if lists.by_namespace:
            self._complete, self._misses = True, 0

    async def _take_up_what_fits(self) -> None:
        budget = self._store.budget
        for key in budget.fitting()[:MOST_LOOKED_UP]:
            body = await self._find(key, JSON_TYPE) if budget.has_room_for(key) else None
            if body is not None:
                with suppress(MalformedResourceError):
                    self._store.upsert_credential(parse_credential(body))

    async def _is_blind(self, behind: _Behind, heard: Mapping[str | None, int]) -> bool:
        """Whether a watch that owes something reports nothing at all.

        An API server is late with all that it reports of credentials where somebody's are large and change often. Then
        the watch works, and what it owes is read.

        Args:
            heard: how many events each watch had brought when it last made progress.
        """
        late = {each: missing for each, missing in behind.items() if self._watch.heard[each] != heard[each]}
        await self._look_up(late, None, take_up=True)
        silent = {each: missing for each, missing in behind.items() if each not in late}
        return any(map(self._watch.unseen, (await self._look_up(silent, MOST_LOOKED_UP)).values()))

    async def _look_up(self, behind: _Behind, most: int | None, *, take_up: bool = False) -> _Behind:
        """Those that are still there: of what was deleted, and of a namespace that is gone, a watch need say no more.

        Args:
            most: of more than so many the others are taken to be there.
            take_up: whether to take up what is there, as the watch is late with it.
        """
        still: _Behind = {namespace: dict(missing) for namespace, missing in behind.items()}
        named = ((namespace, uid, key) for namespace, missing in behind.items() for uid, (key, _) in missing.items())
        for namespace, uid, key in islice(named, most):
            body = await self._find(key, JSON_TYPE if take_up else METADATA_LIST)
            if body is None or body["metadata"]["uid"] != uid or "deletionTimestamp" in body["metadata"]:
                del still[namespace][uid]
            elif take_up:
                with suppress(MalformedResourceError):  # which the watch will report
                    self._store.upsert_credential(parse_credential(body))
        return still

    async def _find(self, key: Key, accept: str) -> JSONObject | None:
        """Read one credential of the selector, of any size; None where there is none."""
        query = {"fieldSelector": f"metadata.name={key.name}"}
        query |= {"labelSelector": self._selector} if self._selector else {}
        try:
            async for page in pages(self._kube, credentials_path(key.namespace), accept=accept, query=query):
                for item in page["items"]:
                    return check_object(item)
        except NotFoundError:  # that is: the CRD is gone, and all credentials with it
            logger.debug("no %s to look up", PLURAL)
        return None

    async def _list(self) -> tuple[_Lists, ApiError | None]:
        """List the namespaces that answer; and what kept one from it."""
        lists, problem = _Lists(0, {}), None
        for namespace in self._watch.namespaces.answering:
            try:
                version, listed = await self._list_one(namespace)
                lists.by_namespace[namespace] = listed
                lists = lists._replace(version=max(version, lists.version))
            except NotFoundError:  # that is: the CRD is gone, and all credentials with it
                logger.debug("no %s to list", PLURAL)
                lists.by_namespace[namespace] = {}
            except ApiError as error:
                problem = error
        return lists, problem

    async def _list_one(self, namespace: str | None) -> tuple[int, dict[str, _Listed]]:
        version, listed = 0, {}
        query = {"labelSelector": self._selector} if self._selector else {}
        async for page in pages(self._kube, credentials_path(namespace), accept=METADATA_LIST, query=query):
            version = int(page["metadata"]["resourceVersion"])
            for metadata in (check_object(item)["metadata"] for item in page["items"]):
                if "deletionTimestamp" not in metadata:
                    key = Key(metadata["namespace"], metadata["name"])
                    found = _Listed(key, int(metadata["resourceVersion"]), metadata.get("generation", 0))
                    listed[metadata["uid"]] = found
        return version, listed


def _as_unseen(listed: dict[str, _Listed]) -> dict[str, tuple[Key, int]]:
    return {uid: (each.key, each.version) for uid, each in listed.items()}
