"""The program `kubectl_complete-adobe_ims`, which kubectl asks for completions of `kubectl adobe-ims`.

It is given the words that were typed, the last of which is to be completed, and prints a choice a line, then a
directive (KEP-2379, "Shell Completion Support"; cobra, ShellCompDirective).
"""

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from adobe_ims_operator.cli.main import plugin

NO_FILES, DEFAULT = 4, 0
"""cobra's ShellCompDirectiveNoFileComp, and ShellCompDirectiveDefault, by which the shell completes names of files."""


def complete(words: Sequence[str]) -> str:
    """What to print for the words that were typed."""
    *before, incomplete = words or [""]
    found = ShellComplete(plugin, {}, "kubectl adobe-ims", "").get_completions(list(before), incomplete)
    files = any(each.type in ("file", "dir") for each in found)
    lines = [_line(each) for each in found if each.type == "plain"]
    return "\n".join([*lines, f":{DEFAULT if files else NO_FILES}"])


def _line(item: CompletionItem) -> str:
    return f"{item.value}\t{' '.join(item.help.split())}" if item.help else str(item.value)


def show(words: Sequence[str]) -> None:
    """Print them."""
    click.echo(complete(words))
