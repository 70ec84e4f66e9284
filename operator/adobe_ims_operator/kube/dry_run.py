"""Why the API server refuses a Secret, in its own words, without showing anybody a token.

Whoever admits a write may quote what it was shown. So the words are those about another Secret, which is not stored: of
the same type, labels, annotations and keys, with dummy data, under a generated name. It is never a change of the Secret
itself, as a webhook would see the present token in that.
"""

import base64
import re

from adobe_ims_operator.api.resource import JSON
from adobe_ims_operator.core.model import HeldToken, Observed
from adobe_ims_operator.core.secret_differences import wanted_labels
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, RefusedError
from adobe_ims_operator.kube.paths import secrets_path

_DUMMY = base64.b64encode(b"{}").decode()
"""JSON, which some types of Secrets are checked for."""
_TELLTALE = 12
"""Characters: words that share so many in a row with a token quote it."""


def dummy(observed: Observed) -> JSON:
    """A Secret like the one that a credential has, without what is in it."""
    template = observed.spec.secret
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "generateName": _prefix(observed),
            "namespace": observed.key.namespace,
            "labels": wanted_labels(template),
            "annotations": dict(template.annotations),
        },
        "type": template.type,
        "data": dict.fromkeys(template.data, _DUMMY),
    }


def _prefix(observed: Observed) -> str:
    return f"{observed.spec.secret.name[:200]}-"


async def words_of_refusal(kube: Kube, observed: Observed, held: HeldToken, refusal: RefusedError) -> str | None:
    """What the API server says about a Secret like the one that it refused.

    It is empty where that is of another kind, and None where it does not say.

    Args:
        held: the token that was to be written, which no word may quote.
    """
    template, prefix = observed.spec.secret, _prefix(observed)
    try:
        await kube.create(secrets_path(observed.key.namespace), dummy(observed), dry_run=True)
    except ApiError as error:
        if not isinstance(error, RefusedError):
            return None
        if error.answer != refusal.answer or _quotes(error.message, held.token.access_token):
            return ""
        # Else the message would be another one at each attempt.
        return re.sub(re.escape(prefix) + r"[a-z0-9]{5}\b", template.name, error.message).rstrip(". ")
    return ""


def _quotes(words: str, token: str) -> bool:
    forms = [token, *(base64.b64encode(bytes(shift) + token.encode()).decode() for shift in range(3))]
    pieces = [words[start : start + _TELLTALE] for start in range(len(words) - _TELLTALE + 1)]
    return any(piece in form for piece in pieces for form in forms)
