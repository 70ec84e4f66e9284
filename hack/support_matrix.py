"""Tests on one Kubernetes, and notes in docs/support-matrix.md what passed.

Which minors there are is what hack/kubernetes/ and hack/control-plane/ pin. Nothing is noted in CI.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

from testbed import binaries
from testbed.binaries import REPOSITORY

PAGE = REPOSITORY / "docs" / "support-matrix.md"
BEGIN = "<!-- Made by `make test-kubernetes`: from here to the end mark nothing is written by hand. -->"
END = "<!-- End of what is made. -->"
# What an API server may do differently: schema and CEL, server-side apply, Leases, permissions, watches, collection.
TESTS = (
    "main_job",
    "first_apply",
    "token_secret",
    "least_privilege",
    "lease",
    "chart",
    "restarts",
    "waiting",
    "upgrade",
)


def pinned() -> Mapping[str, str]:
    """Return the version of each minor, oldest first."""
    modules = sorted((REPOSITORY / "hack" / "kubernetes").glob("*/go.mod"))
    modules.append(binaries.KUBERNETES.folder / "go.mod")
    versions = [
        re.findall(r"^\s*(?:require )?k8s.io/kubernetes (v\S+)", each.read_text(), re.MULTILINE) for each in modules
    ]
    return {found[0].removeprefix("v").rpartition(".")[0]: found[0] for found in versions}


def rows(page: str) -> dict[str, str]:
    """Return what the page has noted, by version."""
    return dict(re.findall(r"^\| (v\S+) \| (.*) \|$", page, re.MULTILINE))


def table(noted: Mapping[str, str]) -> str:
    """Write the table: a minor whose pin moved since its run counts as not run."""
    lines = [f"| {version} | {noted.get(version, 'not run')} |" for version in pinned().values()]
    return "\n".join([BEGIN, "", "| Kubernetes | result |", "| --- | --- |", *lines, "", END])


def note(version: str, result: str) -> None:
    """Put a result into the page."""
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + table({**rows(page), version: result}) + tail)


def _commit() -> str:
    """Return the commit that is tested, marked where the files are not those of it."""
    describe = ["git", "describe", "--always", "--exclude=*", "--abbrev=10", "--dirty"]
    done = subprocess.run(describe, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def main() -> None:
    """Run the tests on the minor that is named."""
    minor = sys.argv[1]
    if minor not in pinned():
        sys.exit(f"no recipe for {minor}: choose one of {', '.join(pinned())}")
    tests = [f"tests/integration/test_{name}.py" for name in TESTS]
    workers = os.environ.get("WORKERS", "2")
    command = [sys.executable, "-m", "pytest", f"--numprocesses={workers}", "--dist=loadfile", *tests]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "KUBERNETES_MINOR": minor},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    if not os.environ.get("CI"):
        counts = re.findall(r"(\d+) (passed|skipped|failed|error)", done.stdout.rpartition("\n=")[2])
        outcome = ", ".join(f"{count} {what}" for count, what in counts) or "did not run"
        note(pinned()[minor], f"{outcome} ({_commit()})")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
