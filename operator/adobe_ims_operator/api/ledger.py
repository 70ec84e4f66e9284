"""The facts of a token, kept as annotations of its Secret: the ledger that every decision is made from.

The facts are written by the same request as the token, so there is never a token without them. Metadata is read
by more eyes than data: no fact is the token or a client secret. A digest shows neither, but it lets a guess be checked,
so it protects a value only as far as nobody can guess it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.api.resource import GROUP, Key, Spec
from adobe_ims_operator.api.times import from_rfc3339, to_rfc3339
from adobe_ims_operator.api.words import share

FORMAT = "1"
MOST_ROTATIONS = 2**31 - 1

_FORMAT = f"{GROUP}/format"
_CREDENTIAL = f"{GROUP}/credential"
_CREDENTIAL_UID = f"{GROUP}/credential-uid"
_SECRET = f"{GROUP}/secret"
_ISSUED_AT = f"{GROUP}/issued-at"
_EXPIRES_AT = f"{GROUP}/expires-at"
_SPEC_DIGEST = f"{GROUP}/spec-digest"
_DATA_DIGEST = f"{GROUP}/data-digest"
_CLIENT_DIGEST = f"{GROUP}/client-digest"
_CLIENT_VERSION = f"{GROUP}/client-version"
_CLIENT_SECRET_KEY = f"{GROUP}/client-secret-key"
_ROTATE = f"{GROUP}/rotate"
_ROTATIONS = f"{GROUP}/rotations"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was true of the token in a Secret when it was written."""

    credential: str
    """Namespace and name of the AdobeIMSCredential it was made for."""
    credential_uid: str
    secret: str
    """Namespace and name of the Secret it was written into: a copy elsewhere is not ours."""
    issued_at: datetime
    """The moment before IMS was asked, so that `expires_at` is never too late."""
    expires_at: datetime
    spec_digest: str
    data_digest: str
    client_digest: str
    client_version: str
    """resourceVersion of the client Secret: while it stands, the client Secret need not be read to be compared."""
    client_secret_key: str
    rotate_request: str
    """The value of the rotate annotation that this rotation answered, or empty."""
    rotations: int

    def to_annotations(self) -> dict[str, str]:
        """Write the facts as annotations."""
        return {
            _FORMAT: FORMAT,
            _CREDENTIAL: self.credential,
            _CREDENTIAL_UID: self.credential_uid,
            _SECRET: self.secret,
            _ISSUED_AT: to_rfc3339(self.issued_at),
            _EXPIRES_AT: to_rfc3339(self.expires_at),
            _SPEC_DIGEST: self.spec_digest,
            _DATA_DIGEST: self.data_digest,
            _CLIENT_DIGEST: self.client_digest,
            _CLIENT_VERSION: self.client_version,
            _CLIENT_SECRET_KEY: self.client_secret_key,
            _ROTATE: self.rotate_request,
            _ROTATIONS: str(self.rotations),
        }


def read_facts(annotations: Mapping[str, str]) -> Facts | None:
    """Read the facts back, or None where there are none or somebody damaged them."""
    try:
        if annotations[_FORMAT] != FORMAT:
            return None
        rotations = int(annotations[_ROTATIONS])
        if not 0 <= rotations <= MOST_ROTATIONS:
            return None
        return Facts(
            credential=share(annotations[_CREDENTIAL]),
            credential_uid=share(annotations[_CREDENTIAL_UID]),
            secret=share(annotations[_SECRET]),
            issued_at=from_rfc3339(annotations[_ISSUED_AT]),
            expires_at=from_rfc3339(annotations[_EXPIRES_AT]),
            spec_digest=share(annotations[_SPEC_DIGEST]),
            data_digest=annotations[_DATA_DIGEST],
            client_digest=annotations[_CLIENT_DIGEST],
            client_version=annotations[_CLIENT_VERSION],
            client_secret_key=share(annotations[_CLIENT_SECRET_KEY]),
            rotate_request=annotations[_ROTATE],
            rotations=rotations,
        )
    except (KeyError, ValueError):
        return None


def owner_uid(annotations: Mapping[str, str]) -> str | None:
    """The uid of the credential that a Secret says it was made for, legible even where other facts are damaged."""
    return annotations.get(_CREDENTIAL_UID)


def is_copy(annotations: Mapping[str, str], key: Key) -> bool:
    """Whether the annotations were written for a Secret of another namespace or name, and copied by somebody else."""
    written_for = annotations.get(_SECRET)
    return written_for is not None and written_for != str(key)


def digest_spec(spec: Spec) -> str:
    """Digest all of a spec that the token or its Secret is made from.

    The operator's default endpoint is no part of it: two operators that have different ones must not rotate in turn.
    The rotation interval, `suspend` and `adopt` are left out: changing them makes no other Secret.
    """
    return _digest(
        spec.client.secret_name,
        spec.client.id_key,
        spec.client.secret_keys,
        spec.scopes,
        spec.endpoint,
        spec.secret.name,
        spec.secret.type,
        spec.secret.labels,
        spec.secret.annotations,
        spec.secret.data,
        spec.secret.deletion_policy,
    )


def digest_client(uid: str, client_id: str, secrets: Mapping[str, str]) -> str:
    """Digest a client id and its secrets by key, salted by the uid of the credential that uses them.

    The salt makes the digests of two credentials with the same client secret differ. It is no secret, so it does not
    keep a short client secret from being guessed.
    """
    return _digest(uid, client_id, list(secrets.items()))


def digest_data(uid: str, data: Mapping[str, str]) -> str:
    """Digest the data of a token Secret (base64, as Kubernetes writes it), so that an edit can be told."""
    return _digest(uid, data)


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
