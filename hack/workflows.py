"""Checks .github/ without a network: its form, its expressions, and what would be unsafe. Shell is not checked."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed.binaries import REPOSITORY, actionlint
from testbed.go_build import BuildError

GITHUB = REPOSITORY / ".github"


def commands(folder: Path) -> Iterator[Sequence[str]]:
    """Give the commands that check a .github folder. Raises BuildError."""
    tools = Path(sys.executable).parent
    workflows = [str(path) for path in sorted((folder / "workflows").glob("*.yml"))]
    schema = [str(tools / "check-jsonschema"), "--quiet", "--builtin-schema"]
    yield [str(actionlint()), "-no-color", "-shellcheck=", "-pyflakes=", *workflows]
    yield [*schema, "vendor.github-workflows", *workflows]
    yield [*schema, "vendor.dependabot", str(folder / "dependabot.yml")]
    yield [str(tools / "zizmor"), "--offline", "--quiet", "--no-progress", str(folder)]


def main() -> None:
    """Run them all, and fail if one does."""
    failed = False
    try:
        for command in commands(Path(sys.argv[1]) if sys.argv[1:] else GITHUB):
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
            if done.returncode:
                failed = True
                sys.stderr.write(f"{Path(command[0]).name}:\n{done.stdout}{done.stderr}\n")
    except BuildError as error:
        sys.exit(str(error))
    sys.exit(failed)


if __name__ == "__main__":
    main()
