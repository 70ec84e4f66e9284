"""Reading the OAuth client id and client secrets from the Secret that a person keeps."""

import base64
import binascii
from dataclasses import dataclass, field
from enum import Enum

from adobe_ims_operator.api.ledger import digest_client
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, ClientRef, Key
from adobe_ims_operator.api.sizes import MAX_CLIENT_ID_SIZE, MAX_CLIENT_SECRET_SIZE
from adobe_ims_operator.core.model import Finding, ObservedSecret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import secret_path
from adobe_ims_operator.kube.secret_metadata import observe_secret


class TooLong(Enum):
    """Stands for a value that is longer than any client id or client secret."""

    TOO_LONG = "too long"


TOO_LONG = TooLong.TOO_LONG


@dataclass(frozen=True, slots=True)
class Client:
    """A client id and its secrets by the key they stand under, in the order they are tried."""

    version: int
    """resourceVersion of the Secret that it was read from."""
    client_id: str
    secrets: dict[str, str] = field(repr=False)

    def digest(self, uid: str) -> str:
        """Digest for the credential of that uid."""
        return digest_client(uid, self.client_id, self.secrets)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The Secret as it was read; `client` is None where it does not hold what the spec names, see `missing`."""

    metadata: ObservedSecret
    client: Client | None
    missing: Finding | None


async def read(kube: Kube, namespace: str, ref: ClientRef) -> ClientSecret | None:
    """Read the client Secret; None if there is none.

    Raises:
        ApiError: it could not be read.
    """
    try:
        body = await kube.get(secret_path(Key(namespace, ref.secret_name)))
    except ApiError as error:
        if isinstance(error, NotFoundError):
            return None
        raise
    metadata = observe_secret(body["metadata"])
    client = _pick(body.get("data") or {}, ref, metadata.version)
    found = (client, None) if isinstance(client, Client) else (None, client)
    return ClientSecret(metadata, *found)


def _pick(data: JSON, ref: ClientRef, version: int) -> Client | Finding:
    client_id = _text(data.get(ref.id_key), MAX_CLIENT_ID_SIZE)
    if client_id is None:
        return _missing(ref, ref.id_key)
    if client_id is TOO_LONG:
        return _too_long(ref, ref.id_key, "client id", MAX_CLIENT_ID_SIZE)
    found = {key: _text(data.get(key), MAX_CLIENT_SECRET_SIZE) for key in ref.secret_keys}
    secrets = {key: text for key, text in found.items() if isinstance(text, str)}
    if secrets:
        return Client(version, client_id, secrets)
    for key, text in found.items():
        if text is TOO_LONG:
            return _too_long(ref, key, "client secret", MAX_CLIENT_SECRET_SIZE)
    return _missing(ref, " or ".join(ref.secret_keys))


def _text(encoded: str | None, longest: int) -> str | TooLong | None:
    """Decode a value; a newline at its end, which editors and `echo` add, is not part of it."""
    # Base64 has four characters for three bytes: twice the length leaves room for white space around the value.
    if encoded and len(encoded) > 2 * longest:
        return TOO_LONG
    try:
        text = base64.b64decode(encoded or "").decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return TOO_LONG if len(text.encode()) > longest else text or None


def _missing(ref: ClientRef, keys: str) -> Finding:
    return Finding(
        Reason.CLIENT_SECRET_KEY_MISSING,
        f"Secret {ref.secret_name} has no text under the key {keys}; add it, or name the key that holds it in "
        f"{_field(ref, keys)}",
    )


def _too_long(ref: ClientRef, key: str, what: str, longest: int) -> Finding:
    return Finding(
        Reason.CLIENT_SECRET_INVALID,
        f"Secret {ref.secret_name} has more than {longest} bytes under the key {key}; put nothing but the {what} "
        f"there, or name the key that holds it in {_field(ref, key)}",
    )


def _field(ref: ClientRef, keys: str) -> str:
    return f"spec.client.{'idKey' if keys == ref.id_key else 'secretKeys'}"
