"""Label selectors as kubectl takes them."""

import re

import click

_KEY, _VALUE = "[A-Za-z0-9./_-]+", "[A-Za-z0-9._-]*"
_IS = rf"\s*(?:==?|!=)\s*{_VALUE}"
_IN = rf"\s+(?:not)?in\s*\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*\)"
_REQUIREMENT = rf"\s*(?:!\s*{_KEY}|{_KEY}(?:{_IS}|{_IN})?)\s*"
SELECTOR = re.compile(f"{_REQUIREMENT}(?:,{_REQUIREMENT})*")


def label_selector(_context: click.Context, _parameter: click.Parameter, selector: str | None) -> str | None:
    """The value of a flag, where it is a selector."""
    if selector is not None and SELECTOR.fullmatch(selector) is None:
        raise click.BadParameter(f"{selector!r} is not a label selector; write it like team=photos,tier!=test")
    return selector
