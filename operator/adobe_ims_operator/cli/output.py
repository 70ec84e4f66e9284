"""What commands print: a table for people, JSON or YAML for programs; never a control character of somebody else's."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from adobe_ims_operator.api.text import printable

F = TypeVar("F", bound=Callable[..., Any])
Document = Mapping[str, Any]


def output_option(command: F) -> F:
    """Add the flag -o."""
    return click.option(
        "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", help="How to print it."
    )(command)


def print_document(document: Document, output: str) -> None:
    """Print a document for programs."""
    if output == "json":
        click.echo(json.dumps(document, indent=2))
        return
    import yaml  # noqa: PLC0415 - a tenth of a second, for who asks for it

    # By way of JSON, as it writes no subclass of str.
    click.echo(yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False), nl=False)


def say(line: str, *, err: bool = False) -> None:
    """Print one line, which may quote what others wrote."""
    click.echo(printable(line), err=err)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines in columns, as kubectl prints them."""
    cells = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def when(moment: datetime | None, now: datetime, *, past: str = "") -> str:
    """When that is or was, as a phrase: `in 3h` or `3h ago`; `past` is a word to put before the latter."""
    if moment is None:
        return "-"
    if moment > now:
        return f"in {short(moment - now)}"
    return f"{past} {short(now - moment)} ago".lstrip()


def short(duration: timedelta) -> str:
    """A duration of one or two units, such as 45s, 23h5m, 12d."""
    seconds = int(duration.total_seconds())
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 48:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours // 24}d"
