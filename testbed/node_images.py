"""Images without a registry or a builder: a few files, as an archive that containerd imports."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.go_build import target


def write_image(archive: Path, name: str, files: Mapping[str, bytes | str], command: Sequence[str]) -> Path:
    """Write an image of one layer to `archive`, and return `archive`.

    `name` is as in a pod. Of `files`, by path, bytes are an executable's and a string is a link's target.
    """
    layer = _tar(files)
    system, machine = target()
    config = json.dumps(
        {
            "os": system,
            "architecture": machine,
            "config": {"Cmd": list(command)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    archive.write_bytes(_tar({"layer.tar": layer, "config.json": config, "manifest.json": manifest}))
    return archive


def _tar(files: Mapping[str, bytes | str]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.mode = 0o755
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()
