"""AdobeIMSClientSecret as typed values, parsed once, where an object enters the process.

As of a credential, a spec that does not fit the rules of the CRD is one with `invalid`: nothing is guessed at, and of
such a spec only the names of its Secrets are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AliasPath, BeforeValidator, ConfigDict, Field, Strict, TypeAdapter
from pydantic.alias_generators import to_camel

from adobe_ims_operator.api.client_secret_status import ClientSecretStatus, parse_client_secret_status
from adobe_ims_operator.api.malformed import ADVICE, explain, full_name, legible_name
from adobe_ims_operator.api.resource import (
    API_VERSION,
    JSON,
    Key,
    MalformedResourceError,
    read_metadata,
    rotate_request,
)
from adobe_ims_operator.api.rules import DnsName, Endpoint, SecretKey, Word, text_of
from adobe_ims_operator.api.text import share
from adobe_ims_operator.api.times import from_rfc3339, parse_duration

CLIENT_SECRET_KIND = "AdobeIMSClientSecret"  # noqa: S105 - no secret, here and below
CLIENT_SECRET_PLURAL = "adobeimsclientsecrets"  # noqa: S105

MIN_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(hours=8760)
MAX_INTERVAL = timedelta(hours=43800)
"""Five years."""

_AS_IN_JSON = ConfigDict(alias_generator=to_camel)
_BOTH_WAYS = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)
_Flag = Annotated[bool, Strict()]
_Number = Annotated[int, Strict()]


def _read_duration(given: object) -> timedelta:
    if isinstance(given, timedelta):
        return given
    if not isinstance(given, str):
        raise ValueError("must be a duration, written like 168h")  # noqa: TRY004 - pydantic takes a ValueError
    return parse_duration(given)


_Duration = Annotated[timedelta, BeforeValidator(_read_duration)]
ConsoleNumber = Annotated[
    Word, text_of(20, "[0-9]+", "must be a number of at most 20 digits, as the URL of the Developer Console shows it")
]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Where the OAuth client is that a person got from the Developer Console: read, never written."""

    __pydantic_config__ = _AS_IN_JSON

    secret_name: Annotated[DnsName, Field(validation_alias=AliasPath("secretRef", "name"))]
    id_key: SecretKey = "client_id"
    secret_key: SecretKey = "client_secret"  # noqa: S105 - no secret, here and below


@dataclass(frozen=True, slots=True)
class ManagedSecretRef:
    """The Secret that holds the client from then on."""

    __pydantic_config__ = _AS_IN_JSON

    name: DnsName


@dataclass(frozen=True, slots=True)
class ClientSecretSpec:
    """The spec; `endpoint` is None where the operator's default is meant."""

    __pydantic_config__ = _AS_IN_JSON

    organization_id: ConsoleNumber
    credential_id: ConsoleNumber
    bootstrap: Bootstrap
    secret: ManagedSecretRef
    endpoint: Endpoint | None = None
    interval: _Duration = timedelta(hours=2160)
    overlap: _Duration = timedelta(hours=168)
    old_secret_policy: Literal["Delete", "Keep"] = "Delete"  # noqa: S105
    suspend: _Flag = False
    invalid: str = field(default="", init=False)
    """What is wrong with it, or empty; else nothing of it counts but the names of its Secrets."""

    @property
    def keeps_old(self) -> bool:
        """Whether the old client secret is left for a person to delete."""
        return self.old_secret_policy == "Keep"  # noqa: S105

    @property
    def credential(self) -> "CredentialId":
        """Whose client secrets these are."""
        return CredentialId(self.organization_id, self.credential_id)


@dataclass(frozen=True, slots=True)
class CredentialId:
    """A credential at Adobe, by the two numbers in the URL of the Developer Console."""

    __pydantic_config__ = _BOTH_WAYS

    organization_id: ConsoleNumber
    credential_id: ConsoleNumber

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.credential_id}"


@dataclass(frozen=True, slots=True)
class ClientSecretResource:
    """An AdobeIMSClientSecret as the API server last showed it."""

    key: Key
    uid: str
    generation: int
    version: int
    created: datetime
    deleting: bool
    rotate_request: str
    """The value of the annotation that asks for a replacement now, or a digest of a long one, or empty."""
    spec: ClientSecretSpec
    status: ClientSecretStatus

    @property
    def secret_key(self) -> Key:
        """The managed Secret."""
        return Key(self.key.namespace, self.spec.secret.name)


def parse_client_secret(body: JSON) -> ClientSecretResource:
    """Read an AdobeIMSClientSecret from the API server's JSON.

    A spec that does not fit is one with `invalid`. A status that can't be read counts as none, as it is only a report.

    Raises:
        MalformedResourceError: it can't be said which object it is.
    """
    try:
        metadata = read_metadata(body.get("metadata"))
        key = Key(share(metadata.namespace), metadata.name)
        return ClientSecretResource(
            key=key,
            uid=metadata.uid,
            generation=metadata.generation,
            version=int(metadata.resource_version),
            created=from_rfc3339(metadata.creation_timestamp),
            deleting=metadata.deletion_timestamp is not None,
            rotate_request=rotate_request({"annotations": metadata.annotations}),
            spec=_parse_spec(body.get("spec"), key.name),
            status=parse_client_secret_status(body.get("status")),
        )
    except (TypeError, ValueError, AttributeError) as error:  # a ValidationError is a ValueError
        problem = f"{CLIENT_SECRET_KIND} {full_name(body)} does not fit {API_VERSION} ({explain(error)}); {ADVICE}"
        raise MalformedResourceError(problem) from None


def _parse_spec(given: object, name: str) -> ClientSecretSpec:
    """Read a spec; the default of the managed Secret's name is the object's, which the CRD can't say."""
    spec: JSON = given if isinstance(given, Mapping) else {}
    secret = {} if spec.get("secret") is None else spec["secret"]
    try:
        if isinstance(secret, Mapping):
            secret = {"name": name, **secret}
        parsed = _SPEC.validate_python({**spec, "secret": secret})
        if problem := _contradiction(parsed):
            raise ValueError(problem)  # noqa: TRY301
    except ValueError as error:
        return _invalid_spec(spec, name, f"spec: {explain(error)}; {ADVICE}")
    return parsed


def _contradiction(spec: ClientSecretSpec) -> str:
    if not MIN_OVERLAP <= spec.overlap <= MAX_OVERLAP:
        return "overlap: must be 24h to 8760h"
    if not 2 * spec.overlap <= spec.interval <= MAX_INTERVAL:
        return "interval: must be at least twice the overlap, and at most 43800h"
    if spec.secret.name == spec.bootstrap.secret_name:
        return "secret.name: must not be the Secret in bootstrap.secretRef, which is read and never written"
    return ""


def _invalid_spec(spec: JSON, name: str, problem: str) -> ClientSecretSpec:
    bootstrap = spec.get("bootstrap")
    ref = bootstrap.get("secretRef") if isinstance(bootstrap, Mapping) else None
    secret = ManagedSecretRef(legible_name(spec.get("secret"), name))
    kept = ClientSecretSpec("0", "0", Bootstrap(legible_name(ref, "")), secret)
    object.__setattr__(kept, "invalid", problem)
    return kept


_SPEC = TypeAdapter(ClientSecretSpec)
