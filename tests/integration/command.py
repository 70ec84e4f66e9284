"""The commands for people, as processes that find the cluster by a kubeconfig; none may print a secret in any test."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from testbed import warm_start
from testbed.scene import Scene

BARE = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "ADOBE_"))}


SECRETS = ("eyJ", "opaque-", "p8e-", "ZXlK", "b3BhcXVlL", "cDhlL")
"""How each token of the stand-in and each client secret of these tests begins, also in base64."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What it printed, as JSON."""
        assert self.out, f"it ended with {self.code} and printed nothing but: {self.err}"
        found: dict[str, Any] = json.loads(self.out)
        return found


def asked(scene: Scene, mark: int, user: str = "admin") -> list[tuple[str, str]]:
    """What commands asked of the API server since a mark in the audit log, as verbs and resources."""
    assert scene.control_plane.audit_log is not None
    events = [json.loads(line) for line in scene.control_plane.audit_log.read_text().split("\n")[mark:-1]]
    return [
        (event["verb"], event.get("objectRef", {}).get("resource", ""))
        for event in events
        if event["user"].get("username") == user and event.get("userAgent") == "adobe-ims-operator"
    ]


def command(kubeconfig: Path, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
    """Run `adobe-ims-operator` with these arguments, to its end."""
    variables = {**BARE, "KUBECONFIG": str(kubeconfig), **(environment or {})}
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode())
        files = (given, out, err)
        for file in files:
            file.seek(0)
        code = warm_start.start("adobe_ims_operator", arguments, variables, *files).wait(100)
        for file in files:
            file.seek(0)
        ended = Ended(code, out.read().decode(), err.read().decode())
    for private in SECRETS:
        assert private not in ended.out + ended.err, "a token or a client secret was printed"
    return ended
