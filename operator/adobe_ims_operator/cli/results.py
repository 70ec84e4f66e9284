"""What a check found: how it ended, in words for a person, and who is to blame where something is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adobe_ims_operator.api.text import printable


class Outcome(StrEnum):
    """How a check ended; only a failed one makes the command fail."""

    OK = "OK"
    WARNING = "Warning"
    FAILED = "Failed"
    SKIPPED = "Skipped"


class Culprit(StrEnum):
    """What to look at first; docs/cli.md says what to do about each."""

    API_SERVER = "API server"
    CRD = "CRD"
    RBAC = "RBAC"
    OPERATOR = "operator"
    FLAGS = "flags of this check"
    SPEC = "spec"
    SOURCE = "source"
    CLIENT_OBJECT = "client Secret"
    CLIENT_ID = "client id"
    CLIENT_SECRET = "client secret"  # noqa: S105 - no secret, here and below
    CLIENT = "client id or client secret"
    SCOPES = "scopes"
    CONSOLE = "credential in the Adobe Developer Console"
    ENDPOINT = "endpoint"
    DNS = "DNS"
    NETWORK = "network"
    CERTIFICATE = "TLS certificate"
    PROXY = "proxy"
    NETWORK_OR_PROXY = "network or proxy"
    IMS = "IMS"
    THROTTLING = "throttling by IMS"
    NOT_IMS = "what answers at the endpoint"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was looked at."""

    check: str
    target: str
    outcome: Outcome
    message: str
    reason: str | None = None
    """The reason that a condition would have."""
    culprit: Culprit | None = None

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "check": self.check,
            "target": self.target,
            "outcome": str(self.outcome),
            "message": printable(self.message),
            "reason": self.reason,
            "culprit": self.culprit,
        }


def failed(
    check: str, target: str, message: str, *, reason: str | None = None, culprit: Culprit | None = None
) -> Result:
    """What is not as it should be."""
    return Result(check, target, Outcome.FAILED, message, reason, culprit)


def ok(check: str, target: str, message: str) -> Result:
    """What is as it should be."""
    return Result(check, target, Outcome.OK, message)


def skipped(check: str, target: str, message: str) -> Result:
    """What could not be looked at from here."""
    return Result(check, target, Outcome.SKIPPED, message)


def show(results: Sequence[Result]) -> str:
    """A line for each, and one that names the culprit."""
    lines = []
    for each in results:
        lines.append(f"{each.outcome.upper():<8} {each.check:<12} {each.target}: {each.message}")
        if each.culprit is not None:
            lines.append(f"{'':<8} {'':<12} culprit: {each.culprit}" + (f" ({each.reason})" if each.reason else ""))
    return "\n".join(printable(line) for line in lines)
