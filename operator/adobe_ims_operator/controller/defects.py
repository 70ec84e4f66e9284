"""Writes into the status of a credential that its turn ended by a defect of the operator."""

from dataclasses import dataclass

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.status import to_json
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.controller.workers import AFTER_DEFECT
from adobe_ims_operator.core import defect
from adobe_ims_operator.core.events import Regarding
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.paths import credentials_path


@dataclass(frozen=True, slots=True)
class DefectReport:
    """What the report needs of the outside."""

    store: Store
    kube: Kube
    recorder: Recorder
    clock: Clock

    async def report(self, key: Key, found: Finding) -> None:
        """Write the status, one write each."""
        credential, now = self.store.credentials.get(key), self.clock.now()
        if credential is None:
            return
        after = defect.status_of(credential, found, now, now + AFTER_DEFECT)
        path = credentials_path(key.namespace, key.name)
        answer = await self.kube.patch(f"{path}/status", to_json(after), accept=METADATA_OBJECT)
        self.store.update_own_status(key, answer["metadata"], after)
        for event in defect.events(credential.status.conditions, found):
            self.recorder.record(Regarding(key, credential.uid), event)
