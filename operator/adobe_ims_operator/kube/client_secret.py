"""Reading the OAuth client id and client secrets from the Secret that a person keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from adobe_ims_operator.api.digests import digest_client, digest_client_value
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, Key
from adobe_ims_operator.api.sizes import MAX_CLIENT_ID_SIZE, MAX_CLIENT_SECRET_SIZE
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.seen_secrets import SeenClientSecret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.client_secret_value import Unusable, read_value, suspicion
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import secret_path
from adobe_ims_operator.kube.secret_metadata import UNKNOWN_TIMES, SecretTimes, observe_secret, read_times

INCOMPLETE = "incomplete"
"""In place of the digest of a client Secret that does not hold what the spec names."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client id and its secrets by the key they stand under, in the order they are tried."""

    version: int
    """resourceVersion of the Secret that it was read from."""
    client_id: str
    secrets: dict[str, str] = field(repr=False)
    doubts: Mapping[str, str] = field(default_factory=dict)
    """What looks wrong with the value under a key, in words that follow "the value"."""

    def digest(self, uid: str) -> str:
        """Digest for the credential of that uid."""
        return digest_client(uid, self.client_id, self.secrets)

    def digest_value(self, uid: str, key: str) -> str:
        """Digest of the client secret under a key, for the credential of that uid."""
        return digest_client_value(uid, self.client_id, self.secrets[key])


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The Secret as it was read; `client` is None where it does not hold what the spec names, see `missing`."""

    metadata: ObservedSecret
    client: Client | None
    missing: Finding | None
    times: SecretTimes = UNKNOWN_TIMES

    def seen(self, uid: str) -> SeenClientSecret:
        """What is remembered of it for the credential of that uid."""
        if self.client is None:
            return SeenClientSecret(self.metadata.version, INCOMPLETE, None)
        client, version = self.client, self.metadata.version
        values = tuple((key, client.digest_value(uid, key)) for key in client.secrets)
        return SeenClientSecret(version, client.digest(uid), client.client_id, values)


class Fields(NamedTuple):
    """Which fields of a spec name the keys, for messages."""

    id_key: str
    secret_keys: str


OF_CREDENTIAL = Fields("spec.client.idKey", "spec.client.secretKeys")


async def read(kube: Kube, namespace: str, ref: ClientRef) -> ClientSecret | None:
    """Read the client Secret; None if there is none.

    Raises:
        ApiError: it could not be read.
    """
    body = await get(kube, Key(namespace, ref.secret_name))
    return None if body is None else from_body(body, ref)


async def get(kube: Kube, key: Key) -> JSON | None:
    """Get a client Secret as the API server has it; None if there is none.

    Raises:
        ApiError: it could not be read.
    """
    try:
        return await kube.get(secret_path(key))
    except ApiError as error:
        if isinstance(error, NotFoundError):
            return None
        raise


def from_body(body: JSON, ref: ClientRef, fields: Fields = OF_CREDENTIAL) -> ClientSecret:
    """Take what a spec names from a client Secret."""
    metadata = observe_secret(body["metadata"])
    client = _pick(body.get("data") or {}, ref, fields, metadata.version)
    found, missing = (client, None) if isinstance(client, Client) else (None, client)
    return ClientSecret(metadata, found, missing, read_times(body["metadata"]))


def _pick(data: JSON, ref: ClientRef, fields: Fields, version: int) -> Client | Finding:
    client_id = read_value(data.get(ref.id_key), MAX_CLIENT_ID_SIZE)
    if client_id is None:
        return _missing(ref, ref.id_key, fields.id_key)
    if isinstance(client_id, Unusable):
        return _unusable(ref, ref.id_key, fields.id_key, "client id", client_id)
    found = {key: read_value(data.get(key), MAX_CLIENT_SECRET_SIZE) for key in ref.secret_keys}
    secrets = {key: text for key, text in found.items() if isinstance(text, str)}
    unusable = {key: value for key, value in found.items() if isinstance(value, Unusable)}
    if secrets:
        doubts = {key: suspicion(text) for key, text in {ref.id_key: client_id, **secrets}.items()}
        doubts |= {key: f"has {value.what} and is passed over" for key, value in unusable.items()}
        return Client(version, client_id, secrets, {key: doubt for key, doubt in doubts.items() if doubt is not None})
    for key, value in unusable.items():
        return _unusable(ref, key, fields.secret_keys, "client secret", value)
    return _missing(ref, " or ".join(ref.secret_keys), fields.secret_keys)


def _missing(ref: ClientRef, keys: str, field: str) -> Finding:
    return Finding(
        Reason.CLIENT_SECRET_KEY_MISSING,
        f"Secret {ref.secret_name} has no text under the key {keys}; add it, or name the key that holds it in {field}",
    )


def _unusable(ref: ClientRef, key: str, field: str, what: str, value: Unusable) -> Finding:
    return Finding(
        Reason.CLIENT_SECRET_INVALID,
        f"Secret {ref.secret_name} has {value.what} under the key {key}; put nothing but the {what} there, or name the "
        f"key that holds it in {field}",
    )
