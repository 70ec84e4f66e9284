"""The facts of a token, kept as annotations of its Secret: the ledger that every decision is made from.

The facts are written by the same request as the token, so there is never a token without them. Metadata is read
by more eyes than data: no fact is the token or a client secret. A digest shows neither, but it lets a guess be checked,
so it protects a value only as far as nobody can guess it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.api.digests import SpecDigests, digest
from adobe_ims_operator.api.resource import GROUP, shorten
from adobe_ims_operator.api.text import share
from adobe_ims_operator.api.times import from_rfc3339, to_rfc3339

FORMAT = "1"
MOST_ROTATIONS = 2**31 - 1
LONGEST_FACT = 317
"""Characters of a fact at most: namespace and name of an object. What is longer was not written by this operator."""

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
_ROTATION_ID = f"{GROUP}/rotation-id"
_CLIENT_ID = f"{GROUP}/client-id"
_ORGANIZATION_ID = f"{GROUP}/organization-id"
_TOKEN_SPEC_DIGEST = f"{GROUP}/token-spec-digest"
_TOKEN_TYPE = f"{GROUP}/token-type"
_CLIENT_VALUE = f"{GROUP}/client-value-digest"
_SOURCE_ROTATION = f"{GROUP}/source-rotation-id"
_ROTATION_ID_FORM = re.compile(r"([0-9]{1,12})-[0-9a-f]{1,32}")

MAX_CLIENT_ID = 256
"""Characters; a longer one is no fact, as annotations have little room."""
_NAMES = frozenset(
    {
        _FORMAT,
        _CREDENTIAL,
        _CREDENTIAL_UID,
        _SECRET,
        _ISSUED_AT,
        _EXPIRES_AT,
        _SPEC_DIGEST,
        _DATA_DIGEST,
        _CLIENT_DIGEST,
        _CLIENT_VERSION,
        _CLIENT_SECRET_KEY,
        _ROTATE,
        _ROTATIONS,
    }
)


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
    """Of all of the spec that its Secret is made from."""
    data_digest: str
    client_digest: str
    client_version: str
    """resourceVersion of the client Secret: while it stands, the client Secret need not be read to be compared."""
    client_secret_key: str
    rotate_request: str
    """The value of the rotate annotation that this rotation answered, or empty."""
    rotations: int
    rotation_id: str | None = None
    """Of this rotation and no other; None in a Secret of an older version."""
    client_id: str | None = None
    """The OAuth client that asked, which is public; None in a Secret of an older version."""
    organization_id: str | None = None
    """The organization that it asked for, if it named one."""
    token_spec_digest: str | None = None
    """Of what the token and the data are made from; None in a Secret of an older version."""
    token_type: str | None = None
    """As IMS wrote it; None in a Secret of an older version."""
    source_rotation: str | None = None
    """The rotation that the token was taken from, of another credential; None where IMS gave it."""
    client_value: str | None = None
    """Digest of the client secret that IMS took, with the client id; None in a Secret of an older version."""

    @property
    def rotation(self) -> str:
        """The id of this rotation; of a Secret of an older version, what its data says."""
        return self.rotation_id or new_rotation_id(self.issued_at, digest(self.data_digest)[:16])

    def is_made_from(self, digests: SpecDigests) -> bool:
        """Whether token and data are made from a spec, whatever became of the metadata."""
        if self.spec_digest == digests.whole:
            return True
        # An older version wrote no digest of the token alone, and its digest of a spec without any metadata is that.
        return digests.token == (self.token_spec_digest or self.spec_digest)

    def to_annotations(self) -> dict[str, str]:
        """Write the facts as annotations."""
        optional = {_ROTATION_ID: self.rotation_id, _ORGANIZATION_ID: self.organization_id}
        optional |= {_SOURCE_ROTATION: self.source_rotation, _TOKEN_TYPE: self.token_type}
        for name, word in ((_TOKEN_SPEC_DIGEST, self.token_spec_digest), (_CLIENT_VALUE, self.client_value)):
            if word is not None:
                optional[name] = _of_rotation(self.issued_at, word)
        if self.client_id is not None and len(self.client_id) <= MAX_CLIENT_ID:
            optional[_CLIENT_ID] = self.client_id
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
        } | {name: value for name, value in optional.items() if value is not None}


def read_facts(annotations: Mapping[str, str]) -> Facts | None:
    """Read the facts back, or None where there are none or somebody damaged them."""
    try:
        if annotations[_FORMAT] != FORMAT:
            return None
        if not all(_is_short(annotations.get(name, "")) for name in _NAMES - {_ROTATE}):
            return None
        rotations = int(annotations[_ROTATIONS])
        if not 0 <= rotations <= MOST_ROTATIONS:
            return None
        issued_at = from_rfc3339(annotations[_ISSUED_AT])
        rotation_id = annotations.get(_ROTATION_ID)
        later: Mapping[str, str] = annotations
        if rotation_id is None or not _is_of(rotation_id, issued_at):
            rotation_id, later = None, {}  # an older version changed the token, and what it did not know stayed
        return Facts(
            credential=share(annotations[_CREDENTIAL]),
            credential_uid=share(annotations[_CREDENTIAL_UID]),
            secret=share(annotations[_SECRET]),
            issued_at=issued_at,
            expires_at=from_rfc3339(annotations[_EXPIRES_AT]),
            spec_digest=share(annotations[_SPEC_DIGEST]),
            data_digest=annotations[_DATA_DIGEST],
            client_digest=annotations[_CLIENT_DIGEST],
            client_version=annotations[_CLIENT_VERSION],
            client_secret_key=share(annotations[_CLIENT_SECRET_KEY]),
            rotate_request=shorten(annotations[_ROTATE]),
            rotations=rotations,
            rotation_id=rotation_id,
            client_id=_share(later.get(_CLIENT_ID), MAX_CLIENT_ID),
            organization_id=_share(later.get(_ORGANIZATION_ID), LONGEST_FACT),
            token_spec_digest=_share(_of_token(annotations.get(_TOKEN_SPEC_DIGEST, ""), issued_at), LONGEST_FACT),
            token_type=_share(later.get(_TOKEN_TYPE), LONGEST_FACT),
            source_rotation=_share(later.get(_SOURCE_ROTATION), LONGEST_FACT),
            client_value=_of_token(annotations.get(_CLIENT_VALUE, ""), issued_at),
        )
    except (KeyError, ValueError):
        return None


def _is_short(fact: str) -> bool:
    # Of a text that is not ASCII Python keeps up to four bytes for each character.
    return len(fact) <= LONGEST_FACT and fact.isascii()


def _share(fact: str | None, longest: int) -> str | None:
    return None if fact is None else share(fact[:longest])


def _of_token(found: str, issued_at: datetime) -> str | None:
    # An older version leaves it beside the token that comes next, so it says which token it is of.
    word = found.rpartition("-")[2]
    return word if _is_short(found) and found == _of_rotation(issued_at, word) else None


def _of_rotation(issued_at: datetime, word: str) -> str:
    return f"{int(issued_at.timestamp())}-{word}"


def new_rotation_id(issued_at: datetime, random: str) -> str:
    """Name a rotation: by when its token was issued, by which an id that outlived its token is known, and by chance.

    Args:
        random: hexadecimal digits, as two rotations may be of one second.
    """
    return _of_rotation(issued_at, random)


def _is_of(rotation_id: str, issued_at: datetime) -> bool:
    text = _ROTATION_ID_FORM.fullmatch(rotation_id)
    return text is not None and int(text[1]) == int(issued_at.timestamp())


def owner_uid(annotations: Mapping[str, str]) -> str | None:
    """The uid of the credential that a Secret says it was made for, legible even where other facts are damaged."""
    uid = annotations.get(_CREDENTIAL_UID)
    return None if uid is None else uid[:LONGEST_FACT]


def owner(annotations: Mapping[str, str]) -> str:
    """The namespace and name of the credential that a Secret says it was made for, or empty."""
    return annotations.get(_CREDENTIAL, "")


def written_into(annotations: Mapping[str, str]) -> str | None:
    """The namespace and name of the Secret that the facts were written into, or None where they do not say it."""
    return annotations.get(_SECRET)


def facts_of_spec(facts: Facts, digests: SpecDigests) -> dict[str, str]:
    """The annotations that say of which spec the metadata of a Secret is, beside the facts that it has."""
    if not facts.is_made_from(digests):
        return {}
    return {_SPEC_DIGEST: digests.whole, _TOKEN_SPEC_DIGEST: _of_rotation(facts.issued_at, digests.token)}
