"""Whether the credential whose token is taken has one."""

from datetime import datetime

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import KIND
from adobe_ims_operator.cli.around import Around
from adobe_ims_operator.cli.results import Culprit, Result, failed, ok
from adobe_ims_operator.core import taking
from adobe_ims_operator.core.policy import FRESH

OF_SOURCE = (Reason.SOURCE_NOT_SHARED, Reason.SOURCE_NOT_WATCHED)
"""Refusals of the core that are about the source, and not about the spec of the taker."""


def check_source(around: Around, now: datetime) -> list[Result]:
    """Check it where it shares its token; that it does is a check of the spec."""
    shared = None if around.observed is None else around.observed.shared
    if shared is None:
        return []
    target = f"{KIND} {shared.key}"
    problem = taking.not_ready(shared, FRESH, now)
    if problem is not None:
        return [failed("source", target, problem.message, reason=problem.reason, culprit=Culprit.SOURCE)]
    return [ok("source", target, "shares its token with this namespace; IMS is not asked")]
