"""What a person is told where a step of a replacement failed loses no client secret where they do it."""

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.controller.replacement import troubles
from adobe_ims_operator.kube.errors import ForbiddenError, RefusedError


def test_an_immutable_secret_is_not_deleted_before_it_is_saved() -> None:
    for error in (RefusedError(422, "Invalid", "immutable"), ForbiddenError(403, "Forbidden", "")):
        message = troubles.not_written(Key("photos", "client"), error).finding.message
        steps = ("spec.suspend to true", "save it with its annotations", "delete it", "make it again", "nowhere else")
        assert all(step in message for step in steps)
        assert sorted(steps, key=message.index) == list(steps)
