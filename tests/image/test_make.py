"""`make image` builds with an engine that works, and names what it builds."""

import os
import subprocess
from pathlib import Path

from testbed.binaries import REPOSITORY
from testbed.image import NAME, STAND_IN

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
    for engine, engines in (("docker", {"docker": 0, "podman": 0}), ("podman", {"podman": 0})):
        assert make(tmp_path, engines).stdout.splitlines() == [
            f"{engine} build --target operator --tag {NAME} .",
            f"{engine} build --target stand-in --tag {STAND_IN} .",
        ]
    none = make(tmp_path, {})
    assert none.returncode != 0
    assert "none of them answers" in none.stderr


def test_base_and_platform_can_be_chosen(tmp_path: Path) -> None:
    done = make(tmp_path, {"buildah": 0}, "BASE=python:3.13", "PLATFORM=linux/arm64")
    options = "--build-arg BASE=python:3.13 --platform linux/arm64"
    assert done.stdout.splitlines()[0] == f"buildah build --target operator {options} --tag {NAME} ."
