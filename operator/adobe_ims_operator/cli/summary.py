"""The first fields of each document about a credential."""

from datetime import datetime
from typing import Any

from adobe_ims_operator.api.resource import Credential
from adobe_ims_operator.core.explain import summarize


def summary_of(credential: Credential, now: datetime, program: str) -> dict[str, Any]:
    """Which credential it is, and how it stands."""
    summary = summarize(credential, now, program)
    return {
        "namespace": credential.key.namespace,
        "name": credential.key.name,
        "ready": summary.ready,
        "failing": summary.failing,
        "well": summary.well,
        "reason": summary.reason,
        "message": summary.message,
        "cause": summary.cause,
        "suspended": credential.spec.suspend,
    }
