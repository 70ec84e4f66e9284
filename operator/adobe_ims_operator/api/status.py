"""The status of an AdobeIMSCredential as typed values, as it stands in the API server or as it should."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from adobe_ims_operator.api.rules import Word, list_of, text_of

_AS_IN_JSON = ConfigDict(alias_generator=to_camel)
_Number = Annotated[int, Strict()]
READY, ROTATION_FAILING = "Ready", "RotationFailing"
"""The types of the conditions that each status has."""
UNOBSERVED = -1
"""The observedGeneration that the CRD gives a new object, so tools that wait for it wait for the first report."""
_Generation = Annotated[_Number | None, AfterValidator(lambda number: None if number == UNOBSERVED else number)]
_Word = Annotated[Word, text_of(1024)]
_Message = Annotated[Word, text_of(32768)]
_NONE_WHERE_NULL = BeforeValidator(lambda entries: entries or ())


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `status.conditions`; `status` is "True" or "False"."""

    __pydantic_config__ = _AS_IN_JSON

    type: _Word
    status: _Word
    reason: _Word
    message: _Message
    observed_generation: _Number | None = None
    last_transition_time: _Word | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """One entry of `status.restarts`: what came of restarting a workload for a rotation."""

    __pydantic_config__ = _AS_IN_JSON

    kind: _Word
    name: _Word
    rotation: _Word
    reason: _Word
    message: _Word | None = None
    """What to do, where it was not restarted."""
    observed_generation: _Number | None = None
    """Of the attempt, where it failed."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status as it stands in the API server or as it should; times are RFC 3339 text, as written there."""

    __pydantic_config__ = _AS_IN_JSON

    observed_generation: _Generation = None
    """None where nothing was reported yet."""
    reason: _Word | None = None
    """That of the condition which says most."""
    secret_name: _Word | None = None
    secret_version: Annotated[_Word | None, Field(validation_alias="secretResourceVersion")] = None
    last_rotation_time: _Word | None = None
    expiration_time: _Word | None = None
    next_rotation_time: _Word | None = None
    rotations: _Number | None = None
    failures: _Number | None = None
    client_secret_key: _Word | None = None
    last_handled_rotate_request: _Word | None = None
    last_handled_rotation: _Word | None = None
    restarts: Annotated[tuple[Restart, ...], list_of(0, 32), _NONE_WHERE_NULL] = ()
    source: _Word | None = None
    """The namespace and name of the credential that the token is taken from."""
    conditions: Annotated[tuple[Condition, ...], list_of(0, 16)] = ()

    @property
    def done(self) -> int | None:
        """What was done so far; a change of it is reported at once."""
        return self.rotations

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def says(self, kind: str, value: str) -> bool:
        """Whether there is a condition of that type, with that status."""
        condition = self.condition(kind)
        return condition is not None and condition.status == value


def parse_status(given: object) -> Status:
    """Read a status; one that can't be read counts as none, as anybody who may write it can write anything."""
    try:
        return _STATUS.validate_python(given or {})
    except ValidationError:
        return Status()


def to_json(status: Status) -> dict[str, Any]:
    """The status as a merge patch of the object: a field that is gone is null."""
    return {
        "status": {
            "observedGeneration": status.observed_generation,
            "reason": status.reason,
            "secretName": status.secret_name,
            "secretResourceVersion": status.secret_version,
            "lastRotationTime": status.last_rotation_time,
            "expirationTime": status.expiration_time,
            "nextRotationTime": status.next_rotation_time,
            "rotations": status.rotations,
            "failures": status.failures,
            "clientSecretKey": status.client_secret_key,
            "lastHandledRotateRequest": status.last_handled_rotate_request,
            "lastHandledRotation": status.last_handled_rotation,
            "source": status.source,
            "restarts": [_restart_to_json(restart) for restart in status.restarts] or None,
            "conditions": [condition_to_json(condition) for condition in status.conditions],
        }
    }


def condition_to_json(condition: Condition) -> dict[str, Any]:
    """One condition, as objects of every kind have them."""
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.last_transition_time,
    } | ({} if condition.observed_generation is None else {"observedGeneration": condition.observed_generation})


def _restart_to_json(restart: Restart) -> dict[str, Any]:
    fields = {
        "kind": restart.kind,
        "name": restart.name,
        "rotation": restart.rotation,
        "reason": restart.reason,
        "message": restart.message,
        "observedGeneration": restart.observed_generation,
    }
    return {name: value for name, value in fields.items() if value is not None}


_STATUS = TypeAdapter(Status)
