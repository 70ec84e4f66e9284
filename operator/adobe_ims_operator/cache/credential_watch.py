"""The watch on AdobeIMSCredentials: kopf as the informer, and nothing else.

Only `on.event` handlers are used. kopf's timers, daemons and change handlers would put a finalizer and annotations on
every object; without them it lists and watches, and makes no request for an object. kopf ends when its watch fails in a
way that it does not know, so it is started again here; what was observed, and the tokens in hand, stay.
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import kopf

from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.resource import GROUP, PLURAL, VERSION, Key, MalformedResourceError, parse_credential
from adobe_ims_operator.cache.crd import why_no_crd
from adobe_ims_operator.cache.namespaces import Namespaces
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.backoff import Pace, backoff
from adobe_ims_operator.kube.answers import check_object, drop_unread
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import credentials_path

logger = logging.getLogger(__name__)

CRD_POLL_SECONDS = 5.0
PROD_SECONDS = 1.0
"""After which a task of kopf that was cancelled and goes on is cancelled again."""


class CredentialWatch:
    """Keeps `store` up to date with the credentials of some namespaces (none named: of all).

    Args:
        selector: a label selector, or None for all.
        reclaim_signals: called each time that kopf has put its own signal handlers in place.
        jitter: a random number in [0, 1).
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        namespaces: Sequence[str],
        selector: str | None,
        reclaim_signals: Callable[[], None],
        jitter: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._store = store
        self.namespaces = Namespaces(kube, namespaces)
        self._selector = selector
        self._reclaim_signals = reclaim_signals
        self._jitter = jitter
        self._logins = 0
        self._unreadable: dict[str, int] = {}
        self.heard: Counter[str | None] = Counter()
        """How many events each watch brought: one for each named namespace, or one for all (None)."""
        self._lookup = asyncio.Lock()
        self._stop = asyncio.Event()
        self._end = asyncio.Event()
        self.started = asyncio.Event()
        """Set at each start of kopf; the task that waits for it clears it."""
        self.waits_for: str | None = "the watch on credentials was not started yet"
        """What keeps it from watching; None while it does."""

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()
        self._end.set()

    def restart(self) -> None:
        """Have kopf list and watch again."""
        self._end.set()

    def unseen(self, listed: Mapping[str, tuple[Key, int]]) -> dict[str, tuple[Key, int]]:
        """Those of these credentials (their key and version by uid) that it did not report."""
        return {uid: (key, at) for uid, (key, at) in listed.items() if not self._has_seen(uid, key, at)}

    async def run(self) -> None:
        """Watch until `stop`, through every outage."""
        failures = 0
        while not self._stop.is_set():
            await self._wait_for_crd()
            await self._wait_for_namespace()
            if self._stop.is_set():
                return
            started = asyncio.get_running_loop().time()
            self.started.set()
            try:
                await self._watch()
            except Exception as error:  # noqa: BLE001 - whatever ends kopf, it is started again
                logger.warning("the watch on credentials ended: %s", type(error).__name__)  # its text may quote a line
            lived = asyncio.get_running_loop().time() - started
            failures = 1 if lived > Pace.API_SERVER.longest else failures + 1
            await _sleep(backoff(Pace.API_SERVER, failures, self._jitter()).total_seconds(), self._stop)

    async def _wait_for_namespace(self) -> None:
        while not self._stop.is_set():
            await self.namespaces.probe()
            self._store.synced.lost_credentials(self.namespaces.problems)
            if self.namespaces.answering:
                self.waits_for = None
                return
            self.waits_for = f"no namespace answers: {'; '.join(self.namespaces.problems.values())}"
            await _sleep(CRD_POLL_SECONDS, self._stop)

    async def _wait_for_crd(self) -> None:
        reported = ""
        while not self._stop.is_set():
            try:
                problem = self.waits_for = await why_no_crd(self._kube)
            except ApiError as error:
                problem = f"can't look for the CRD {PLURAL}.{GROUP}: {error}"
            if problem is None:
                return
            if problem != reported:
                logger.warning("%s; waiting for it", problem)
                reported = problem
            await _sleep(CRD_POLL_SECONDS, self._stop)

    async def _watch(self) -> None:
        self._end = asyncio.Event()
        if self._stop.is_set():
            return
        before = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=_settings(self._selector, is_named=bool(self.namespaces.names)),
            # Else kopf asks for the user's name, which a container's uid may not have.
            identity=cast("Any", "adobe-ims-operator"),
            standalone=True,
            clusterwide=not self.namespaces.names,
            namespaces=[name for name in self.namespaces.answering if name is not None],
            stop_flag=self._end,
        )
        self._reclaim_signals()
        await _run(tasks, before)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        def heed(event: kopf.RawEvent, **_: Any) -> bool:
            try:
                metadata = check_object(event["object"])["metadata"]
                path = credentials_path(metadata.get("namespace"), metadata["name"])
            except ApiError:
                logger.warning("an event of a credential is passed over, as its metadata can't be read")
                return False
            self.heard[metadata.get("namespace") if self.namespaces.names else None] += 1
            self._kube.heavy.note(path, metadata, gone=event["type"] == "DELETED")
            drop_unread(metadata)
            return not self._is_known(event)

        @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry, when=heed)
        async def observe(event: kopf.RawEvent, **_: Any) -> None:
            try:
                self._observe(event["type"], dict(event["object"]))
                if event["type"] == "DELETED":
                    await self._log_gone(event["object"]["metadata"])
            except Exception:
                logger.exception("a defect of the operator; please report it")

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            # kopf logs in again after each 401, without a pause of its own.
            if self._logins:
                await asyncio.sleep(backoff(Pace.API_SERVER, self._logins, self._jitter()).total_seconds())
                await self._kube.log_in_again()
            self._logins += 1
            return kopf.AiohttpSession(server=self._kube.host, aiohttp_session=self._kube.session(self._is_known))

        return registry

    def _has_seen(self, uid: str, key: Key, version: int) -> bool:
        known = self._store.credentials.get(key)
        seen = known.version if known is not None and known.uid == uid else -1
        return max(seen, self._unreadable.get(uid, -1)) >= version

    def _is_known(self, event: Any) -> bool:
        """Whether an event is no news, like that of our own write, whose answer was read."""
        try:
            metadata = event["object"]["metadata"]
            known = self._store.credentials.get(Key(metadata["namespace"], metadata["name"]))
            if event["type"] == "DELETED" or known is None or known.uid != metadata["uid"]:
                return False
            return int(metadata["resourceVersion"]) <= known.version
        except (KeyError, TypeError, ValueError):
            return False

    def _observe(self, kind: str | None, body: dict[str, Any]) -> None:
        metadata = body["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        self._unreadable.pop(metadata["uid"], None)
        if kind == "DELETED":
            self._store.delete_credential(key, metadata["uid"])
            return
        try:
            self._store.upsert_credential(parse_credential(body))
        except MalformedResourceError as error:
            self._unreadable[metadata["uid"]] = int(metadata["resourceVersion"])
            logger.error("%s", error)  # noqa: TRY400 - the message says it all

    async def _log_gone(self, metadata: Mapping[str, Any]) -> None:
        """Log why a credential is not watched any more; of one that leaves the selector, a watch says the same."""
        key, why = Key(metadata["namespace"], metadata["name"]), "was deleted"
        if self._selector is not None:
            why = "is not watched any more: it was deleted, or no longer has the labels of the selector"
            if not self._lookup.locked():  # many that go at once are not worth a request each
                async with self._lookup:
                    why = await self._why_gone(key, metadata["uid"]) or why
        logger.info("%s: %s", key, why, extra=about(key))

    async def _why_gone(self, key: Key, uid: str) -> str | None:
        try:
            found = await self._kube.get(credentials_path(key.namespace, key.name), accept=METADATA_OBJECT)
        except ApiError as error:
            return "was deleted" if isinstance(error, NotFoundError) else None
        if found["metadata"]["uid"] != uid:
            return "was deleted"
        return "no longer has the labels of the selector: this operator does not rotate its token any more"


class _Nothing(kopf.DiffBaseStorage):
    """What kopf would compare each event of an object with, for handlers that there are none of here."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return cast("kopf.BodyEssence", {})

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass


async def _run(tasks: Collection[asyncio.Task[Any]], before: Collection[asyncio.Task[Any]]) -> None:
    """Run the root tasks of kopf to their end; `before` are those that are not kopf's."""
    runner = asyncio.create_task(kopf.run_tasks(tasks, ignored=before))
    try:
        while not (await asyncio.wait({runner}, timeout=PROD_SECONDS))[0]:
            # kopf cancels, once, a watcher together with the task that reports pauses to it. A watcher that waits for
            # the headers of its watch takes that for a pause, starts again, and waits forever for a login that never
            # comes.
            if any(task.done() for task in tasks):
                for task in asyncio.all_tasks().difference(before, {runner}):
                    if task.cancelling():
                        task.cancel()
    finally:
        runner.cancel()  # nothing, where it ended
    await runner


async def _sleep(seconds: float, until: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        pass


def _settings(selector: str | None, *, is_named: bool) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    # Objects of one page of a list: ten of the largest take most of a second to decode, and a tenth of a gibibyte.
    settings.watching.chunk_size = 10
    # Safe only without indices: with one, startup deadlocks (kopf #1243).
    settings.queueing.worker_limit = 64
    # How long a worker keeps its place after its object: of these, 0 would lose events, and the default limits a first
    # list to 640 objects a second, while the rest of it waits in memory.
    settings.queueing.idle_timeout = 0.01
    settings.persistence.diffbase_storage = _Nothing()
    # kopf would take its default finalizer off the objects of other kopf-based operators, or whichever it is given:
    # one that nobody can guess is on no object.
    settings.persistence.finalizer = f"{GROUP}/{uuid.uuid4()}"
    # kopf would kill the process this long after its end, and here it is started again instead.
    settings.process.ultimate_exiting_timeout = None
    if is_named:
        # One namespace that answers 403 ends kopf, which is to happen soon: it is started again without that one.
        settings.networking.error_backoffs = (1, 1, 2, 3)
    if selector:
        settings.watching.label_selectors[GROUP, VERSION, PLURAL] = selector
    return settings
