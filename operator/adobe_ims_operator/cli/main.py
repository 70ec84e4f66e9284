"""The command `adobe-ims-operator`, which imports what a command needs when it is chosen, so that `--help` is fast."""

from importlib import import_module

import click

COMMANDS = {
    "run": ("run", "Run the operator until SIGTERM or Ctrl-C."),
    "status": ("status", "Show how credentials stand, and all that hangs on one."),
    "rotate": ("rotate", "Ask for new tokens now."),
    "suspend": ("suspend", "Stop rotating credentials."),
    "resume": ("suspend", "Go on rotating credentials."),
}
"""Each command, the module of this package that has it under the same name, and what `--help` says of it."""


class _Commands(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"adobe_ims_operator.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in COMMANDS.items()])


@click.group(cls=_Commands)
@click.version_option(package_name="adobe-ims-operator")
def main() -> None:
    """Keep fresh Adobe IMS access tokens in Kubernetes Secrets."""
