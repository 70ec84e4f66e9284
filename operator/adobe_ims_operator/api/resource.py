"""AdobeIMSCredential as typed values, parsed once, where an object enters the process.

The API server has checked the schema before an object gets here, so a malformed one means that the installed
CRD is not this version's; it is reported with the field's path, and never guessed at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, AliasPath, BeforeValidator, ConfigDict, Field, Strict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from adobe_ims_operator.api.times import from_rfc3339, parse_duration
from adobe_ims_operator.api.words import share

GROUP = "adobe-ims.dev"
VERSION = "v1alpha1"
KIND = "AdobeIMSCredential"
PLURAL = "adobeimscredentials"
API_VERSION = f"{GROUP}/{VERSION}"

ROTATE_ANNOTATION = f"{GROUP}/rotate"

JSON = Mapping[str, Any]

# How pydantic reads these classes from JSON; to make one in Python is as cheap as of any other dataclass.
_AS_IN_JSON = ConfigDict(alias_generator=to_camel)
_Flag = Annotated[bool, Strict()]  # else "false" would be a flag too, and "7" a number
_Number = Annotated[int, Strict()]
_Word = Annotated[str, AfterValidator(share)]


def _read_interval(rotation: object) -> timedelta:
    if not isinstance(rotation, Mapping | None):
        raise ValueError("is no object")  # noqa: TRY004 - pydantic takes a ValueError
    return parse_duration((rotation or {}).get("interval", "23h"))


_FROM_ROTATION = BeforeValidator(_read_interval)
_NONE_WHERE_NULL = BeforeValidator(lambda entries: entries or ())


class Key(NamedTuple):
    """The namespace and name of an object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class MalformedResourceError(ValueError):
    """An object that does not have the form of this version's CRD."""


@dataclass(frozen=True, slots=True)
class ClientRef:
    """Where the client id and the client secrets are: keys of a Secret in the same namespace."""

    __pydantic_config__ = _AS_IN_JSON

    secret_name: Annotated[str, Field(validation_alias=AliasPath("secretRef", "name"))]
    id_key: _Word = "client_id"
    secret_keys: tuple[_Word, ...] = ("client_secret",)


@dataclass(frozen=True, slots=True)
class SecretTemplate:
    """What the token Secret looks like."""

    __pydantic_config__ = _AS_IN_JSON

    name: str
    type: _Word = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[_Word, _Word] = field(default_factory=lambda: {"access_token": "$(access_token)"})
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    adopt: _Flag = False


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is rolled after each rotation."""

    kind: Literal["Deployment", "StatefulSet", "DaemonSet"]
    name: str


@dataclass(frozen=True, slots=True)
class Spec:
    """The spec; `endpoint` is None where the operator's default is meant."""

    __pydantic_config__ = _AS_IN_JSON

    client: ClientRef
    secret: SecretTemplate
    scopes: tuple[_Word, ...] = ("openid", "AdobeID", "read_organizations")
    endpoint: str | None = None
    interval: Annotated[timedelta, _FROM_ROTATION, Field(validation_alias="rotation")] = timedelta(hours=23)
    restart: tuple[Workload, ...] = ()
    suspend: _Flag = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `status.conditions`; `status` is "True" or "False"."""

    __pydantic_config__ = _AS_IN_JSON

    type: _Word
    status: _Word
    reason: _Word
    message: _Word
    observed_generation: _Number | None = None
    last_transition_time: _Word | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """One entry of `status.restarts`: what came of restarting a workload for a rotation."""

    __pydantic_config__ = _AS_IN_JSON

    kind: _Word
    name: str
    rotation: str
    reason: _Word
    message: str | None = None
    """What to do, where it was not restarted."""
    observed_generation: _Number | None = None
    """Of the attempt, where it failed."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status as it stands in the API server or as it should; times are RFC 3339 text, as written there."""

    __pydantic_config__ = _AS_IN_JSON

    observed_generation: _Number | None = None
    secret_name: str | None = None
    secret_version: Annotated[str | None, Field(validation_alias="secretResourceVersion")] = None
    last_rotation_time: _Word | None = None
    expiration_time: _Word | None = None
    next_rotation_time: _Word | None = None
    rotations: _Number | None = None
    failures: _Number | None = None
    client_secret_key: _Word | None = None
    last_handled_rotation: str | None = None
    restarts: Annotated[tuple[Restart, ...], _NONE_WHERE_NULL] = ()
    conditions: tuple[Condition, ...] = ()

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def says(self, kind: str, value: str) -> bool:
        """Whether there is a condition of that type, with that status."""
        condition = self.condition(kind)
        return condition is not None and condition.status == value


@dataclass(frozen=True, slots=True)
class Credential:
    """An AdobeIMSCredential as the API server last told of it."""

    key: Key
    uid: str
    generation: int
    version: int
    created: datetime
    deleting: bool
    """Whether it only waits for its dependants to go first (a foreground deletion)."""
    rotate_request: str
    spec: Spec
    status: Status


def parse_version(metadata: JSON) -> int:
    """The resourceVersion as a number, which is how versions of one resource are ordered.

    Kubernetes 1.35 made this comparison part of the API (KEP-5504); etcd-backed servers always had it.
    """
    return int(metadata["resourceVersion"])


def rotate_request(metadata: JSON) -> str:
    """The value of the annotation that asks for a rotation, or empty."""
    return (metadata.get("annotations") or {}).get(ROTATE_ANNOTATION) or ""


def parse_credential(body: JSON) -> Credential:
    """Read an AdobeIMSCredential from the API server's JSON.

    Raises:
        MalformedResourceError: a field is missing or of another type than the CRD says.
    """
    try:
        metadata = _METADATA.validate_python(body.get("metadata"))
        key = Key(share(metadata.namespace), metadata.name)
        # In the CRD's defaults there is no way to say that the Secret has the name of the object.
        secret = {"name": key.name} | (body["spec"].get("secret") or {})
        return Credential(
            key=key,
            uid=metadata.uid,
            generation=metadata.generation,
            version=int(metadata.resource_version),
            created=from_rfc3339(metadata.creation_timestamp),
            deleting=metadata.deletion_timestamp is not None,
            rotate_request=rotate_request({"annotations": metadata.annotations}),
            spec=_SPEC.validate_python({**body["spec"], "secret": secret}),
            status=_STATUS.validate_python(body.get("status") or {}),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _malformed(body, f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(body, f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Metadata:
    __pydantic_config__ = _AS_IN_JSON

    namespace: str
    name: str
    uid: str
    generation: _Number
    resource_version: str
    creation_timestamp: str
    deletion_timestamp: str | None = None
    annotations: dict[str, str] | None = None


_METADATA = TypeAdapter(_Metadata)
_SPEC = TypeAdapter(Spec)
_STATUS = TypeAdapter(Status)


def _malformed(body: JSON, what: str) -> MalformedResourceError:
    metadata = body.get("metadata") or {}
    return MalformedResourceError(
        f"{KIND} {metadata.get('namespace')}/{metadata.get('name')} does not fit {API_VERSION} ({what}); "
        "install the CRD of this version of the operator"
    )
