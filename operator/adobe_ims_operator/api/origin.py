"""Copies of token Secrets: what a mirror or a restored backup was made from, as the facts in it say."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from adobe_ims_operator.api.ledger import LONGEST_FACT, owner, owner_uid, written_into
from adobe_ims_operator.api.resource import Key

_KEY = re.compile(r"[a-z0-9][-a-z0-9]*/[a-z0-9][-.a-z0-9]*")


class Origin(NamedTuple):
    """What a copy of a token Secret was made from."""

    secret: Key
    credential: Key
    credential_uid: str
    has_moved: bool
    """Whether the copy has the same name, in another namespace."""


def is_copy(annotations: Mapping[str, str], key: Key) -> bool:
    """Whether the annotations were written for a Secret of another namespace or name, and copied by somebody else."""
    return written_into(annotations) not in (None, str(key))


def origin(annotations: Mapping[str, str], copy: Key) -> Origin | None:
    """What the annotations of a copy were written for, or None where they do not say it legibly."""
    secret, credential = _parse(written_into(annotations) or ""), _parse(owner(annotations))
    uid = owner_uid(annotations)
    if secret is None or credential is None or not uid or secret.namespace != credential.namespace:
        return None
    has_moved = secret.name == copy.name and secret.namespace != copy.namespace
    return Origin(secret, credential, uid, has_moved)


def _parse(text: str) -> Key | None:
    if len(text) > LONGEST_FACT or not _KEY.fullmatch(text):
        return None
    return Key(*text.split("/"))
