"""The command `adobe-ims-operator`, which imports what a command needs when it is chosen, so that `--help` is fast.

The same commands but for `run` are a plugin of kubectl: `kubectl adobe-ims`.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar

import click
from click.shell_completion import CompletionItem

COMMANDS = {
    "run": ("run", "Run the operator until SIGTERM or Ctrl-C."),
    "status": ("status", "Show how credentials stand, and all that hangs on one."),
    "rotate": ("rotate", "Ask for new tokens now."),
    "suspend": ("suspend", "Stop rotating credentials."),
    "resume": ("suspend", "Resume rotating credentials."),
    "client-secrets": ("client_secrets", "Show how client secrets stand that the operator replaces."),
    "check": ("check", "Check CRD, permissions, Lease and endpoints, and ask IMS once with a client."),
}
"""Each command, the module of this package that has it (a hyphen is an underscore there), and what `--help` says."""


class _Commands(click.Group):
    offered: ClassVar[Mapping[str, tuple[str, str]]] = COMMANDS

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.offered)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in self.offered:
            return None
        module = import_module(f"adobe_ims_operator.cli.{self.offered[name][0]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in self.offered.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, context, incomplete)
        # click's own would import each command to ask it for its help.
        return [
            CompletionItem(name, help=what) for name, (_, what) in self.offered.items() if name.startswith(incomplete)
        ]


class _ForPeople(_Commands):
    offered: ClassVar = {name: command for name, command in COMMANDS.items() if name != "run"}


@click.group(cls=_Commands)
@click.version_option(package_name="adobe-ims-operator")
def main() -> None:
    """Keep fresh Adobe IMS access tokens in Kubernetes Secrets."""


@click.group(cls=_ForPeople)
@click.version_option(package_name="adobe-ims-operator")
def plugin() -> None:
    """Look after Adobe IMS credentials in Kubernetes."""
