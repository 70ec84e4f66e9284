"""AdobeIMSCredential as typed values, parsed once, where an object enters the process.

The API server checks the schema when an object is written, so one that does not fit was stored under another CRD. The
same rules hold for it here: `Spec.invalid` says what is wrong with which field, nothing is guessed at, and of such a
spec only the names of its Secrets are kept, so that no other credential takes them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, Strict, TypeAdapter
from pydantic.alias_generators import to_camel

from adobe_ims_operator.api.malformed import ADVICE, explain, full_name, legible_name
from adobe_ims_operator.api.placeholders import TemplateError
from adobe_ims_operator.api.rules import (
    DataKey,
    DnsName,
    Endpoint,
    LabelValue,
    MetadataKey,
    Scope,
    SecretType,
    Word,
    list_of,
    map_of,
    text_of,
)
from adobe_ims_operator.api.sizes import secret_size, taken_secret_size
from adobe_ims_operator.api.source import NOBODY, ClientRef, SharedWith, TokenFrom, parse_source
from adobe_ims_operator.api.status import Status, parse_status
from adobe_ims_operator.api.text import share
from adobe_ims_operator.api.times import from_rfc3339, parse_duration

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
LONGEST_ROTATE_REQUEST = 128
"""Characters of the rotate annotation; a digest stands for a longer one, as it is copied into the Secret."""


def _read_interval(rotation: object) -> timedelta:
    if not isinstance(rotation, Mapping | None):
        raise ValueError("is no object")  # noqa: TRY004 - pydantic takes a ValueError
    given = (rotation or {}).get("interval", "23h")
    interval = parse_duration(given) if isinstance(given, str) else timedelta()
    if not timedelta(minutes=1) <= interval <= timedelta(hours=23, minutes=59):
        raise ValueError("must be a duration from 1m to 23h59m, written like 23h, 90m or 1h30m")
    return interval


_FROM_ROTATION = BeforeValidator(_read_interval)


class Key(NamedTuple):
    """The namespace and name of an object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class MalformedResourceError(ValueError):
    """An object that does not have the form of this version's CRD."""


@dataclass(frozen=True, slots=True)
class SecretTemplate:
    """What the token Secret looks like."""

    __pydantic_config__ = _AS_IN_JSON

    name: DnsName
    type: SecretType = "Opaque"
    labels: Annotated[Mapping[MetadataKey, LabelValue], map_of(0, 32)] = field(default_factory=dict)
    annotations: Annotated[Mapping[MetadataKey, Annotated[str, text_of(4096)]], map_of(0, 32)] = field(
        default_factory=dict
    )
    data: Annotated[Mapping[DataKey, Annotated[Word, text_of(16384)]], map_of(1, 32)] = field(
        default_factory=lambda: {"access_token": "$(access_token)"}
    )
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    adopt: _Flag = False
    drop_other_keys: _Flag = False


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is rolled after each rotation."""

    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "Rollout"]
    name: DnsName


@dataclass(frozen=True, slots=True)
class Spec:
    """The spec; `endpoint` is None where the operator's default is meant."""

    __pydantic_config__ = _AS_IN_JSON

    source: ClientRef | TokenFrom
    """Where the token comes from: IMS, which is asked with a client, or another credential."""
    secret: SecretTemplate
    scopes: Annotated[tuple[Scope, ...], list_of(1, 64)] = ("openid", "AdobeID", "read_organizations")
    endpoint: Endpoint | None = None
    interval: Annotated[timedelta, _FROM_ROTATION, Field(validation_alias="rotation")] = timedelta(hours=23)
    restart: Annotated[tuple[Workload, ...], list_of(0, 32)] = ()
    suspend: _Flag = False
    shared_with: SharedWith = NOBODY
    invalid: str = field(default="", init=False)
    """What is wrong with it, or empty; else nothing of it counts but the names of its Secrets."""
    template_problem: str = field(default="", init=False, compare=False)
    """What is wrong with the placeholders of `secret.data`, or empty."""
    secret_size: int = field(default=0, init=False, compare=False)
    """The bytes of all values of the token Secret at most; known at once, as it is asked for at each decision."""

    def __post_init__(self) -> None:
        """Measure the template, once."""
        try:
            if isinstance(self.source, TokenFrom):
                size = taken_secret_size(self.secret.data)
            else:
                size = secret_size(self.secret.data, self.scopes, self.source.organization_id)
            object.__setattr__(self, "secret_size", size)
        except TemplateError as error:
            object.__setattr__(self, "template_problem", str(error))

    @property
    def client(self) -> ClientRef | None:
        """The client that IMS is asked with; None where the token is taken from another credential."""
        return self.source if isinstance(self.source, ClientRef) else None

    @property
    def taken_from(self) -> Key | None:
        """The credential whose token is taken; None where IMS is asked for one."""
        return Key(self.source.namespace, self.source.name) if isinstance(self.source, TokenFrom) else None


@dataclass(frozen=True, slots=True)
class Credential:
    """An AdobeIMSCredential as the API server last showed it."""

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


def workload_api(kind: str) -> str:
    """The group and version of a kind of workload."""
    return "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"


def parse_version(metadata: JSON) -> int:
    """The resourceVersion as a number, which is how versions of one resource are ordered.

    Kubernetes 1.35 made this comparison part of the API (KEP-5504); etcd-backed servers always had it.
    """
    return int(metadata["resourceVersion"])


def rotate_request(metadata: JSON) -> str:
    """The value of the annotation that asks for a rotation, or a digest of a long one, or empty."""
    return shorten((metadata.get("annotations") or {}).get(ROTATE_ANNOTATION) or "")


def shorten(request: str) -> str:
    """The value of a rotate annotation as it is kept and compared; a short one is kept as it is."""
    if len(request) <= LONGEST_ROTATE_REQUEST:
        return request
    return f"sha256:{hashlib.sha256(request.encode()).hexdigest()[:32]}"


def parse_credential(body: JSON) -> Credential:
    """Read an AdobeIMSCredential from the API server's JSON.

    A spec that does not fit is one with `invalid`. A status that can't be read counts as none, as it is only a report.

    Raises:
        MalformedResourceError: it can't be said which object it is.
    """
    try:
        metadata = read_metadata(body.get("metadata"))
        key = Key(share(metadata.namespace), metadata.name)
        return Credential(
            key=key,
            uid=metadata.uid,
            generation=metadata.generation,
            version=int(metadata.resource_version),
            created=from_rfc3339(metadata.creation_timestamp),
            deleting=metadata.deletion_timestamp is not None,
            rotate_request=rotate_request({"annotations": metadata.annotations}),
            spec=_parse_spec(body.get("spec"), key.name),
            status=parse_status(body.get("status")),
        )
    except (TypeError, ValueError, AttributeError) as error:  # a ValidationError is a ValueError
        problem = f"{KIND} {full_name(body)} does not fit {API_VERSION} ({explain(error)}); {ADVICE}"
        raise MalformedResourceError(problem) from None


def _parse_spec(given: object, name: str) -> Spec:
    """Read a spec; the default of the token Secret's name is the object's, which the CRD can't say."""
    spec: JSON = given if isinstance(given, Mapping) else {}
    secret = spec.get("secret") or {}
    try:
        if isinstance(secret, Mapping):
            secret = {"name": name, **secret}
        source = parse_source(spec)
        parsed = _SPEC.validate_python({**spec, "secret": secret, "source": source})
        if parsed.client is not None and parsed.secret.name == parsed.client.secret_name:
            raise ValueError("the token would overwrite the client Secret; change secret.name")  # noqa: TRY301
    except ValueError as error:
        return _invalid_spec(spec, name, f"spec: {explain(error)}; {ADVICE}")
    return parsed


def _invalid_spec(spec: JSON, name: str, problem: str) -> Spec:
    client = spec.get("client")
    ref, secret = client.get("secretRef") if isinstance(client, Mapping) else None, spec.get("secret")
    return refused_spec(Spec(ClientRef(legible_name(ref, "")), SecretTemplate(legible_name(secret, name))), problem)


def refused_spec(spec: Spec, problem: str) -> Spec:
    """A spec of which nothing counts but the names of its Secrets; `problem` says why, and what to do."""
    source = ClientRef(spec.source.secret_name) if isinstance(spec.source, ClientRef) else spec.source
    kept = Spec(source, SecretTemplate(spec.secret.name))
    object.__setattr__(kept, "invalid", problem)
    return kept


@dataclass(frozen=True, slots=True)
class ObjectMetadata:
    """What is read of the metadata of an object."""

    __pydantic_config__ = _AS_IN_JSON

    namespace: str
    name: str
    uid: str
    generation: _Number
    resource_version: str
    creation_timestamp: str
    deletion_timestamp: str | None = None
    annotations: dict[str, str] | None = None


def read_metadata(given: object) -> ObjectMetadata:
    """Read the `metadata` of an object.

    Raises:
        ValueError: it can't be said which object it is.
    """
    return _METADATA.validate_python(given)


_METADATA = TypeAdapter(ObjectMetadata)
_SPEC = TypeAdapter(Spec)
