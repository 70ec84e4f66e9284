"""What `make demo` uses of a machine before anything is installed on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.binaries import REPOSITORY
from testbed.go_build import rough


def python(*arguments: str, path: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "PATH": f"{path}:/usr/bin:/bin",
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'hack'}",
        "XDG_CACHE_HOME": str(path),
    }
    return subprocess.run(
        [sys.executable, "-S", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def kubectl(folder: Path, answer: str) -> Path:
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{answer}\nEOF\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ('{"clientVersion": {"minor": "24"}}', True),
        ('{"clientVersion": {"minor": "36+"}}', True),
        ('{"clientVersion": {"minor": "23"}}', False),
        ("no JSON", False),
        ("{}", False),
    ],
)
def test_a_kubectl_that_can_create_tokens_is_taken_from_path(answer: str, taken: bool, tmp_path: Path) -> None:
    program = kubectl(tmp_path, answer)
    done = python("-c", "from testbed.kubectl import kubectl_on_path; print(kubectl_on_path())", path=tmp_path)
    assert done.stdout.strip() == (str(program) if taken else "None"), done.stderr


def test_what_begins_the_demo_needs_no_package(tmp_path: Path) -> None:
    done = python("-m", "demo.begin", "--help", path=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_demo_does_not_begin_without_its_dependencies(tmp_path: Path) -> None:
    done = python("-m", "demo.begin", "--context", "any", "--install", "exit 3", path=tmp_path)
    assert done.returncode == 1
    assert "`exit 3` failed" in done.stderr


@pytest.mark.parametrize(("seconds", "said"), [(0, "10 s"), (44, "40 s"), (89, "90 s"), (90, "2 min"), (170, "3 min")])
def test_the_wait_is_told_roughly(seconds: float, said: str) -> None:
    assert rough(seconds) == said
