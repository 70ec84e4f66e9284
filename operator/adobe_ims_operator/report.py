"""Telling of what was done: workloads are rolled, then the status says so, then Events tell what changed.

In this order a crash loses an Event at most: the status, which says how far a rotation was followed up, comes after
what it speaks of.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator import events, status
from adobe_ims_operator.cluster import Cluster
from adobe_ims_operator.kube import ApiError, Kube
from adobe_ims_operator.observed import Observed
from adobe_ims_operator.paths import credentials_path
from adobe_ims_operator.policy import Decision
from adobe_ims_operator.resource import Credential, Status, parse_credential
from adobe_ims_operator.restart import restart

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reporter:
    """What reporting needs of the outside.

    Args:
        now: the wall clock, in UTC.
        instance: what Events call this process.
    """

    cluster: Cluster
    kube: Kube
    now: Callable[[], datetime]
    instance: str

    async def report(self, observed: Observed, decision: Decision) -> None:
        """Follow a rotation up and write the status; nothing is written where nothing changed.

        Raises:
            ApiError: the API server is away; all of it may be done again.
        """
        credential = self.cluster.credentials.get(observed.key)
        if credential is None or credential.uid != observed.uid:
            return
        before, restarted = credential.status, None
        if rotated_at := status.restart_due(observed, before, self.now()):
            restarted = await restart(self.kube, observed.key.namespace, observed.spec.restart, rotated_at)
        after = status.derive(observed, decision, before, self.now(), restarted)
        if after == before:
            return
        path = credentials_path(observed.key.namespace, observed.key.name)
        try:
            answer = await self.kube.patch(f"{path}/status", status.to_json(after))
        except ApiError as error:
            if error.status != 404:
                raise
            # It is gone, and the watch may never tell: kopf passes over what is deleted between two lists.
            self.cluster.drop_credential(observed.key, observed.uid)
            return
        self.cluster.put_own_credential(parse_credential(answer))
        await self._tell(credential, before, after)

    async def report_expiry(self, observed: Observed, decision: Decision) -> None:
        """Say that a token has expired before the next one is asked for, which may take long."""
        credential = self.cluster.credentials.get(observed.key)
        if credential is None or observed.facts is None or self.now() < observed.facts.expires_at:
            return
        if (ready := credential.status.condition(status.READY)) is not None and ready.status == "True":
            await self.report(observed, decision)

    async def _tell(self, credential: Credential, before: Status, after: Status) -> None:
        for event in events.derive(before, after, credential.spec.client.secret_keys):
            level = logging.WARNING if event.warning else logging.INFO
            logger.log(level, "%s: %s: %s", credential.key, event.reason, event.note)
            try:
                await events.post(self.kube, credential, event, self.now(), self.instance)
            except ApiError as error:
                logger.warning("%s: the Event %s could not be written: %s", credential.key, event.reason, error)
