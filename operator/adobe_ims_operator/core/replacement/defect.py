"""What the status of an AdobeIMSClientSecret says whose turn ended by a defect of the operator."""

from dataclasses import replace
from datetime import datetime

from adobe_ims_operator.api.client_secret import ClientSecretResource
from adobe_ims_operator.api.client_secret_status import ClientSecretStatus
from adobe_ims_operator.api.status import READY
from adobe_ims_operator.core import defect
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement.status import OURS


def status_of(resource: ClientSecretResource, found: Finding, now: datetime) -> ClientSecretStatus:
    """The status; Ready stays, as a process that starts goes by it."""
    before = resource.status
    ready, generation = before.condition(READY), resource.generation
    return replace(
        before,
        observed_generation=defect.observed(before.observed_generation),
        reason=found.reason,
        failures=defect.failures(before.conditions, before.failures),
        conditions=defect.conditions(before.conditions, ready, OURS, found, generation, now),
    )
