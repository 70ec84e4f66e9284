"""The packaged chart names what only a release knows: its registry, and where its runbooks are read."""

import tarfile
from pathlib import Path

import pytest
import yaml

from release import chart
from release.identity import Release
from testbed.image import VERSION


@pytest.mark.parametrize(
    ("source", "runbooks"),
    [
        ("https://git.example.com/team", f"https://git.example.com/team/blob/v{VERSION}/docs/runbooks/alerts.md"),
        ("", ""),
    ],
)
def test_a_packaged_chart_has_links_that_lead_somewhere(tmp_path: Path, source: str, runbooks: str) -> None:
    package = chart.package(tmp_path, Release.here("registry.example.com/team", source, "0" * 40))
    with tarfile.open(package) as packed:
        found = packed.extractfile("adobe-ims-operator/values.yaml")
        assert found
        values = yaml.safe_load(found)
    assert values["image"]["registry"] == "registry.example.com/team"
    assert values["metrics"]["prometheusRule"]["runbookUrl"] == runbooks
