"""Placeholders in the keys of a token Secret: `$(name)` as Kubernetes writes them, `$$` for a literal `$`.

Kubernetes expands `$(NAME)` in container arguments the same way; here an unknown name is an error instead of
being left as it stands, since a pod that reads the literal text would send it to Adobe as its token.
"""

import re
from collections.abc import Mapping

NAMES = ("access_token", "token_type", "expires_at", "issued_at", "expires_in", "client_id", "organization_id", "scope")
_FIELDS = {"organization_id": "spec.client.organizationId"}
"""Where a placeholder has its value from that need not have one."""
LONGEST_SHOWN = 64
"""Characters of an unknown placeholder that a message shows."""

_PLACEHOLDER = re.compile(r"\$\(([^()]*)\)|\$\(")


class TemplateError(ValueError):
    """A placeholder that does not exist, or that is not closed, or a template without the token."""


def render(text: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder in `text` by its value.

    Raises:
        TemplateError: `text` has a placeholder that `values` does not name; the message never holds a value.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None or name not in values:
            raise _unknown(match)
        return values[name]

    if "$(" not in text:
        return text.replace("$$", "$")
    # No function is called for each "$$": half a megabyte of them would hold up everyone.
    parts = text.split("$$")
    return "$".join(_PLACEHOLDER.sub(replace, part) if "$(" in part else part for part in parts)


def measure(text: str, lengths: Mapping[str, int]) -> int:
    """The bytes (UTF-8) that `text` has when each placeholder is replaced by a value of that many bytes.

    Nothing is rendered, so that the size of the result does not matter.

    Raises:
        TemplateError: `text` has a placeholder that `lengths` does not name.
    """
    bare = _without_escapes(text)
    size, left = len(bare.encode()), bare.count("$(")
    for name, length in lengths.items():
        placeholder = f"$({name})"
        found = bare.count(placeholder)
        size += found * (length - len(placeholder))
        left -= found
    if left:
        raise next(_unknown(match) for match in _PLACEHOLDER.finditer(bare) if match.group(1) not in lengths)
    return size


def holds_token(text: str) -> bool:
    """Whether `text` has the placeholder of the token; `$$(access_token)` is none."""
    return holds(text, "access_token")


def holds(text: str, name: str) -> bool:
    """Whether `text` has the placeholder of that name."""
    return f"$({name})" in _without_escapes(text)


def _without_escapes(text: str) -> str:
    # Each "$$" becomes one byte, as it does where it is rendered, and one that makes no placeholder.
    return text.replace("$$", " ")


def _unknown(match: re.Match[str]) -> TemplateError:
    if match.group(1) in _FIELDS:
        return TemplateError(f"{match.group()} has no value; set {_FIELDS[match.group(1)]}")
    known = ", ".join(f"$({name})" for name in NAMES)
    shown = "$( without its closing parenthesis" if match.group(1) is None else _short(match.group())
    return TemplateError(f"unknown placeholder {shown}; use {known}, or write $$( for a literal $(")


def _short(placeholder: str) -> str:
    return placeholder if len(placeholder) <= LONGEST_SHOWN else f"{placeholder[:LONGEST_SHOWN]}..."
