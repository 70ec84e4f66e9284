"""The programs of others that a release is made with: crane, cosign, syft and Helm, built from pinned sources."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from testbed import binaries, helm

SECONDS = 600.0


class ToolError(Exception):
    """A program refused; the message is its name and what it said."""


def crane(*arguments: str) -> str:
    """Copy and read what is in a registry. Raises ToolError."""
    return _run(binaries.artifacts().crane, *arguments)


def cosign(*arguments: str, password: str | None = None) -> str:
    """Sign and verify; `password` is the key's. Raises ToolError."""
    own = {} if password is None else {"COSIGN_PASSWORD": password}
    return _run(binaries.artifacts().cosign, *arguments, environment=own)


def syft(*arguments: str) -> str:
    """List the packages in an image. Raises ToolError."""
    return _run(binaries.sbom(), *arguments, environment={"SYFT_CHECK_FOR_APP_UPDATE": "false"})


def push_chart(package: Path, repository: str, *, plain_http: bool) -> None:
    """Push a packaged chart below oci://REPOSITORY, with the credentials that `docker login` left. Raises ToolError."""
    flags = ["--plain-http"] if plain_http else []
    docker = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    flags += [f"--registry-config={docker}"] if docker.exists() else []
    try:
        helm.run("push", str(package), f"oci://{repository}", *flags)
    except helm.HelmError as error:
        raise ToolError(f"helm push: {error}") from None


def _run(program: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(program), *arguments],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    if done.returncode:
        raise ToolError(f"{program.name} {arguments[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
