"""`make image` builds with an engine that works, and names what it builds."""

import os
import subprocess
from pathlib import Path

from testbed.binaries import REPOSITORY
from testbed.image import NAME

ENGINE = '#!/bin/sh\ntest "$1" = info && exit {info}\necho {name} "$@"\n'


def make(folder: Path, engines: dict[str, int], *variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it with engines that only say what they are told; each answers `info` with an exit code."""
    folder.mkdir(exist_ok=True)
    for name in ("docker", "podman", "buildah"):
        path = folder / name
        path.write_text(ENGINE.format(name=name, info=engines.get(name, 1)))
        path.chmod(0o755)
    command = ["make", "--no-print-directory", "image", *variables]
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_an_engine_that_does_not_answer_is_passed_over(tmp_path: Path) -> None:
    assert make(tmp_path, {"docker": 0, "podman": 0}).stdout == f"docker build --tag {NAME} .\n"
    assert make(tmp_path, {"podman": 0}).stdout == f"podman build --tag {NAME} .\n"
    none = make(tmp_path, {})
    assert none.returncode != 0
    assert "none of them answers" in none.stderr


def test_base_and_platform_can_be_chosen(tmp_path: Path) -> None:
    done = make(tmp_path, {"buildah": 0}, "BASE=python:3.13", "PLATFORM=linux/arm64")
    assert done.stdout == f"buildah build --build-arg BASE=python:3.13 --platform linux/arm64 --tag {NAME} .\n"
