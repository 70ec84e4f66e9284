"""How large what is read and written may be, and how large a token Secret becomes at most, before a token is asked for.

The limits of Secrets are those of Kubernetes. Those of values are far above what Adobe gives, and low enough that
nothing that a credential or a client Secret holds takes the operator more than a few milliseconds.
"""

from collections.abc import Mapping, Sequence

from adobe_ims_operator.api.placeholders import TemplateError, holds_token, measure

MAX_SECRET_SIZE = 1024 * 1024
"""Bytes of all values of a Secret, decoded, keys not counted (Kubernetes: corev1.MaxSecretSize)."""
MAX_ANNOTATIONS_SIZE = 256 * 1024
"""Bytes of all annotations of an object, keys counted (Kubernetes: TotalAnnotationSizeLimitB)."""
OWN_ANNOTATIONS_SIZE = 8 * 1024
"""Bytes that are left for the operator's own annotations; they need about two thousand."""
MAX_TOKEN_SIZE = 8 * 1024
"""Bytes of an access token; Adobe's have one to two thousand."""
MAX_CLIENT_ID_SIZE = 256
"""Bytes; Adobe's have 32."""
MAX_CLIENT_SECRET_SIZE = 1024
"""Bytes; Adobe's have less than 50."""
MAX_ORGANIZATION_SIZE = 128
"""Bytes; Adobe's have 33."""
MAX_SCOPE_SIZE = 4096
"""Bytes of all scopes, joined by commas."""

# The longest of each value, in bytes: the type is bearer, a time is like 2026-11-24T09:59:59Z, and a lifetime has at
# most ten days in seconds.
_LONGEST = {
    "access_token": MAX_TOKEN_SIZE,
    "token_type": 6,
    "expires_at": 20,
    "issued_at": 20,
    "expires_in": 6,
    "client_id": MAX_CLIENT_ID_SIZE,
}


def secret_size(data: Mapping[str, str], scopes: Sequence[str], organization_id: str | None = None) -> int:
    """The bytes of all rendered values at most, counted with the longest token that is accepted.

    Raises:
        TemplateError: a placeholder is unknown or has no value, or none is the token.
    """
    lengths = {"scope": len(",".join(scopes).encode())}
    if organization_id is not None:
        lengths["organization_id"] = len(organization_id.encode())
    return _measure(data, lengths)


def taken_secret_size(data: Mapping[str, str]) -> int:
    """The same for a token that is taken from another credential, with the longest of all that is taken with it.

    Raises:
        TemplateError: a placeholder is unknown, or none is the token.
    """
    return _measure(data, {"scope": MAX_SCOPE_SIZE, "organization_id": MAX_ORGANIZATION_SIZE})


def _measure(data: Mapping[str, str], lengths: Mapping[str, int]) -> int:
    if not any(holds_token(text) for text in data.values()):
        raise TemplateError("no key holds the token; write $(access_token) in one of them")
    return sum(measure(text, {**_LONGEST, **lengths}) for text in data.values())


def annotations_size(annotations: Mapping[str, str]) -> int:
    """The bytes of annotations, as Kubernetes counts them."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
