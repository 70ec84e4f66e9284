"""Pushes images and chart, and says of each what it is made of and how."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from release import chart, signing, tools
from release.identity import PROJECT, Release
from testbed.binaries import REPOSITORY

Archives = Mapping[str, Sequence[Path]]
"""Of each image, an archive as `docker save` writes it for each architecture."""
MATERIALS = ("Dockerfile", "requirements/build.txt", "requirements/run.txt", "requirements/stand-in.txt")


def publish(release: Release, archives: Archives, signer: signing.Signer | None) -> dict[str, str]:
    """Push all of a release, and return its references by digest, by name. Without `signer` nothing is signed.

    Raises ToolError and HelmError.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        pushed = {name: _push_image(release, name, archives[name], signer, scratch) for name in release.images}
        pushed["chart"] = _push_chart(release, scratch)
        if signer:
            for reference in pushed.values():
                signing.sign(reference, signer)
                signing.attest(reference, signing.PROVENANCE, provenance(release, scratch), signer)
    return pushed


def _push_image(
    release: Release, name: str, archives: Sequence[Path], signer: signing.Signer | None, scratch: Path
) -> str:
    parts = []
    for archive in archives:
        # By digest only, so that a tag is there when all of it is.
        digest = tools.crane("digest", f"--tarball={archive}").strip()
        part = f"{release.repository(name)}@{digest}"
        tools.crane("push", str(archive), part)
        parts.append(part)
        if signer:
            bill = scratch / f"{name}-{digest.removeprefix('sha256:')[:16]}.cdx.json"
            tools.syft("scan", f"docker-archive:{archive}", f"--output=cyclonedx-json={bill}")
            signing.attest(part, signing.SBOM, bill, signer)
    if len(parts) == 1:
        tools.crane("tag", parts[0], PROJECT["version"])
    else:
        manifests = [f"--manifest={part}" for part in parts]
        tools.crane("index", "append", *manifests, f"--tag={release.image(name)}")
    return f"{release.repository(name)}@{tools.crane('digest', release.image(name)).strip()}"


def _push_chart(release: Release, scratch: Path) -> str:
    tools.push_chart(chart.package(scratch, release), release.charts, plain_http=release.plain_http)
    return f"{release.charts}/{PROJECT['name']}@{tools.crane('digest', release.chart).strip()}"


def provenance(release: Release, folder: Path) -> Path:
    """Write how a release is built, as SLSA v1.0 has it (https://slsa.dev/spec/v1.0/provenance)."""
    sources = [{"uri": f"git+{release.source}", "digest": {"gitCommit": release.commit}}] if release.source else []
    locks = [{"name": name, "digest": {"sha256": _digest(REPOSITORY / name)}} for name in MATERIALS]
    statement = {
        "buildDefinition": {
            "buildType": f"{release.source or 'https://localhost'}/blob/main/docs/releasing.md",
            "externalParameters": {"version": PROJECT["version"], "commit": release.commit},
            "resolvedDependencies": [*sources, *locks],
        },
        "runDetails": {"builder": {"id": release.builder}},
    }
    path = folder / "provenance.json"
    path.write_text(json.dumps(statement, indent=2))
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
