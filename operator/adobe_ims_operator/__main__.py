"""`python -m adobe_ims_operator`, and the commands; a signal ends the operator with 0 from its first moment on."""

import os
import signal
import sys

DEEPEST_JSON = 10_000
"""Levels that Kubernetes takes in one object, as Go's encoding/json does: it stores what Python would not read back."""


def main() -> None:
    """Run the command line."""
    # Before the imports, which take most of a second. Until the process has handlers of its own there is nothing to
    # finish, so it may end at once.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    sys.setrecursionlimit(DEEPEST_JSON + 2000)
    from adobe_ims_operator.cli.main import main as command  # noqa: PLC0415

    command()


def plugin() -> None:
    """Run `kubectl adobe-ims`."""
    sys.setrecursionlimit(DEEPEST_JSON + 2000)
    from adobe_ims_operator.cli.main import plugin as command  # noqa: PLC0415

    command(prog_name="kubectl adobe-ims")


def complete() -> None:
    """Print completions of `kubectl adobe-ims`."""
    from adobe_ims_operator.cli.complete import show  # noqa: PLC0415

    show(sys.argv[1:])


if __name__ == "__main__":
    main()
