"""The chart as a package that is the same each time, and that knows the registry which it goes to."""

import gzip
import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import yaml

from release.identity import PROJECT, Release
from testbed import helm

ICON = "icon.svg"
RUNBOOKS = "docs/runbooks/alerts.md"


def package(folder: Path, release: Release) -> Path:
    """Write the package into `folder`. Raises HelmError."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / helm.CHART.name
        shutil.copytree(helm.CHART, copy)
        _fill(copy / "values.yaml", "\n  registry: ", release.registry)
        if release.source:
            _fill(copy / "values.yaml", "\n    runbookUrl: ", f"{release.source}/blob/v{PROJECT['version']}/{RUNBOOKS}")
        _describe(copy / "Chart.yaml", release)
        helm.run("lint", "--strict", str(copy))
        helm.run("package", str(copy), f"--destination={scratch}")
        name = f"{helm.CHART.name}-{PROJECT['version']}.tgz"
        return _steady(Path(scratch) / name, folder / name, release.epoch)


def _fill(values: Path, key: str, value: str) -> None:
    text = values.read_text()
    changed = text.replace(f'{key}""\n', f"{key}{value}\n")
    if changed == text:
        raise ValueError(f"{values} has no empty {key.strip()} to fill in")
    values.write_text(changed)


def _describe(metadata: Path, release: Release) -> None:
    """Add what only a release knows, by the names of Chart.yaml and of Artifact Hub's annotations for Helm charts.

    https://helm.sh/docs/topics/charts/#the-chartyaml-file, https://artifacthub.io/docs/topics/annotations/helm
    """
    document = yaml.safe_load(metadata.read_text())
    images = [{"name": name, "image": release.image(name)} for name in release.images]
    document["annotations"]["artifacthub.io/images"] = yaml.safe_dump(images, sort_keys=False)
    if release.source:
        document["home"], document["sources"] = release.source, [release.source]
        place = f"raw/v{PROJECT['version']}/charts/{helm.CHART.name}/{ICON}"
        document["icon"] = f"{release.source}/{place}"
        links = [{"name": "support", "url": f"{release.source}/issues"}]
        document["annotations"]["artifacthub.io/links"] = yaml.safe_dump(links, sort_keys=False)
    metadata.write_text(yaml.safe_dump(document, sort_keys=False))


def _steady(package: Path, target: Path, epoch: int) -> Path:
    """Write an archive again without the moment and the user of its making."""
    written = io.BytesIO()
    with tarfile.open(package) as old, tarfile.open(fileobj=written, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            plain = tarfile.TarInfo(member.name)
            plain.size, plain.mode, plain.mtime = member.size, 0o644, epoch
            new.addfile(plain, old.extractfile(member))
    target.write_bytes(gzip.compress(written.getvalue(), mtime=epoch))
    # Helm takes the moment that it writes into the registry from the file.
    os.utime(target, (epoch, epoch))
    return target
