"""Digests of what a token is made from: short, one-way, and the same in every process and version.

A digest shows no value, but it lets a guess be checked, so it protects a value only as far as nobody can guess it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from adobe_ims_operator.api.resource import Spec
from adobe_ims_operator.api.source import TokenFrom


class SpecDigests(NamedTuple):
    """The digests of a spec that its Secret is compared with: of all of it, and of the token and the data."""

    whole: str
    token: str


def spec_digests(spec: Spec) -> SpecDigests:
    """Digest a spec, and what of it the token and the data are made from."""
    whole, secret = digest_spec(spec), spec.secret
    plain = not secret.labels and not secret.annotations and secret.deletion_policy == "Delete"
    return SpecDigests(whole, whole if plain else _digest_spec(spec, {}, {}, "Delete"))


def digest_spec(spec: Spec) -> str:
    """Digest all of a spec that the token or its Secret is made from.

    The operator's default endpoint is no part of it: two operators that have different ones must not rotate in turn.
    The rotation interval, `suspend`, `adopt` and `dropOtherKeys` are left out: changing them makes no other Secret. A
    field that came later takes part only where it is set, so that an upgrade finds the digests as they were.
    """
    return _digest_spec(spec, spec.secret.labels, spec.secret.annotations, spec.secret.deletion_policy)


def _digest_spec(spec: Spec, labels: Mapping[str, str], annotations: Mapping[str, str], deletion_policy: str) -> str:
    later: dict[str, str] = {}
    if isinstance(source := spec.source, TokenFrom):
        made_from: tuple[object, ...] = ("tokenFrom", source.namespace, source.name)
    else:
        made_from = (source.secret_name, source.id_key, source.secret_keys, spec.scopes, spec.endpoint)
        later = {"organizationId": source.organization_id} if source.organization_id is not None else {}
    return digest(
        *made_from,
        spec.secret.name,
        spec.secret.type,
        labels,
        annotations,
        spec.secret.data,
        deletion_policy,
        *([later] if later else []),
    )


def digest_client(uid: str, client_id: str, secrets: Mapping[str, str]) -> str:
    """Digest a client id and its secrets by key, salted by the uid of the credential that uses them.

    The salt makes the digests of two credentials with the same client secret differ. It is no secret, so it does not
    keep a short client secret from being guessed.
    """
    return digest(uid, client_id, list(secrets.items()))


def digest_client_value(uid: str, client_id: str, secret: str) -> str:
    """Digest one client secret with its client id, salted likewise, whatever key it stands under."""
    return digest(uid, client_id, secret)


def digest_data(uid: str, data: Mapping[str, str]) -> str:
    """Digest the data of a token Secret (base64, as Kubernetes writes it), so that an edit shows."""
    return digest(uid, data)


def digest(*parts: object) -> str:
    """Digest values that JSON can hold."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
