"""The image, unpacked and run as a pod runs it, without a container runtime.

That is: as the image's user or one that a cluster chose, without capabilities or a way to get any, on a read-only
root file system. Only the network is the machine's, so that what is run reaches a control plane or a stand-in here.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.process import BOUND

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

# exec all the way, so that a signal reaches the command itself.
ENTER = """\
{mount} --bind "$0" "$0" && {mount} -t proc proc "$0/proc" && {mount} --bind "$1" "$0{account}" || exit 125
{mount} -o remount,bind,ro "$0" && {mount} -o remount,bind,ro "$0{account}" || exit 125
root=$0; shift
exec {setpriv} --no-new-privs {chroot} --userspec={user} --groups= "$root" "$@"
"""


class Image:
    """An archive that `testbed.image` built, unpacked into `folder`."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.root = folder / "root"
        self.members: list[tarfile.TarInfo] = []
        with tarfile.open(archive) as tar:
            manifest = json.loads(_read(tar, "manifest.json"))[0]
            self.document: dict[str, Any] = json.loads(_read(tar, manifest["Config"]))
            for name in manifest["Layers"]:
                with tarfile.open(fileobj=tar.extractfile(name)) as layer:
                    self.members += layer.getmembers()
                    layer.extractall(self.root, filter="fully_trusted")  # noqa: S202 - our own, just built
        self.config: dict[str, Any] = self.document["config"]
        self.user = str(self.config["User"])
        self.environment = dict(each.split("=", 1) for each in self.config["Env"])
        # A container runtime makes these too before it starts a container.
        (self.root / "proc").mkdir()
        (self.root / SERVICE_ACCOUNT.lstrip("/")).mkdir(parents=True)

    def command(self, command: Sequence[str], account: Path | None = None, user: str | None = None) -> list[str]:
        """Return what runs `command` inside.

        `account` is the folder that a pod finds its service account in, `user` another than the image's own.
        """
        tools = {name: shutil.which(name) for name in ("mount", "setpriv", "chroot", "unshare")}
        script = ENTER.format(**tools, account=SERVICE_ACCOUNT, user=user or self.user)
        nothing = self.root / "tmp"
        return [
            str(tools["unshare"]),
            "--mount",
            "/bin/sh",
            "-c",
            script,
            str(self.root),
            str(account or nothing),
            *command,
        ]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command inside to its end."""
        return subprocess.run(
            self.command(command), env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )

    def start(
        self,
        command: Sequence[str],
        log: Path,
        account: Path | None = None,
        environment: dict[str, str] | None = None,
        user: str | None = None,
    ) -> "subprocess.Popen[str]":
        """Start a command inside, its stderr to `log`; it dies with the thread that started it."""
        bound = [sys.executable, "-c", BOUND, str(os.getpid())]
        with log.open("ab") as errors:
            return subprocess.Popen(
                [*bound, *self.command(command, account, user)],
                env={**self.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()
