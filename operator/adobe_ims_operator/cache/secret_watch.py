"""A watch on the metadata of Secrets: token Secrets to heal, client Secrets to follow.

Only metadata is asked for, so no Secret's data is sent, whoever's it is. kopf has no such watch: it would bring the
data of every Secret into the process. (A label selector would bring less, but nobody labels client Secrets.)
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.words import share
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.policy import Pace, backoff
from adobe_ims_operator.kube.answers import check_mapping, check_metadata, check_version
from adobe_ims_operator.kube.client import METADATA_LIST, METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import (
    ApiError,
    GoneError,
    RefusedError,
    UnreachableError,
    from_status,
    invalid_answer,
)
from adobe_ims_operator.kube.paths import secrets_path
from adobe_ims_operator.kube.secret_metadata import observe_secret

logger = logging.getLogger(__name__)

WATCH_SECONDS = 300
SILENCE_SECONDS = 90.0
"""A healthy watch has a bookmark about once a minute; after this long without a line it is opened anew."""
DEAD_SECONDS = 300.0
"""The longest that a watch which works may wait is far below."""
MOST_PASSED_OVER = 1000
"""Versions of Secrets that can't be read, to log each once."""
LEAST_SECONDS = 1.0
"""A watch that ends sooner, without an error, is opened anew no faster than one that failed."""
FORBIDDEN_HINT = " (deploy/operator.yaml has what the operator needs; with a Role instead, name its --namespace)"


class SecretWatch:
    """Keeps `cluster` up to date with the Secrets of one namespace, or of all where it is None.

    Args:
        chance: a random number in [0, 1), for jitter.
        dead_after: the seconds after which a watch that neither heard nor tried anything is dead.
    """

    def __init__(
        self,
        kube: Kube,
        cluster: Cluster,
        namespace: str | None,
        chance: Callable[[], float],
        dead_after: float = DEAD_SECONDS,
    ) -> None:
        self._kube = kube
        self._cluster = cluster
        self._namespace = namespace
        self._chance = chance
        self._dead_after = dead_after
        self._path = secrets_path(namespace)
        self._failures = 0
        self._listed = False
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

    async def run(self) -> None:
        """Watch for ever, through every outage."""
        version: str | None = None
        while True:
            self._live()
            try:
                version = version or await self._list()
                started = asyncio.get_running_loop().time()
                version = await self._watch(version)
                if asyncio.get_running_loop().time() - started < LEAST_SECONDS:
                    await self._pause()
            except ApiError as error:
                if not isinstance(error, UnreachableError):
                    version = None
                hint = FORBIDDEN_HINT if isinstance(error, RefusedError) else ""
                logger.warning("can't watch Secrets %s at %s: %s%s", self.where, self._kube.host, error, hint)
                await self._pause()
            except Exception as error:  # noqa: BLE001 - whatever a line holds, it must not end the process
                version = None
                logger.error("can't watch Secrets %s: %s; they are listed again", self.where, type(error).__name__)  # noqa: TRY400 - a traceback may quote the line
                await self._pause()

    async def _pause(self) -> None:
        self._failures += 1
        await asyncio.sleep(backoff(Pace.API_SERVER, self._failures, self._chance()).total_seconds())

    async def _list(self) -> str:
        listed: dict[Key, ObservedSecret] = {}
        version = ""
        async for page in self._kube.pages(self._path, accept=METADATA_LIST):
            self._live()
            version = page["metadata"]["resourceVersion"]
            for item in page["items"]:
                metadata: Any = item.get("metadata") if isinstance(item, dict) else None
                if (secret := self._observe(metadata)) is not None:
                    listed[_key(metadata)] = secret
        self._cluster.replace_secrets(self._namespace, listed, int(version))
        self._listed = True
        logger.info("in sync with %d Secrets %s, by their metadata", len(listed), self.where)
        return version

    async def _watch(self, version: str) -> str | None:
        """Follow one watch from `version` to its end; the version to go on from, or None to list anew."""
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
                version = check_version(body.get("metadata"))
                self._take_up(kind, body["metadata"])
                self._failures = 0
        return version

    def _take_up(self, kind: object, metadata: dict[str, Any]) -> None:
        if kind == "DELETED":
            self._cluster.drop_secret(_key(metadata), int(metadata["resourceVersion"]))
        elif kind in ("ADDED", "MODIFIED"):
            if (secret := self._observe(metadata)) is not None:
                self._cluster.put_secret(_key(metadata), secret)
        elif kind != "BOOKMARK":
            raise invalid_answer()
        self._cluster.watched_secrets(self._namespace, int(metadata["resourceVersion"]))

    def _observe(self, metadata: Any) -> ObservedSecret | None:
        # One Secret that can't be read must not blind the operator to all others.
        try:
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
