"""What follows once there is nothing more to do for now.

The Secret of an earlier name is deleted, workloads are restarted, then the status says so, then Events report it. In
this order a crash loses an Event at most: the status, which says how far a rotation was followed up, comes after
what it speaks of.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.looks import Looks
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import events, policy, restarts, status
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Ask, Refuse, Wait
from adobe_ims_operator.core.model import Finding, Observed, Trouble
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, ConflictError, NotFoundError, RefusedError
from adobe_ims_operator.kube.paths import credentials_path, secret_path
from adobe_ims_operator.kube.recorder import Recorder
from adobe_ims_operator.kube.workloads import restart

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What following up needs of the outside.

    Args:
        jitter: a random number in [0, 1).
    """

    work: Work
    kube: Kube
    looks: Looks
    recorder: Recorder
    clock: Clock
    jitter: Callable[[], float]

    async def follow_up(self, observed: Observed, decision: Ask | Wait | Refuse) -> datetime:
        """Follow a rotation up and write the status where it changed; when to look again.

        Raises:
            ApiError: the status was not written; all of it may be done again.
        """
        key = observed.key
        if policy.why_not_ready(observed, self.clock.now()) is None and not observed.spec.suspend:
            await self._delete_outgrown(observed)
        if isinstance(decision, Wait) and decision.finding is policy.FRESH:
            known = self.work.attempts(key)
            if known is not None:
                self.work.note(key, attempt.settled(known))
        attempts = self.work.attempts(key) or observed.attempts
        if attempts is not observed.attempts:
            observed = replace(observed, attempts=attempts)
        credential = self.work.store.credentials.get(key)
        restart_at = None
        if credential is not None and credential.uid == observed.uid:
            restart_at = await self._report(observed, decision, credential)
        look_at = self._look_again(observed, decision)
        return look_at if restart_at is None else min(look_at, restart_at)

    async def _report(
        self, observed: Observed, decision: Ask | Wait | Refuse, credential: Credential
    ) -> datetime | None:
        """Restart workloads and write the status; when a workload is restarted next, or None."""
        before = credential.status
        how_far, again_at = await self._restart(observed, before)
        now = self.clock.now()
        after = status.derive(observed, decision, before, now, how_far)
        if status.is_worth_writing(observed, decision, before, after, now):
            failures = (observed.attempts.failure, observed.attempts.clean_up)
            logged = {failure.finding.message for failure in failures if failure is not None}
            await self._write(credential, before, after, logged)
        return again_at

    async def _restart(self, observed: Observed, before: Status) -> tuple[restarts.FollowUp | None, datetime | None]:
        """Restart the workloads that are due; how far that is, and when to go on."""
        key = observed.key
        rotation = restarts.rotation_of(observed, self.clock.now())
        if rotation is None:
            return None, None
        known = {w: each for w, each in observed.attempts.restarts.items() if w in rotation.workloads}
        mark = restarts.mark(key.name, observed.uid, rotation.id)
        for workload in restarts.due(rotation, before, known, self.clock.now()):
            outcome = await restart(self.kube, key.namespace, workload, mark)
            note = restarts.note(rotation, workload, outcome, known.get(workload), self.clock.now(), self.jitter())
            known = {**known, workload: note}
            self.work.note(key, replace(self.work.attempts(key) or observed.attempts, restarts=known))
            if outcome is restarts.RESTARTED:
                logger.info("%s: restarted %s %s", key, workload.kind, workload.name)
            elif outcome.reason is restarts.FAILED:
                break  # the others have turns of their own, as each may take as long
        return restarts.report(rotation, before, known), restarts.next_at(rotation, before, known, self.clock.now())

    async def _write(self, credential: Credential, before: Status, after: Status, logged: set[str]) -> None:
        key = credential.key
        path = credentials_path(key.namespace, key.name)
        try:
            answer = await self.kube.patch(f"{path}/status", status.to_json(after), accept=METADATA_OBJECT)
        except NotFoundError:
            # It is gone, and the watch may never say so: kopf passes over what is deleted between two lists.
            self.work.store.delete_credential(key, credential.uid)
            return
        self.work.store.update_own_status(key, answer["metadata"], after)
        for event in events.derive(before, after, credential.spec.client.secret_keys, logged):
            self.recorder.record(credential, event)

    async def _delete_outgrown(self, observed: Observed) -> None:
        # Not before the new Secret holds what the old one did.
        key, clean_up = observed.key, observed.attempts.clean_up
        if clean_up is not None and self.clock.now() < clean_up.retry_at:
            return
        failed: Trouble | None = None
        for secret_key, secret in self.work.store.outgrown_secrets(key):
            try:
                await self.kube.delete(secret_path(secret_key), secret.uid, secret.version)
                logger.info("%s: deleted Secret %s, which spec.secret.name no longer names", key, secret_key.name)
                await self.looks.secret(secret_key, by=None)
            except NotFoundError:
                self.work.store.delete_secret(secret_key, secret.version)
            except ApiError as error:
                failed = _not_deleted(secret_key.name, error)
        known = self.work.attempts(key) or observed.attempts
        if failed is None:
            self.work.note(key, attempt.cleaned_up(known))
        else:
            self.work.note(key, attempt.clean_up_failed(known, failed, self.clock.now(), self.jitter()))
            logger.warning("%s: %s", key, failed.finding.message)

    def _look_again(self, observed: Observed, decision: Ask | Wait | Refuse) -> datetime:
        now = self.clock.now()
        moments = [now + policy.IDLE]
        if observed.attempts.clean_up is not None:
            moments.append(observed.attempts.clean_up.retry_at)
        if isinstance(decision, Ask) or observed.in_flight:
            credential = self.work.store.credentials.get(observed.key)
            before = credential.status if credential is not None else Status()
            report_at = status.when_to_report(observed, before, now)
            if report_at is not None:
                moments.append(report_at)
        else:
            moments.append(decision.look_again_at)
        return min(moments)


def _not_deleted(name: str, error: ApiError) -> Trouble:
    message = f"the API server did not delete Secret {name}, which spec.secret.name no longer names ({error.answer}); "
    if isinstance(error, RefusedError):
        message += "delete it, or mend the operator's permissions or the admission policy that keeps it"
        return Trouble(Finding(Reason.OLD_SECRET_NOT_DELETED, message), Pace.REFUSED_WRITE)
    passing = isinstance(error, ConflictError)
    message += "the operator tries again"
    return Trouble(Finding(Reason.OLD_SECRET_NOT_DELETED, message), Pace.API_SERVER, passing=passing)
