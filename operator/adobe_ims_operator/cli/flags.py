"""Flags that go together, added to a command by one decorator."""

from collections.abc import Callable
from typing import Any

Flag = Callable[[Any], Any]
"""What click.option and click.argument give."""


def with_flags(command: Callable[..., Any], *flags: Flag) -> Callable[..., Any]:
    """The command with these flags, in the order in which its help shows them."""
    for each in reversed(flags):
        command = each(command)
    return command
