"""What goes wrong in a workflow is found without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.binaries import REPOSITORY


def check(folder: Path) -> "subprocess.CompletedProcess[str]":
    script = [sys.executable, str(REPOSITORY / "hack/workflows.py"), str(folder)]
    return subprocess.run(script, cwd=REPOSITORY, env={"PYTHONPATH": "."}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("workflow", "old", "new", "found"),
    [
        ("ci", "timeout-minutes: 60", "timeout-minuets: 60", "timeout-minuets"),
        ("ci", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
        ("ci", '"$TARGET"', '"${{ github.head_ref }}"', "template-injection"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, workflow: str, old: str, new: str, found: str) -> None:
    shutil.copytree(REPOSITORY / ".github", tmp_path / ".github")
    file = tmp_path / ".github/workflows" / f"{workflow}.yml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    done = check(tmp_path / ".github")
    assert done.returncode == 1
    assert found in done.stderr


def test_the_workflows_have_none() -> None:
    done = check(REPOSITORY / ".github")
    assert (done.returncode, done.stderr) == (0, "")
