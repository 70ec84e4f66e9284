"""A defect of the operator reaches the status of the AdobeIMSClientSecret that it kept from being worked on."""

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.controller.workers import AFTER_DEFECT
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.decision import Decision
from adobe_ims_operator.core.replacement.model import Now, Observed
from unit.replacement.at_work import Replacing, replacing

QUOTED = "p8e-what the exception quotes"


class Broken:
    """What decides, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.now = True

    def decide(self, observed: Observed, now: Now) -> Decision:
        if self.now:
            raise LookupError(QUOTED)
        return decide(observed, now)


def later(found: Replacing) -> None:
    """Let the time pass after which what ended by a defect is tried again."""
    found.advance(AFTER_DEFECT.total_seconds() + 1)


async def test_a_turn_that_ends_by_a_defect_is_told_in_the_status_until_one_does_not() -> None:
    broken = Broken()
    async with replacing(broken.decide) as found:
        found.put()
        for count in (1, 2, 3):
            await found.flow.until(lambda count=count: found.failures() == count)  # type: ignore[misc]
            assert found.condition("RotationFailing") == ("True", Reason.OPERATOR_DEFECT)
            assert found.condition("Ready") == ("Unknown", Reason.OPERATOR_DEFECT)
            assert found.status()["reason"] == Reason.OPERATOR_DEFECT
            later(found)
        assert found.flow.controller.supervisor.defects["client secrets"] >= 3
        assert QUOTED not in str(found.status())
        assert "LookupError" in str(found.status())
        broken.now = False
        later(found)
        await found.flow.until(lambda: found.condition("RotationFailing") == ("True", Reason.CLIENT_SECRET_NOT_FOUND))
        assert found.condition("Ready") == ("False", Reason.CLIENT_SECRET_MISSING)
        assert found.status()["failures"] == 0
