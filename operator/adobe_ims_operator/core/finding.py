"""What was found of a credential, in words that are fit to be shown."""

from typing import NamedTuple, Self

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.text import printable

LONGEST_MESSAGE = 4096
"""Characters of a finding; the CRD has a condition, which may quote three, with four times that."""


class _Finding(NamedTuple):
    reason: Reason
    message: str


class Finding(_Finding):
    """Why something is so: a reason to search for, and a sentence for a person.

    What others wrote may be quoted in it. All that is said of a credential is made from findings, so it is made fit to
    be shown here.
    """

    __slots__ = ()

    def __new__(cls, reason: Reason, message: str) -> Self:
        """Make the message printable, and no longer than a condition takes several of."""
        if len(message) > LONGEST_MESSAGE:
            message = f"{message[:LONGEST_MESSAGE]}..."
        return super().__new__(cls, reason, printable(message))
