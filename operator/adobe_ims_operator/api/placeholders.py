"""Placeholders in the keys of a token Secret: `$(name)` as Kubernetes writes them, `$$` for a literal `$`.

Kubernetes expands `$(NAME)` in container arguments the same way; here an unknown name is an error instead of
being left as it stands, since a pod that reads the literal text would send it to Adobe as its token.
"""

import re
from collections.abc import Mapping

NAMES = ("access_token", "token_type", "expires_at", "issued_at", "expires_in", "client_id", "scope")

_TOKEN = re.compile(r"\$\$|\$\(([^()]*)\)|\$\(")


class TemplateError(ValueError):
    """A placeholder that does not exist, or that is not closed."""


def render(text: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder in `text` by its value.

    Raises:
        TemplateError: `text` has a placeholder that `values` does not name; the message never holds a value.
    """

    def replace(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        name = match.group(1)
        if name is None or name not in values:
            known = ", ".join(f"$({known})" for known in NAMES)
            shown = match.group() if name is not None else "$( without its closing parenthesis"
            raise TemplateError(f"unknown placeholder {shown}; use {known}, or write $$( for a literal $(")
        return values[name]

    return _TOKEN.sub(replace, text)
