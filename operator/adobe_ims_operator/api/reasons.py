"""The reasons of conditions, Events and commands: one CamelCase word each, for people and programs to search for."""

from enum import StrEnum


class Reason(StrEnum):
    """Every reason that the operator gives; docs/reference.md says what to do about each."""

    # The token Secret holds what it should.
    ROTATED = "Rotated"

    # Why the Secret holds no valid token of the present spec.
    TOKEN_MISSING = "TokenMissing"  # noqa: S105 - no secret, here and below
    EXPIRED = "Expired"
    EARLIER_SPEC = "EarlierSpec"

    # Why nothing may be done.
    SUSPENDED = "Suspended"
    ENDPOINT_NOT_ALLOWED = "EndpointNotAllowed"
    SCOPE_NOT_ALLOWED = "ScopeNotAllowed"
    SECRET_NOT_OWNED = "SecretNotOwned"  # noqa: S105
    ADOPTION_DROPS_KEYS = "AdoptionDropsKeys"
    CLIENT_SECRET_NOT_FOUND = "ClientSecretNotFound"  # noqa: S105
    SPEC_INVALID = "SpecInvalid"
    SECRET_METADATA_NOT_ALLOWED = "SecretMetadataNotAllowed"  # noqa: S105
    SECRET_TOO_LARGE = "SecretTooLarge"  # noqa: S105
    TEMPLATE_INVALID = "TemplateInvalid"
    CLIENT_SECRET_NOT_ALLOWED = "ClientSecretNotAllowed"  # noqa: S105
    TOO_MANY_CREDENTIALS = "TooManyCredentials"
    SOURCE_NOT_WATCHED = "SourceNotWatched"
    SOURCE_NOT_SHARED = "SourceNotShared"
    SOURCE_NOT_READY = "SourceNotReady"

    # Why a token is asked for.
    SECRET_MISSING = "SecretMissing"  # noqa: S105
    SECRET_TAKEN_OVER = "SecretTakenOver"  # noqa: S105
    FACTS_DAMAGED = "FactsDamaged"
    SPEC_CHANGED = "SpecChanged"
    REQUESTED = "Requested"
    CLOCK_JUMPED = "ClockJumped"
    DUE = "Due"
    SECRET_EDITED = "SecretEdited"  # noqa: S105
    CLIENT_SECRET_CHANGED = "ClientSecretChanged"  # noqa: S105
    SOURCE_ROTATED = "SourceRotated"

    # Why metadata is written.
    SECRET_METADATA_OUTDATED = "SecretMetadataOutdated"  # noqa: S105
    SECRET_METADATA_EDITED = "SecretMetadataEdited"  # noqa: S105
    SECRET_METADATA_CONTESTED = "SecretMetadataContested"  # noqa: S105

    # What is to be looked at first.
    SECRET_UNREAD = "SecretUnread"  # noqa: S105
    CLIENT_SECRET_UNREAD = "ClientSecretUnread"  # noqa: S105

    # Why an attempt failed.
    CLIENT_SECRET_KEY_MISSING = "ClientSecretKeyMissing"  # noqa: S105
    CLIENT_SECRET_INVALID = "ClientSecretInvalid"  # noqa: S105
    INVALID_CLIENT = "InvalidClient"
    INVALID_SCOPE = "InvalidScope"
    CREDENTIAL_NOT_PERMITTED = "CredentialNotPermitted"
    IMS_UNAVAILABLE = "IMSUnavailable"
    IMS_RATE_LIMITED = "IMSRateLimited"
    CLOCK_SKEWED = "ClockSkewed"
    IMS_RESPONSE_INVALID = "IMSResponseInvalid"
    ROTATED_TOO_OFTEN = "RotatedTooOften"
    SECRET_WRITE_REFUSED = "SecretWriteRefused"  # noqa: S105
    SECRET_WRITE_FAILED = "SecretWriteFailed"  # noqa: S105
    SECRET_READ_REFUSED = "SecretReadRefused"  # noqa: S105
    SECRET_READ_FAILED = "SecretReadFailed"  # noqa: S105
    OLD_SECRET_NOT_DELETED = "OldSecretNotDeleted"  # noqa: S105
    OPERATOR_DEFECT = "OperatorDefect"

    # What came of restarting workloads.
    RESTARTED = "Restarted"
    STARTED_WITH_TOKEN = "StartedWithToken"  # noqa: S105
    WORKLOAD_NOT_FOUND = "WorkloadNotFound"
    RESTART_REFUSED = "RestartRefused"
    RESTART_FAILED = "RestartFailed"
    RESTART_IGNORED = "RestartIgnored"
    RESTART_PENDING = "RestartPending"
    ADDED_LATER = "AddedLater"
    RESTART_INCOMPLETE = "RestartIncomplete"

    # What an Event alone reports.
    CLIENT_SECRET_STOPPED = "ClientSecretStopped"  # noqa: S105
    CLIENT_SECRET_WORKS = "ClientSecretWorks"  # noqa: S105
    SECRET_MANAGED_TWICE = "SecretManagedTwice"  # noqa: S105
    REQUEST_REFUSED = "RequestRefused"

    # How the client secret of an AdobeIMSClientSecret stands.
    IN_PLACE = "InPlace"
    UNVERIFIED = "Unverified"
    REPLACED = "Replaced"
    TAKING_OVER = "TakingOver"
    TAKEN_OVER = "TakenOver"
    ADDING = "Adding"
    PROVING = "Proving"
    DRAINING = "Draining"
    OLD_CLIENT_SECRET_DELETED = "OldClientSecretDeleted"  # noqa: S105
    OLD_CLIENT_SECRET_GONE = "OldClientSecretGone"  # noqa: S105
    NEXT_CLIENT_SECRET_GONE = "NextClientSecretGone"  # noqa: S105
    SWITCHED_BACK = "SwitchedBack"

    # What keeps it from being replaced.
    OLD_CLIENT_SECRET_IN_USE = "OldClientSecretInUse"  # noqa: S105
    OLD_CLIENT_SECRET_KEPT = "OldClientSecretKept"  # noqa: S105
    TWO_CLIENT_SECRETS = "TwoClientSecrets"
    ADDED_CLIENT_SECRET_UNKNOWN = "AddedClientSecretUnknown"  # noqa: S105
    ADDED_CLIENT_SECRET_NOT_KEPT = "AddedClientSecretNotKept"  # noqa: S105
    NEXT_CLIENT_SECRET_REFUSED = "NextClientSecretRefused"  # noqa: S105
    CLIENT_SECRET_REFUSED = "ClientSecretRefused"  # noqa: S105
    CLIENT_SECRET_UNLISTED = "ClientSecretUnlisted"  # noqa: S105
    CLIENT_SECRET_LOST = "ClientSecretLost"  # noqa: S105
    CLIENT_SECRET_EDITED = "ClientSecretEdited"  # noqa: S105
    CLIENT_SECRET_MISSING = "ClientSecretMissing"  # noqa: S105
    CLIENT_SECRET_MANAGED_TWICE = "ClientSecretManagedTwice"  # noqa: S105
    SECRET_CONTESTED = "SecretContested"  # noqa: S105
    CREDENTIAL_MISMATCH = "CredentialMismatch"
    LEDGER_DAMAGED = "LedgerDamaged"
    MANAGEMENT_NOT_PERMITTED = "ManagementNotPermitted"
    CONSOLE_ENDPOINT_NOT_ALLOWED = "ConsoleEndpointNotAllowed"
    CONSOLE_UNAVAILABLE = "ConsoleUnavailable"
    CONSOLE_RATE_LIMITED = "ConsoleRateLimited"
    CONSOLE_RESPONSE_INVALID = "ConsoleResponseInvalid"


class Unreported(StrEnum):
    """What the commands say in place of a reason, where a status has none that they believe; docs/cli.md has them."""

    UNOBSERVED = "Unobserved"
    """No operator has reported on the credential."""
    OVERDUE = "Overdue"
    """The attempt that the status names is not reported, long after its time."""
    NOT_YET = "NotYet"
    """Nothing is reported of a workload for this rotation."""


def parse_reason(text: str) -> Reason | None:
    """The reason that a condition has, or None where it is none of this version's."""
    try:
        return Reason(text)
    except ValueError:
        return None
