"""What a release is called, where it goes, and which source it is of."""

import os
import tomllib
from dataclasses import dataclass

from testbed.binaries import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
IMAGES = ("adobe-ims-operator", "adobe-ims-stand-in")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Release:
    """A release on its way into `registry`, which is a host with the path below it.

    `source` is the URL of the repository, "" where it has none; `commit` its commit. `epoch` is the moment that all
    artifacts are said to be of, in seconds. `builder` is who built it.
    """

    registry: str
    source: str
    commit: str
    epoch: int
    builder: str
    images: tuple[str, ...] = IMAGES

    @classmethod
    def here(cls, registry: str, source: str, commit: str) -> "Release":
        """Return what this machine builds; on GitHub that is the run of a workflow."""
        server, workflow = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_WORKFLOW_REF", "")
        builder = f"{server}/{workflow}" if workflow else "https://localhost/by-hand"
        return cls(registry, source, commit, int(os.environ.get("SOURCE_DATE_EPOCH", "0")), builder)

    @property
    def plain_http(self) -> bool:
        """Whether the registry is this machine's own, which is reached without TLS."""
        host = self.registry.partition("/")[0]
        return host.rpartition(":")[0] in LOOPBACK or host in LOOPBACK

    def repository(self, image: str) -> str:
        """Return where an image is, whatever its version."""
        return f"{self.registry}/{image}"

    def image(self, image: str) -> str:
        """Return an image by its tag."""
        return f"{self.repository(image)}:{PROJECT['version']}"

    @property
    def charts(self) -> str:
        """Return the repository below which charts are."""
        return f"{self.registry}/charts"

    @property
    def chart(self) -> str:
        """Return the chart by its tag."""
        return f"{self.charts}/{PROJECT['name']}:{PROJECT['version']}"
