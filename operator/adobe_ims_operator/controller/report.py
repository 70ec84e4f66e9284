"""Telling of what was done: workloads are rolled, then the status says so, then Events tell what changed.

In this order a crash loses an Event at most: the status, which says how far a rotation was followed up, comes after
what it speaks of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.core import events, status
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.policy import Decision
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import credentials_path
from adobe_ims_operator.kube.recorder import Recorder
from adobe_ims_operator.kube.workloads import restart


@dataclass(frozen=True, slots=True)
class Reporter:
    """What reporting needs of the outside.

    Args:
        now: the wall clock, in UTC.
    """

    cluster: Cluster
    kube: Kube
    recorder: Recorder
    now: Callable[[], datetime]

    async def report(self, observed: Observed, decision: Decision, *, quiet: bool = False) -> None:
        """Follow a rotation up and write the status; nothing is written where nothing changed.

        Args:
            quiet: leave it also where only what it waits for changed, and until when; what could not be rolled before
                is not tried again.

        Raises:
            ApiError: the API server is away; all of it may be done again.
        """
        credential = self.cluster.credentials.get(observed.key)
        if credential is None or credential.uid != observed.uid:
            return
        before, restarted = credential.status, None
        rotated_at = status.restart_due(observed, before, self.now())
        if rotated_at is not None and not (quiet and before.last_rotation_time == rotated_at):
            restarted = await restart(self.kube, observed.key.namespace, observed.spec.restart, rotated_at)
        after = status.derive(observed, decision, before, self.now(), restarted)
        if after == before or (quiet and status.is_alike(before, after)):
            return
        path = credentials_path(observed.key.namespace, observed.key.name)
        try:
            answer = await self.kube.patch(f"{path}/status", status.to_json(after), accept=METADATA_OBJECT)
        except ApiError as error:
            if not isinstance(error, NotFoundError):
                raise
            # It is gone, and the watch may never tell: kopf passes over what is deleted between two lists.
            self.cluster.drop_credential(observed.key, observed.uid)
            return
        self.cluster.put_own_status(observed.key, answer["metadata"], after)
        for event in events.derive(before, after, credential.spec.client.secret_keys):
            self.recorder.record(credential, event)
