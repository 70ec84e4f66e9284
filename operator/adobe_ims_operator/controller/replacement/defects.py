"""Writes into the status of an AdobeIMSClientSecret that its turn ended by a defect of the operator."""

from dataclasses import dataclass

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_KIND
from adobe_ims_operator.api.client_secret_status import client_secret_status_to_json
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.core import defect
from adobe_ims_operator.core.events import Regarding
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement.defect import status_of
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.paths import client_secrets_path


@dataclass(frozen=True, slots=True)
class DefectReport:
    """What the report needs of the outside."""

    replacements: Replacements
    kube: Kube
    recorder: Recorder
    clock: Clock

    async def report(self, key: Key, found: Finding) -> None:
        """Write the status, one write each."""
        resource = self.replacements.resources.get(key)
        if resource is None:
            return
        after = status_of(resource, found, self.clock.now())
        path = client_secrets_path(key.namespace, key.name)
        body = client_secret_status_to_json(after)
        answer = await self.kube.patch(f"{path}/status", body, accept=METADATA_OBJECT)
        self.replacements.note_status(key, answer["metadata"], after)
        for event in defect.events(resource.status.conditions, found):
            self.recorder.record(Regarding(key, resource.uid, kind=CLIENT_SECRET_KIND), event)
