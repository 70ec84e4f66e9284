"""Telling of what was done: workloads are rolled, then the status says so, then Events tell what changed.

In this order a crash loses an Event at most: the status, which says how far a rotation was followed up, comes after
what it speaks of.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.api.resource import Status
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.core import events, restarts, status
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.policy import Decision
from adobe_ims_operator.core.restarts import FollowUp
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import credentials_path
from adobe_ims_operator.kube.recorder import Recorder
from adobe_ims_operator.kube.workloads import restart

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reporter:
    """What reporting needs of the outside.

    Args:
        now: the wall clock, in UTC.
        chance: a random number in [0, 1), for jitter.
    """

    cluster: Cluster
    kube: Kube
    recorder: Recorder
    now: Callable[[], datetime]
    chance: Callable[[], float] = random.random

    async def report(self, observed: Observed, decision: Decision, *, quiet: bool = False) -> datetime | None:
        """Follow a rotation up and write the status; nothing is written where nothing changed.

        Args:
            quiet: leave it also where only what it waits for changed, and until when.

        Returns:
            When a workload is to be restarted next, or None where that waits for a change.

        Raises:
            ApiError: the API server is away; all of it may be done again.
        """
        credential = self.cluster.credentials.get(observed.key)
        if credential is None or credential.uid != observed.uid:
            return None
        before = credential.status
        follow_up, again_at = await self._follow_up(observed, before)
        after = status.derive(observed, decision, before, self.now(), follow_up)
        if after == before or (quiet and status.is_alike(before, after)):
            return again_at
        path = credentials_path(observed.key.namespace, observed.key.name)
        try:
            answer = await self.kube.patch(f"{path}/status", status.to_json(after), accept=METADATA_OBJECT)
        except ApiError as error:
            if not isinstance(error, NotFoundError):
                raise
            # It is gone, and the watch may never tell: kopf passes over what is deleted between two lists.
            self.cluster.drop_credential(observed.key, observed.uid)
            return None
        self.cluster.put_own_status(observed.key, answer["metadata"], after)
        for event in events.derive(before, after, credential.spec.client.secret_keys):
            self.recorder.record(credential, event)
        return again_at

    async def _follow_up(self, observed: Observed, before: Status) -> tuple[FollowUp | None, datetime | None]:
        """Restart the workloads that are due; how far that is, and when to go on."""
        rotation = restarts.rotation_of(observed, self.now())
        if rotation is None:
            return None, None
        attempts = self.cluster.memories[observed.key].restarts
        for workload in [each for each in attempts if each not in rotation.workloads]:
            del attempts[workload]
        mark = restarts.mark(observed.key.name, observed.uid, rotation.id)
        for workload in restarts.due(rotation, before, attempts, self.now()):
            outcome = await restart(self.kube, observed.key.namespace, workload, mark)
            known = attempts.get(workload)
            attempts[workload] = restarts.note(rotation, workload, outcome, known, self.now(), self.chance())
            if outcome is restarts.RESTARTED:
                logger.info("%s: restarted %s %s", observed.key, workload.kind, workload.name)
            elif outcome.reason == restarts.FAILED:
                break  # the others have turns of their own, as each may take as long
        return restarts.report(rotation, before, attempts), restarts.next_at(rotation, before, attempts, self.now())
