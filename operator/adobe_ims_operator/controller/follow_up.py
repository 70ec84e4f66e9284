"""What follows once there is nothing more to do for now.

The Secret of an earlier name is deleted, workloads are restarted, then the status says so, then Events report it. In
this order a crash loses an Event at most: the status, which says how far a rotation was followed up, comes after
what it speaks of.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.api.status import Status, to_json
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.read_secrets import SecretReader
from adobe_ims_operator.controller.restarter import Restarter
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import events, flips, policy, stalled, status
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Ask, Refuse, Wait
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Observed, Trouble
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, ConflictError, ForbiddenError, NotFoundError, RefusedError
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.paths import credentials_path, secret_path

logger = logging.getLogger(__name__)

MOMENT = timedelta(seconds=1)
MOST_DELETED = 8
"""Secrets in one turn: anybody may make it look as if a credential had thousands of earlier ones in its namespace."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What following up needs of the outside.

    Args:
        jitter: a random number in [0, 1).
    """

    work: Work
    kube: Kube
    reader: SecretReader
    recorder: Recorder
    restarter: Restarter
    clock: Clock
    jitter: Callable[[], float]

    async def follow_up(self, observed: Observed, decision: Ask | Wait | Refuse) -> datetime:
        """Follow a rotation up and write the status where it changed; when to look again."""
        key = observed.key
        is_all_deleted = not _may_clean_up(observed, self.clock.now()) or await self._delete_outgrown(observed)
        if isinstance(decision, Wait) and decision.finding is policy.FRESH:
            known = self.work.attempts(key)
            if known is not None:
                self.work.note(key, attempt.settled(known))
        attempts = self.work.attempts(key) or observed.attempts
        if attempts is not observed.attempts:
            observed = replace(observed, attempts=attempts)
        noted = stalled.note(observed.attempts, observed, decision, self.clock.now())
        if noted is not observed.attempts:
            self.work.note(key, noted)
            observed = replace(observed, attempts=noted)
        credential = self.work.store.credentials.get(key)
        restart_at = None
        if credential is not None and credential.uid == observed.uid:
            restart_at = await self._report(observed, decision, credential)
        look_at = self._look_again(observed, decision) if is_all_deleted else self.clock.now()
        return look_at if restart_at is None else min(look_at, restart_at)

    async def _report(
        self, observed: Observed, decision: Ask | Wait | Refuse, credential: Credential
    ) -> datetime | None:
        """Restart workloads and write the status; when a workload is restarted next, or None."""
        before = credential.status
        how_far, again_at = await self.restarter.restart(observed, before)
        now = self.clock.now()
        after = status.derive(observed, decision, before, now, how_far)
        is_held = flips.is_flip(before, after) and self._flips_until(credential.key, now) is not None
        is_held = is_held or self._gate(credential, now) is not None
        if status.is_worth_writing(observed, decision, before, after, now) and not is_held:
            failures = (observed.attempts.failure, observed.attempts.clean_up)
            logged = {failure.finding.message for failure in failures if failure is not None}
            await self._write(credential, before, after, logged)
        return again_at

    def _gate(self, credential: Credential, now: datetime) -> datetime | None:
        """Until when no status is written, as that failed: whatever changes but the spec, which may be the cause."""
        known = self.work.attempts(credential.key)
        unreported = known.unreported if known is not None else None
        if unreported is None or unreported.generation != credential.generation:
            return None
        return unreported.retry_at if policy.is_gate(unreported.retry_at, now) else None

    def _flips_until(self, key: Key, now: datetime) -> datetime | None:
        """Until when no status is written that only goes back and forth; None where one may be."""
        known = self.work.attempts(key)
        return flips.until(known.flips if known is not None else None, now)

    async def _write(self, credential: Credential, before: Status, after: Status, logged: set[str]) -> None:
        key = credential.key
        path = credentials_path(key.namespace, key.name)
        try:
            answer = await self.kube.patch(f"{path}/status", to_json(after), accept=METADATA_OBJECT)
        except ApiError as error:
            if isinstance(error, NotFoundError) and await self._is_gone(path):
                # The watch may never say so: kopf passes over what is deleted between two lists.
                self.work.store.delete_credential(key, credential.uid)
            else:
                self._not_written(credential, error)
            return
        known = self.work.attempts(key)
        if known is not None:
            self.work.note(key, attempt.reported(known, before, after, self.clock.now(), self.jitter()))
        self.work.store.update_own_status(key, answer["metadata"], after)
        client = credential.spec.client
        for event in events.derive(before, after, () if client is None else client.secret_keys, logged):
            self.recorder.record(events.Regarding(key, credential.uid), event)

    async def _is_gone(self, path: str) -> bool:
        # Who admits a write may answer 404 as well, and so does a CRD without a status.
        try:
            await self.kube.get(path, accept=METADATA_OBJECT)
        except ApiError as error:
            return isinstance(error, NotFoundError)
        return False

    def _not_written(self, credential: Credential, error: ApiError) -> None:
        key, now = credential.key, self.clock.now()
        known = self.work.attempts(key)
        if known is None:
            return
        pace = Pace.REFUSED_WRITE if isinstance(error, RefusedError) else Pace.API_SERVER
        known = attempt.not_reported(known, pace, credential.generation, now, self.jitter())
        self.work.note(key, known)
        if known.unreported is not None:
            wait = (known.unreported.retry_at - now).total_seconds()
            logger.warning("%s: can't write the status: %s; again in %.1f s", key, error, wait, extra=about(key))

    async def _delete_outgrown(self, observed: Observed) -> bool:
        """Delete some Secrets of earlier names; False where more are to be deleted at once."""
        # Not before the new Secret holds what the old one did.
        key, clean_up = observed.key, observed.attempts.clean_up
        if clean_up is not None and self.clock.now() < clean_up.retry_at:
            return True
        failed: Trouble | None = None
        outgrown = list(islice(self.work.store.outgrown_secrets(key), MOST_DELETED + 1))
        for secret_key, secret in outgrown[:MOST_DELETED]:
            try:
                await self.kube.delete(secret_path(secret_key), secret.uid, secret.version)
                name = secret_key.name
                message = "%s: deleted Secret %s, which spec.secret.name no longer names"
                logger.info(message, key, name, extra=about(key, secret=name))
                await self.reader.secret(secret_key, by=None)
            except NotFoundError:
                self.work.store.delete_secret(secret_key, secret.version)
            except ApiError as error:
                # The others wait with it: each may hang as long.
                failed = _not_deleted(secret_key.name, error)
                break
        known = self.work.attempts(key) or observed.attempts
        if failed is None:
            self.work.note(key, attempt.cleaned_up(known))
        else:
            self.work.note(key, attempt.clean_up_failed(known, failed, self.clock.now(), self.jitter()))
            logger.warning("%s: %s", key, failed.finding.message, extra=about(key, reason=failed.finding.reason))
        return failed is not None or len(outgrown) <= MOST_DELETED

    def _look_again(self, observed: Observed, decision: Ask | Wait | Refuse) -> datetime:
        now, clean_up = self.clock.now(), observed.attempts.clean_up
        moments = [now + policy.IDLE]
        if clean_up is not None and _may_clean_up(observed, now):
            moments.append(clean_up.retry_at)
        if (stalled_at := stalled.next_at(observed.attempts, now)) is not None:
            moments.append(stalled_at)
        asks = isinstance(decision, Ask) or observed.in_flight
        if isinstance(decision, Wait | Refuse) and not asks:
            moments.append(decision.look_again_at)
        credential = self.work.store.credentials.get(observed.key)
        if credential is None:
            return now
        gate, flips_until, report_at = self._gate(credential, now), self._flips_until(observed.key, now), None
        if flips_until is not None:
            moments.append(flips_until)
        if asks or status.is_new(credential.status):
            report_at = status.when_to_report(observed, credential.status, now)
        if gate is not None:
            moments.append(gate)
        elif report_at is not None:
            # What was reported just now may reach the store a moment later, by the watch.
            moments.append(report_at if report_at > now else flips_until or now + MOMENT)
        return min(moments)


def _may_clean_up(observed: Observed, now: datetime) -> bool:
    return policy.why_not_ready(observed, now) is None and not observed.spec.suspend


def _not_deleted(name: str, error: ApiError) -> Trouble:
    message = f"the API server did not delete Secret {name}, which spec.secret.name no longer names ({error.answer}); "
    if isinstance(error, RefusedError):
        permissions = "the operator's permissions or " if isinstance(error, ForbiddenError) else ""
        message += f"delete it, or mend {permissions}the admission policy that keeps it"
        return Trouble(Finding(Reason.OLD_SECRET_NOT_DELETED, message), Pace.REFUSED_WRITE)
    passing = isinstance(error, ConflictError)
    message += "the operator tries again"
    return Trouble(Finding(Reason.OLD_SECRET_NOT_DELETED, message), Pace.API_SERVER, passing=passing)
