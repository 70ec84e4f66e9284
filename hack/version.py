"""The version of the project, which pyproject.toml says, in all that names it.

Without arguments it prints the version. `NEW` sets another; --check compares; --notes prints what CHANGELOG.md says of
the version.
"""

import argparse
import datetime
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NUMBER = r"[0-9]+[.][0-9]+[.][0-9]+(?:[-.a-z0-9]+)?"
PLACES = {
    "pyproject.toml": rf'^version = "({NUMBER})"',
    "hack/stand-in/pyproject.toml": rf'^version = "({NUMBER})"',
    "charts/adobe-ims-operator/Chart.yaml": rf"^(?:version|appVersion): ({NUMBER})$",
    "Dockerfile": rf'image[.]version="({NUMBER})"',
    "docs/install.md": rf"(?:adobe-ims-(?:operator|stand-in):|--version )({NUMBER})",
}
"""Where it stands beside what `make manifests` writes: the group is the version."""
CHANGELOG = ROOT / "CHANGELOG.md"


def current(root: Path = ROOT) -> str:
    """Return the version."""
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def named(root: Path = ROOT) -> dict[str, set[str]]:
    """Return the versions that each file names."""
    return {path: set(re.findall(pattern, (root / path).read_text(), re.MULTILINE)) for path, pattern in PLACES.items()}


def write(new: str, root: Path = ROOT) -> None:
    """Set the version, and give what is unreleased in CHANGELOG.md its name."""
    for path, pattern in PLACES.items():
        file = root / path
        text = re.sub(pattern, lambda found: found[0].replace(found[1], new), file.read_text(), flags=re.MULTILINE)
        file.write_text(text)
    today = datetime.datetime.now(datetime.UTC).date()
    changelog = root / "CHANGELOG.md"
    if not re.search(rf"^## {re.escape(new)} ", changelog.read_text(), re.MULTILINE):
        changelog.write_text(
            changelog.read_text().replace("## Unreleased\n", f"## Unreleased\n\n## {new} - {today}\n", 1)
        )


def notes(version: str, text: str) -> str:
    """Return what the changelog says of a version. Raises SystemExit where it says nothing."""
    found = re.search(rf"^## {re.escape(version)} - .*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        sys.exit(f"CHANGELOG.md says nothing of {version}: run 'make version NEW={version}'")
    return found[1].strip() + "\n"


def main() -> None:
    """Print, set or compare."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("new", nargs="?", help="the version to set")
    parser.add_argument("--check", action="store_true", help="fail if a file names another version")
    parser.add_argument("--notes", action="store_true", help="print the notes of this version")
    given = parser.parse_args()
    if given.new:
        if not re.fullmatch(NUMBER, given.new):
            sys.exit(f"{given.new} is no version such as 0.2.0 or 0.2.0-rc.1")
        write(given.new)
    if given.check:
        wrong = {path: found for path, found in named().items() if found - {current()}}
        if wrong:
            sys.exit(f"these name another version than {current()}: {wrong}; run 'make version NEW={current()}'")
    elif given.notes:
        sys.stdout.write(notes(current(), CHANGELOG.read_text()))
    else:
        sys.stdout.write(f"{current()}\n")


if __name__ == "__main__":
    main()
