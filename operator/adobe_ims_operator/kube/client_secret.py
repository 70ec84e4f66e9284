"""Reading the OAuth client id and client secrets from the Secret that a person keeps."""

import base64
import binascii
from dataclasses import dataclass, field

from adobe_ims_operator.api.ledger import digest_client
from adobe_ims_operator.api.resource import JSON, ClientRef, Key
from adobe_ims_operator.core.model import Finding, ObservedSecret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import secret_path
from adobe_ims_operator.kube.secret_metadata import observe_secret


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
    client_id = _text(data.get(ref.id_key))
    if client_id is None:
        return _missing(ref, ref.id_key)
    secrets = {key: secret for key in ref.secret_keys if (secret := _text(data.get(key))) is not None}
    if not secrets:
        return _missing(ref, " or ".join(ref.secret_keys))
    return Client(version, client_id, secrets)


def _text(encoded: str | None) -> str | None:
    """Decode a value; a newline at its end, which editors and `echo` add, is not part of it."""
    try:
        return base64.b64decode(encoded or "").decode().strip() or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _missing(ref: ClientRef, keys: str) -> Finding:
    return Finding(
        "ClientSecretKeyMissing",
        f"Secret {ref.secret_name} has no text under the key {keys}; add it, or name the key that holds it in "
        f"spec.client.{'idKey' if keys == ref.id_key else 'secretKeys'}",
    )
