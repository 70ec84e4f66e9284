"""One turn for an AdobeIMSClientSecret: observe, decide, take one step after the other, and report.

It is level-based: it gets a key, never what happened. What was begun is in the ledger of the managed Secret, so it may
be stopped anywhere.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_KIND, ClientSecretResource
from adobe_ims_operator.api.client_secret_status import ClientSecretStatus, client_secret_status_to_json
from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.replacement.at_adobe import AtAdobe
from adobe_ims_operator.controller.replacement.secrets import Secrets
from adobe_ims_operator.controller.replacement.work import Outdated, Work, log_passed_over
from adobe_ims_operator.core import flips
from adobe_ims_operator.core.backoff import Pace, Unreported, backoff
from adobe_ims_operator.core.events import Regarding
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.flips import Flips
from adobe_ims_operator.core.replacement import events, keep, obstacles, status
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.decision import (
    Add,
    AskToken,
    Decision,
    Delete,
    List,
    ReadBootstrap,
    ReadSecret,
    Refuse,
    Wait,
    Write,
)
from adobe_ims_operator.core.replacement.model import Now, Observed
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError, RefusedError
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.paths import client_secrets_path

logger = logging.getLogger(__name__)

MAX_STEPS = 16
"""Steps of one turn; what needs more gets another turn."""
UNTIL_SYNCED = timedelta(seconds=5)

Decide = Callable[[Observed, Now], Decision]


class Reconciler:
    """What a turn needs of the outside.

    Args:
        decide: what to do next.
    """

    def __init__(
        self,
        work: Work,
        kube: Kube,
        secrets: Secrets,
        adobe: AtAdobe,
        recorder: Recorder,
        decide: Decide = decide,
    ) -> None:
        self.work = work
        self.kube = kube
        self.secrets = secrets
        self.adobe = adobe
        self.recorder = recorder
        self.decide = decide
        self._unreported: dict[Key, Unreported] = {}
        self._flips: dict[Key, tuple[str, Flips]] = {}  # with the uid of the object
        self._endless: dict[Key, int] = {}

    async def reconcile(self, key: Key) -> datetime | None:
        """Bring one client secret to where it should be; when to look again, or None if that waits for a change."""
        for _ in range(MAX_STEPS):
            now = self.work.now
            if not self.work.has_synced(key.namespace):
                # One that is gone, and for which Adobe gave something, is looked at by nobody else.
                return None if key in self.work.replacements.resources else now.wall + UNTIL_SYNCED
            observed = self.work.observe(key)
            if observed is None:
                self._unreported.pop(key, None)
                self._flips.pop(key, None)
                self._endless.pop(key, None)
                return None
            if self.work.stopping and observed.memory.added is None and observed.memory.deleted is None:
                return None
            decision = self.decide(observed, now)
            if isinstance(decision, Wait | Refuse):
                self._endless.pop(key, None)
                if (given_up := keep.given_up(observed)) is not None:
                    log_passed_over(key, given_up)
                if self.work.is_gone(observed):
                    self.work.note(observed, keep.forget(observed))
                    if key not in self.work.replacements.resources:
                        return decision.until if isinstance(decision, Wait) else None
                    self.work.forget_former(key)
                    continue
                report_at = await self._report(observed, decision)
                return decision.until if report_at is None else min(decision.until, report_at)
            try:
                await self._take(observed, decision)
            except Outdated:
                logger.debug("AdobeIMSClientSecret %s: observed again", key, extra=about(key))
        return await self._go_on_later(key)

    async def _go_on_later(self, key: Key) -> datetime:
        """Come back the later, the more turns in a row did not come to an end, and say so from the second on."""
        times = self._endless[key] = self._endless.get(key, 0) + 1
        until = self.work.now.wall + backoff(Pace.REFUSED_WRITE, times, self.work.jitter())
        observed = self.work.observe(key)
        if times > 1 and observed is not None:
            message = (
                f"{times * MAX_STEPS} steps in a row did not come to an end; find out who else changes the Secrets"
            )
            await self._report(observed, Wait(Finding(Reason.SECRET_CONTESTED, message), until))
        return until

    async def _take(
        self, observed: Observed, decision: ReadSecret | ReadBootstrap | AskToken | List | Add | Delete | Write
    ) -> None:
        match decision:
            case ReadSecret():
                await self.secrets.read(observed)
            case ReadBootstrap():
                await self.secrets.read_bootstrap(observed)
            case AskToken():
                await self.adobe.ask(observed, decision)
            case List():
                await self.adobe.list(observed)
            case Add():
                await self.adobe.add(observed)
            case Delete(uuid=uuid):
                await self.adobe.delete(observed, uuid)
            case Write():
                await self.secrets.write(observed, decision)
            case _ as unknown:
                assert_never(unknown)

    async def _report(self, observed: Observed, decision: Wait | Refuse) -> datetime | None:
        """Write the status where it changed; when it is to be written again, or None."""
        resource, now = observed.resource, self.work.now
        before = resource.status
        found = obstacles.note(observed, status.problem_of(observed, decision, now), now)
        observed = self.work.note(observed, found)
        after = status.to_status(observed, decision, now)
        if after == before:
            return obstacles.next_at(found, now)
        gate = self._unreported.get(resource.key)
        if gate is not None and gate.generation == resource.generation and now.wall < gate.retry_at:
            return gate.retry_at
        # An object with an older rival reports what happens to the rival's Secret, and so do all others like it.
        is_flip = flips.is_flip(before, after, is_bystander=observed.older is not None)
        if is_flip and (until := flips.until(self._row(resource), now.wall)) is not None:
            return until
        return await self._write(observed, before, after, is_flip=is_flip)

    def _row(self, resource: ClientSecretResource) -> Flips | None:
        """The flips in a row that were written of this very object."""
        uid, row = self._flips.get(resource.key, ("", None))
        return row if uid == resource.uid else None

    async def _write(
        self, observed: Observed, before: ClientSecretStatus, after: ClientSecretStatus, *, is_flip: bool
    ) -> datetime | None:
        resource, now = observed.resource, self.work.now
        key = resource.key
        path = client_secrets_path(key.namespace, key.name)
        try:
            answer = await self.kube.patch(
                f"{path}/status", client_secret_status_to_json(after), accept=METADATA_OBJECT
            )
        except NotFoundError:
            self.work.replacements.delete(key, resource.uid)
            return None
        except ApiError as error:
            known = self._unreported.get(key)
            times = 1 if known is None else known.times + 1
            pace = Pace.REFUSED_WRITE if isinstance(error, RefusedError) else Pace.API_SERVER
            retry_at = now.wall + backoff(pace, times, self.work.jitter())
            self._unreported[key] = Unreported(times, retry_at, resource.generation)
            logger.warning("AdobeIMSClientSecret %s: can't write the status: %s", key, error, extra=about(key))
            return retry_at
        self._unreported.pop(key, None)
        if is_flip:
            row = flips.after(self._row(resource), self.work.now.wall, self.work.jitter())
            self._flips[key] = resource.uid, row
        self.work.replacements.note_status(key, answer["metadata"], after)
        regarding = Regarding(key, resource.uid, kind=CLIENT_SECRET_KIND)
        for event in events.derive(before, after):
            self.recorder.record(regarding, event)
        return obstacles.next_at(observed.memory, now)
