"""The rules of the CRD's fields, for what was stored before the CRD had them: the same forms, sizes and words."""

import re
from collections.abc import Callable, Mapping, Sized
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from adobe_ims_operator.api.sizes import MAX_ORGANIZATION_SIZE
from adobe_ims_operator.api.text import share

_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_HOST = r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*"


def text_of(longest: int, form: str = "", advice: str = "") -> AfterValidator:
    """Have a text of at most so many characters, and of that form; else `advice` says what to write."""
    pattern = re.compile(form, re.ASCII) if form else None

    def check(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"may not be longer than {longest} characters")
        if pattern is not None and not pattern.fullmatch(text):
            raise ValueError(advice)
        return text

    return AfterValidator(check)


def list_of(least: int, most: int) -> BeforeValidator:
    """Have a list of so many entries; of a longer one none is looked at, as each has a problem of its own to report."""
    return BeforeValidator(_sized((list, tuple), least, most, "entries"))


def map_of(least: int, most: int) -> BeforeValidator:
    """Have a map of so many keys; of a larger one none is looked at."""
    return BeforeValidator(_sized((Mapping,), least, most, "keys"))


def _sized(kinds: tuple[type[Sized], ...], least: int, most: int, of_what: str) -> Callable[[object], object]:
    def check(many: object) -> object:
        if isinstance(many, kinds) and not least <= len(many) <= most:
            raise ValueError(f"must have {least} to {most} {of_what}")
        return many

    return check


Word = Annotated[str, AfterValidator(share)]
DnsName = Annotated[str, text_of(253, _DNS, "must be a name: lower-case letters, digits, '-' and '.', such as web")]
NamespaceName = Annotated[
    Word,
    text_of(63, "[a-z0-9]([-a-z0-9]*[a-z0-9])?", "must be the name of a namespace: lower-case letters, digits and '-'"),
]
SecretKey = Annotated[
    Word, text_of(253, "[-._a-zA-Z0-9]+", "must be a key of a Secret: letters, digits, '-', '_' and '.'")
]
DataKey = Annotated[
    Word, text_of(253, r"(?!\.$|\.\.)[-._a-zA-Z0-9]+", "keys must be letters, digits, '-', '_' and '.'")
]
SecretType = Annotated[
    Word,
    text_of(
        253,
        r"(?!kubernetes\.io/service-account-token$|bootstrap\.kubernetes\.io/token$)"
        r"[a-zA-Z0-9]([-a-zA-Z0-9_./]*[a-zA-Z0-9])?",
        "must be a type of a Secret that makes Kubernetes hand out no credentials, such as Opaque or example.com/token",
    ),
]
MetadataKey = Annotated[
    str,
    text_of(
        317,
        rf"(?!adobe-ims\.dev/|app\.kubernetes\.io/managed-by$)({_DNS}/)?[a-zA-Z0-9]([-._a-zA-Z0-9]{{0,61}}[a-zA-Z0-9])?",
        "keys must be a name with an optional DNS prefix, such as example.com/team; adobe-ims.dev/... and "
        "app.kubernetes.io/managed-by belong to the operator",
    ),
]
LabelValue = Annotated[
    str,
    text_of(63, "([a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?)?", "must be a label value: letters, digits, '-', '_', '.'"),
]
Organization = Annotated[
    Word,
    text_of(
        MAX_ORGANIZATION_SIZE,
        "[-._a-zA-Z0-9]+@AdobeOrg",
        "must be the id of an organization as the Adobe Developer Console shows it, such as "
        "0123456789ABCDEF01234567@AdobeOrg",
    ),
]
Scope = Annotated[Word, text_of(128, "[-._:a-zA-Z0-9]+", "must be one scope: letters, digits, '.', '_', '-', ':'")]
Endpoint = Annotated[
    str,
    text_of(
        253,
        rf"https?://{_HOST}(:[1-9][0-9]{{0,4}})?",
        "must be a scheme and a host without a path, such as https://ims-na1.adobelogin.com",
    ),
]
