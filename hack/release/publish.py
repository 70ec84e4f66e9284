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
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
"""Of a chart's package, by https://helm.sh/docs/topics/registries/."""
MATERIALS = ("Dockerfile", "requirements/build.txt", "requirements/run.txt", "requirements/stand-in.txt")


def publish(release: Release, archives: Archives, signer: signing.Signer | None, base: str = "") -> dict[str, str]:
    """Push all of a release, and return its references by digest, by name. Without `signer` nothing is signed.

    `base` is the image by its digest that the images are built on, where that is known.

    Raises ToolError and HelmError.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        statement = provenance(release, archives, base, scratch)
        pushed = {name: _push_image(release, name, archives[name], signer, scratch) for name in release.images}
        package = chart.package(scratch, release)
        for name, reference in pushed.items():
            _refuse_another(release.image(name), reference.partition("@")[2], _tagged(release.image(name)))
        _refuse_another(release.chart, f"sha256:{_digest(package)}", _layer(release.chart))
        for reference in pushed.values():
            _sign(reference, statement, signer)
        for reference in pushed.values():
            tools.crane("tag", reference, PROJECT["version"])
        # Helm tags what it pushes, so the chart is the last, when all that it names is there.
        tools.push_chart(package, release.charts, plain_http=release.plain_http)
        pushed["chart"] = f"{release.charts}/{PROJECT['name']}@{tools.crane('digest', release.chart).strip()}"
        _sign(pushed["chart"], statement, signer)
        return pushed


def _sign(reference: str, statement: Path, signer: signing.Signer | None) -> None:
    if signer:
        signing.sign(reference, signer)
        signing.attest(reference, signing.PROVENANCE, statement, signer)


def _refuse_another(tag: str, ours: str, theirs: str) -> None:
    if theirs not in ("", ours):
        raise tools.ToolError(f"{tag} is there already and is {theirs}, not {ours}: set another version")


def _tagged(tag: str) -> str:
    """Return the digest that a tag has in the registry, "" where there is no such tag."""
    try:
        return tools.crane("digest", tag).strip()
    except tools.ToolError as error:
        if any(word in str(error) for word in ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "404")):
            return ""
        raise


def _layer(tag: str) -> str:
    """Return the digest of the package in a chart, likewise."""
    if not _tagged(tag):
        return ""
    layers = json.loads(tools.crane("manifest", tag))["layers"]
    return next((str(each["digest"]) for each in layers if each["mediaType"] == CHART_LAYER), "another kind of thing")


def _push_image(
    release: Release, name: str, archives: Sequence[Path], signer: signing.Signer | None, scratch: Path
) -> str:
    """Push by digest only, so that a tag is there when all of it is, and signed."""
    parts = []
    for archive in archives:
        digest = tools.crane("digest", f"--tarball={archive}").strip()
        part = f"{release.repository(name)}@{digest}"
        tools.crane("push", str(archive), part)
        parts.append(part)
        if signer:
            bill = scratch / f"{name}-{digest.removeprefix('sha256:')[:16]}.cdx.json"
            tools.syft("scan", f"docker-archive:{archive}", f"--output=cyclonedx-json={bill}")
            signing.attest(part, signing.SBOM, bill, signer)
    if len(parts) == 1:
        return parts[0]
    layout = scratch / name
    tools.crane("index", "append", str(layout), *(f"--manifest={part}" for part in parts))
    index = f"{release.repository(name)}@sha256:{_digest(layout / 'index.json')}"
    tools.crane("push", "--index", str(layout), index)
    return index


def provenance(release: Release, archives: Archives, base: str, folder: Path) -> Path:
    """Write how a release is built, as SLSA v1.0 has it (https://slsa.dev/spec/v1.0/provenance)."""
    sources = [{"uri": f"git+{release.source}", "digest": {"gitCommit": release.commit}}] if release.source else []
    locks = [{"name": name, "digest": {"sha256": _digest(REPOSITORY / name)}} for name in MATERIALS]
    built = [
        {"name": f"{name}-archive", "digest": {"sha256": _digest(path)}}
        for name in release.images
        for path in archives[name]
    ]
    image, _, digest = base.partition("@sha256:")
    under = [{"uri": f"docker://{image}", "digest": {"sha256": digest}}] if digest else []
    statement = {
        "buildDefinition": {
            "buildType": f"{release.source or 'https://localhost'}/blob/main/docs/releasing.md",
            "externalParameters": {"version": PROJECT["version"], "commit": release.commit},
            "resolvedDependencies": [*sources, *locks, *under, *built],
        },
        "runDetails": {"builder": {"id": release.builder}},
    }
    path = folder / "provenance.json"
    path.write_text(json.dumps(statement, indent=2))
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
