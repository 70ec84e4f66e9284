"""AdobeIMSCredential as typed values, parsed once, where an object enters the process.

The API server has checked the schema before an object gets here, so a malformed one means that the installed
CRD is not this version's; it is reported with the field's path, and never guessed at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from adobe_ims_operator.times import from_rfc3339, parse_duration

GROUP = "adobe-ims.dev"
VERSION = "v1alpha1"
KIND = "AdobeIMSCredential"
PLURAL = "adobeimscredentials"
API_VERSION = f"{GROUP}/{VERSION}"

ROTATE_ANNOTATION = f"{GROUP}/rotate"

JSON = Mapping[str, Any]


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

    secret_name: str
    id_key: str = "client_id"
    secret_keys: tuple[str, ...] = ("client_secret",)


@dataclass(frozen=True, slots=True)
class SecretTemplate:
    """What the token Secret looks like."""

    name: str
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=lambda: {"access_token": "$(access_token)"})
    retain: bool = False
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """The spec; `endpoint` is None where the operator's default is meant."""

    client: ClientRef
    secret: SecretTemplate
    scopes: tuple[str, ...] = ("openid", "AdobeID", "read_organizations")
    endpoint: str | None = None
    interval: timedelta = timedelta(hours=23)
    suspend: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `status.conditions`; `status` is "True" or "False"."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int | None
    last_transition_time: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The status as it stands in the API server or as it should; times are RFC 3339 text, as written there."""

    observed_generation: int | None = None
    secret_name: str | None = None
    secret_version: str | None = None
    last_rotation_time: str | None = None
    expiration_time: str | None = None
    next_rotation_time: str | None = None
    rotations: int | None = None
    failures: int | None = None
    client_secret_key: str | None = None
    conditions: tuple[Condition, ...] = ()

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


@dataclass(frozen=True, slots=True)
class Credential:
    """An AdobeIMSCredential as the API server last told of it."""

    key: Key
    uid: str
    generation: int
    version: int
    created: datetime
    rotate_request: str
    spec: Spec
    status: Status


def parse_version(metadata: JSON) -> int:
    """The resourceVersion as a number, which is how versions of one resource are ordered.

    Kubernetes 1.35 made this comparison part of the API (KEP-5504); etcd-backed servers always had it.
    """
    return int(metadata["resourceVersion"])


def parse_credential(body: JSON) -> Credential:
    """Read an AdobeIMSCredential from the API server's JSON.

    Raises:
        MalformedResourceError: a field is missing or of another type than the CRD says.
    """
    metadata = body.get("metadata", {})
    try:
        key = Key(metadata["namespace"], metadata["name"])
        return Credential(
            key=key,
            uid=metadata["uid"],
            generation=metadata["generation"],
            version=parse_version(metadata),
            created=from_rfc3339(metadata["creationTimestamp"]),
            rotate_request=(metadata.get("annotations") or {}).get(ROTATE_ANNOTATION, ""),
            spec=_parse_spec(body["spec"], key.name),
            status=_parse_status(body.get("status") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        where = f"{metadata.get('namespace')}/{metadata.get('name')}"
        raise MalformedResourceError(
            f"{KIND} {where} does not fit {API_VERSION} ({type(error).__name__}: {error}); "
            "install the CRD of this version of the operator"
        ) from error


def _parse_spec(spec: JSON, name: str) -> Spec:
    client = spec["client"]
    secret = spec.get("secret") or {}
    defaults = SecretTemplate(name=name)
    return Spec(
        client=ClientRef(
            secret_name=client["secretRef"]["name"],
            id_key=client.get("idKey", "client_id"),
            secret_keys=tuple(client.get("secretKeys", ("client_secret",))),
        ),
        secret=SecretTemplate(
            name=secret.get("name", name),
            type=secret.get("type", defaults.type),
            labels=secret.get("labels", defaults.labels),
            annotations=secret.get("annotations", defaults.annotations),
            data=secret.get("data", defaults.data),
            retain=secret.get("deletionPolicy", "Delete") == "Retain",
            adopt=secret.get("adopt", False),
        ),
        scopes=tuple(spec.get("scopes", ("openid", "AdobeID", "read_organizations"))),
        endpoint=spec.get("endpoint"),
        interval=parse_duration((spec.get("rotation") or {}).get("interval", "23h")),
        suspend=spec.get("suspend", False),
    )


def _parse_status(status: JSON) -> Status:
    return Status(
        observed_generation=status.get("observedGeneration"),
        secret_name=status.get("secretName"),
        secret_version=status.get("secretResourceVersion"),
        last_rotation_time=status.get("lastRotationTime"),
        expiration_time=status.get("expirationTime"),
        next_rotation_time=status.get("nextRotationTime"),
        rotations=status.get("rotations"),
        failures=status.get("failures"),
        client_secret_key=status.get("clientSecretKey"),
        conditions=tuple(
            Condition(
                type=condition["type"],
                status=condition["status"],
                reason=condition["reason"],
                message=condition["message"],
                observed_generation=condition.get("observedGeneration"),
                last_transition_time=condition.get("lastTransitionTime"),
            )
            for condition in status.get("conditions", ())
        ),
    )
