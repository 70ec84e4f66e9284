"""Comparing what the watch on credentials told with a list of them all.

It finds three things out. Credentials that are gone without a word: kopf tells of no deletion between two of its
lists. Whether everything that there was at the start has been read. And whether the watch went blind: it may
hang in ways that look healthy from the inside, and then no credential would be rotated or healed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from adobe_ims_operator.api.resource import PLURAL, Key
from adobe_ims_operator.cache.credential_watch import CredentialWatch
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.core.policy import Pace, backoff
from adobe_ims_operator.kube.answers import check_object
from adobe_ims_operator.kube.client import METADATA_LIST, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import credentials_path

logger = logging.getLogger(__name__)

EVERY_SECONDS = 600.0
BLIND_SECONDS = 20.0
"""A watch that tells of nothing more for so long, though a list has more, is blind."""
POLL_SECONDS = 0.2


class Sweep:
    """Sweeps after each start of the watch, and now and then.

    Args:
        selector: the label selector of the watch, or None.
        chance: a random number in [0, 1), for jitter.
        blind_after: seconds for which the watch may tell nothing while it is behind a list.
    """

    def __init__(
        self,
        kube: Kube,
        cluster: Cluster,
        watch: CredentialWatch,
        namespaces: Sequence[str],
        selector: str | None,
        chance: Callable[[], float],
        *,
        blind_after: float = BLIND_SECONDS,
    ) -> None:
        self._kube = kube
        self._cluster = cluster
        self._watch = watch
        self._namespaces = namespaces
        self._selector = selector
        self._chance = chance
        self._blind_after = blind_after
        self._complete = False
        self._misses = 0

    def unready(self) -> str | None:
        """What keeps the credentials from being known; None once all of them were read."""
        if self._watch.waits_for is not None:
            return self._watch.waits_for
        return None if self._complete else "not all credentials were read yet"

    def broken(self) -> str | None:
        """What is wrong with the watch; None while it tells what happens, or was opened anew and may tell."""
        return "the watch on credentials does not tell what a list shows" if self._misses > 1 else None

    async def run(self) -> None:
        """Sweep for ever."""
        failures = 0
        await self._watch.started.wait()
        while True:
            self._watch.started.clear()
            try:
                await self.sweep_once()
                failures = 0
            except ApiError as error:
                # What is outside of the process is no reason to end it.
                self._misses = 0
                failures += 1
                logger.warning("can't look for deleted credentials: %s", error)
            wait = backoff(Pace.API_SERVER, failures, self._chance()).total_seconds() if failures else EVERY_SECONDS
            try:
                async with asyncio.timeout(wait):
                    await self._watch.started.wait()
            except TimeoutError:
                pass

    async def sweep_once(self) -> None:
        """Forget each credential that was known before a list and is not in it, and see that the others are known.

        Raises:
            ApiError: there is no list to be had.
        """
        known = dict(self._cluster.credentials)
        listed = await self._list()
        for key, credential in known.items():
            if credential.uid not in listed:
                self._cluster.drop_credential(key, credential.uid)
        if await self._catches_up_with(listed):
            self._complete, self._misses = True, 0
            return
        # What was deleted meanwhile is no longer to be told of.
        still = await self._list()
        if not self._watch.unseen({uid: listed[uid] for uid in listed.keys() & still.keys()}):
            return
        logger.error("the watch on credentials is blind: it did not tell what a list of them shows; it is opened anew")
        self._misses += 1
        self._watch.restart()

    async def _catches_up_with(self, listed: dict[str, tuple[Key, int]]) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._blind_after
        missing = self._watch.unseen(listed)
        while missing:
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
            left = self._watch.unseen(missing)
            if len(left) < len(missing):  # many take their time
                deadline = loop.time() + self._blind_after
            missing = left
        return True

    async def _list(self) -> dict[str, tuple[Key, int]]:
        """The key and the generation of each credential that lives, by uid."""
        listed: dict[str, tuple[Key, int]] = {}
        query = {"labelSelector": self._selector} if self._selector else {}
        for namespace in self._namespaces or (None,):
            try:
                async for page in self._kube.pages(credentials_path(namespace), accept=METADATA_LIST, query=query):
                    for metadata in (check_object(item)["metadata"] for item in page["items"]):
                        if "deletionTimestamp" not in metadata:
                            key = Key(metadata["namespace"], metadata["name"])
                            listed[metadata["uid"]] = key, metadata.get("generation", 0)
            except ApiError as error:
                if not isinstance(error, NotFoundError):  # that is: the CRD is gone, and all credentials with it
                    raise
                logger.debug("no %s to list", PLURAL)
        return listed
