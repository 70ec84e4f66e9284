"""Leadership: of several replicas one holds a Lease, and only that one asks IMS or writes to the API server.

The protocol and its times are those of client-go's leader election, so `kubectl get lease` reads as usual. The client
library's own asyncio half of it does not work: it can't create a Lease, ends at the first connection error, and never
releases. Three things go beyond client-go:

- A replica that can't renew stops writing, and has given up every write under way, before another may lead, even if the
  process was frozen meanwhile: each write asks `time_left` first.
- A replica that could not look at the Lease for a while starts to watch it from nothing. So after an outage of the API
  server the leader of before goes on, with the tokens that it holds.
- A Lease whose resourceVersion goes back was restored from a backup, and so was all else: the leader reports it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube.answers import check_mapping
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    NotLeadingError,
    invalid_answer,
)
from adobe_ims_operator.kube.paths import leases_path

logger = logging.getLogger(__name__)

LEASE_DURATION = 15.0
"""Seconds after which others may take a Lease that nobody renewed."""
RENEW_DEADLINE = 10.0
"""Seconds after the start of the last renewal in which the leader writes."""
WRITE_DEADLINE = 13.0
"""Seconds after the start of the last renewal at which no write of the leader's is under way any more.

It lies between the other two: a write that begins just before `RENEW_DEADLINE` has a moment to finish, and a loop that
is busy when the time is up has one until `LEASE_DURATION`.
"""
RETRY_PERIOD = 2.0
OWN_WRITES = 16
"""Of the latest ones the Lease may be one, whose answer may have been lost: those of a leader that can't renew."""
REQUEST_SECONDS = 4.0
RELEASE_SECONDS = 2.0
STANDS_STILL_SECONDS = 60.0
FORBIDDEN_HINT = "; its account must be allowed to create, get and update leases.coordination.k8s.io there"


class OnStartedLeading(Protocol):
    """What is called when a replica comes to lead."""

    def __call__(self, *, another_led: bool) -> None:
        """`another_led` says whether another replica led since this one last did."""


@dataclass(frozen=True, slots=True)
class _Seen:
    version: str
    since: float
    """When this very version was first seen, by the monotonic clock."""


class LeaderElector:
    """One replica's part in a Lease.

    Args:
        kube: a connection of its own, so that a renewal never waits for other requests.
        key: the Lease's namespace and name.
        identity: what this replica calls itself; no other may call itself so.
        monotonic: seconds that never go back, and go on while the machine sleeps.
        now: the wall clock, in UTC, for people who read the Lease; nothing is decided by it.
        on_started_leading: called when this replica leads from now on.
        on_stopped_leading: called when it no longer does.
        on_restored: called when the Lease's resourceVersion went back, whichever replica leads: the API server's
            data was restored, and all that was read before is to be read again.
    """

    def __init__(
        self,
        kube: Kube,
        key: Key,
        identity: str,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        on_started_leading: OnStartedLeading,
        on_stopped_leading: Callable[[], None],
        on_restored: Callable[[], None] = lambda: None,
    ) -> None:
        self._kube = kube
        self._key = key
        self._identity = identity
        self._monotonic = monotonic
        self._now = now
        self._on_started_leading = on_started_leading
        self._on_stopped_leading = on_stopped_leading
        self._on_restored = on_restored
        self._renewed_at: float | None = None
        self._lease: dict[str, Any] = {}
        self._seen: _Seen | None = None
        self._looked_at = self._tried_at = monotonic()
        self._version = 0
        """Of the Lease as it was seen last; a lower one is shown only by an API server whose data was restored."""
        self._own_writes: deque[dict[str, Any]] = deque(maxlen=OWN_WRITES)
        self._reported = ""

    @property
    def leading(self) -> bool:
        """Whether this replica may write now."""
        return self._renewed_at is not None and self._monotonic() < self._renewed_at + RENEW_DEADLINE

    def broken(self) -> str | None:
        """What is wrong; None while this replica does its part, whichever replica leads."""
        idle = self._monotonic() - self._tried_at
        return f"the Lease was not looked at for {idle:.0f} s" if idle > STANDS_STILL_SECONDS else None

    def time_left(self) -> float:
        """Seconds that a request which must not outlive the leadership may take.

        Raises:
            NotLeadingError: it may not be sent at all.
        """
        renewed_at = self._renewed_at
        if renewed_at is None or not self.leading:
            raise NotLeadingError
        return renewed_at + WRITE_DEADLINE - self._monotonic()

    async def run(self) -> None:
        """Take the Lease when it is free, and keep it, until cancelled."""
        while True:
            self._tried_at = self._monotonic()
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self.attempt()
            except TimeoutError:
                self._report("the Lease %s can't be looked at: the API server does not answer", self._key)
            except ApiError as error:
                hint = FORBIDDEN_HINT if isinstance(error, ForbiddenError) else ""
                self._report("the Lease %s can't be looked at: %s%s", self._key, error, hint)
            await asyncio.sleep(RETRY_PERIOD)

    async def release(self) -> None:
        """Let another replica lead at once; to be called when nothing is to be written any more."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                # The version at hand may be old: a renewal may have been given up while it was under way.
                lease = await self._read()
                if lease is not None and _spec(lease).get("holderIdentity") == self._identity:
                    spec = {**_spec(lease), "holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._put(lease, spec)
            logger.info("released the Lease %s", self._key)
        except (ApiError, TimeoutError):
            logger.warning("could not release the Lease %s; it runs out in %.0f s", self._key, LEASE_DURATION)

    async def attempt(self) -> None:
        """Renew the Lease, or take it if it is free.

        Raises:
            ApiError: the API server refuses, or is away.
        """
        if self._renewed_at is not None and not self.leading:
            self._lose("it could not be renewed in time")
        started = self._monotonic()
        if started - self._looked_at > RENEW_DEADLINE:
            self._seen = None
        lease = self._lease if self._renewed_at is not None else await self._read()
        self._looked_at = started
        if lease is None:
            await self._write(None, started)
        elif self._renewed_at is not None or self._may_take(lease):
            await self._write(lease, started)

    async def _read(self) -> dict[str, Any] | None:
        try:
            lease = _checked(await self._kube.get(leases_path(self._key)))
            self._note_version(lease)
        except ApiError as error:
            if not isinstance(error, NotFoundError):
                raise
            return None
        return lease

    def _may_take(self, lease: dict[str, Any]) -> bool:
        holder = _spec(lease).get("holderIdentity") or ""
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen.version != version:
            # The moment after the read: a renewal may have gone on while it was under way.
            self._seen = _Seen(version, self._monotonic())
        # A Lease with our identity is ours where it is as we wrote it. Any other was restored from a backup, and
        # somebody else may have led since: it is waited for like one of another's.
        if not holder or (holder == self._identity and _spec(lease) in self._own_writes):
            return True
        self._report("%s leads; waiting for the Lease %s", holder, self._key, level=logging.INFO)
        return self._monotonic() >= self._seen.since + (_spec(lease).get("leaseDurationSeconds") or LEASE_DURATION)

    async def _write(self, lease: dict[str, Any] | None, started: float) -> None:
        spec = _spec(lease or {})
        took_over = spec.get("holderIdentity") != self._identity
        moment = self._now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        after = {
            **spec,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(LEASE_DURATION),
            "renewTime": moment,
            "acquireTime": moment if took_over else spec.get("acquireTime", moment),
            "leaseTransitions": (spec.get("leaseTransitions") or 0) + (1 if lease and took_over else 0),
        }
        self._own_writes.append(after)
        try:
            self._lease = await self._put(lease, after)
        except ApiError as error:
            if not isinstance(error, ConflictError) and (lease is None or not isinstance(error, NotFoundError)):
                raise
            # Somebody else wrote, or it was our own write whose answer was lost: the next read shows which.
            if self._renewed_at is not None:
                await self._look_after_conflict(started)
            return
        self._note_version(self._lease)
        first = self._renewed_at is None
        self._renewed_at = started
        self._reported = ""
        if first:
            logger.info("leading as %s, by the Lease %s", self._identity, self._key)
            self._on_started_leading(another_led=took_over)

    async def _put(self, lease: dict[str, Any] | None, spec: dict[str, Any]) -> dict[str, Any]:
        if lease is not None:
            return _checked(await self._kube.replace(leases_path(self._key), {**lease, "spec": spec}))
        metadata = {"namespace": self._key.namespace, "name": self._key.name}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        return _checked(await self._kube.create(leases_path(Key(self._key.namespace, "")), body))

    def _note_version(self, lease: dict[str, Any]) -> None:
        version = int(lease["metadata"]["resourceVersion"])
        if version < self._version:
            logger.warning(
                "the Lease %s went back from resourceVersion %d to %d: the API server's data was restored",
                self._key,
                self._version,
                version,
            )
            self._own_writes.clear()
            self._on_restored()
        self._version = version

    async def _look_after_conflict(self, started: float) -> None:
        lease = await self._read()
        if lease is None or _spec(lease).get("holderIdentity") == self._identity:
            await self._write(lease, started)
        else:
            self._lose("another replica has it")

    def _lose(self, why: str) -> None:
        self._renewed_at = None
        logger.warning("no longer leading: the Lease %s is lost, %s", self._key, why)
        self._on_stopped_leading()

    def _report(self, message: str, *arguments: object, level: int = logging.WARNING) -> None:
        report = message % arguments
        if report != self._reported:
            logger.log(level, "%s", report)
            self._reported = report


def _spec(lease: dict[str, Any]) -> dict[str, Any]:
    return lease.get("spec") or {}


def _checked(lease: dict[str, Any]) -> dict[str, Any]:
    # No API server keeps another type there, so an answer like this does not show that the Lease is free.
    if lease.get("spec") is not None:
        spec = check_mapping(lease["spec"])
        texts = (spec.get(name) for name in ("holderIdentity", "acquireTime", "renewTime"))
        counts = (spec.get(name) for name in ("leaseDurationSeconds", "leaseTransitions"))
        if not all(text is None or isinstance(text, str) for text in texts):
            raise invalid_answer()
        if not all(count is None or (type(count) is int and 0 <= count < 2**31) for count in counts):
            raise invalid_answer()
    return lease
