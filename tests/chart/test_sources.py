"""What is said in two places is the same in both: versions, values, their schema and their table, and deploy/."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from testbed import read_yaml
from testbed.binaries import REPOSITORY
from testbed.helm import CHART, run

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
METADATA = read_yaml.load((CHART / "Chart.yaml").read_text())
VALUES = read_yaml.load((CHART / "values.yaml").read_text())
FROM_AROUND = {"enabled"}
"""Values that only a chart around this one has a use for."""
SHARED = ".global"
"""Where other charts have values too."""
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def test_helm_finds_nothing_to_blame() -> None:
    assert "0 chart(s) failed" in run("lint", "--strict", str(CHART))


def test_the_version_is_the_projects() -> None:
    assert (METADATA["version"], METADATA["appVersion"]) == (PROJECT["version"], PROJECT["version"])
    assert METADATA["annotations"]["artifacthub.io/license"] == PROJECT["license"]


def test_the_example_in_the_catalogue_is_the_sample() -> None:
    (example,) = read_yaml.load(METADATA["annotations"]["artifacthub.io/crdsExamples"])
    _, sample = read_yaml.load_all((REPOSITORY / "deploy/samples/credential.yaml").read_text())
    assert example == sample


def keys(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> None:
    """Compare the keys of values with the properties of their schema, and let neither have more."""
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    if "properties" not in schema:
        return
    assert schema.get("additionalProperties", True) is (path == SHARED), path
    assert schema["properties"].keys() - (set() if path else FROM_AROUND) == values.keys(), path
    for name, value in values.items():
        keys(value, schema["properties"][name], f"{path}.{name}")


def test_the_schema_knows_exactly_the_values_that_there_are() -> None:
    keys(VALUES, SCHEMA)


def test_every_value_is_documented_at_its_place() -> None:
    rows = [line for line in (CHART / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 90
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("script", ["values", "manifests"])
def test_what_is_made_is_as_new_as_its_source(script: str) -> None:
    check(script, REPOSITORY)


@pytest.mark.parametrize(
    ("script", "made"),
    [
        ("values", "charts/adobe-ims-operator/README.md"),
        ("manifests", "deploy/operator.yaml"),
        ("manifests", "deploy/restart/rbac.yaml"),
        ("manifests", "deploy/client-secrets/rbac.yaml"),
        ("manifests", "deploy/crds/adobeimscredentials.yaml"),
        ("manifests", "deploy/crds/adobeimsclientsecrets.yaml"),
    ],
)
def test_what_is_made_and_then_changed_by_hand_is_found_out(script: str, made: str, tmp_path: Path) -> None:
    for folder in ("charts", "deploy", "hack", "requirements", "testbed"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    changed = tmp_path / made
    changed.write_text(changed.read_text().replace("adobe", "adobo"))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        check(script, tmp_path)
    assert "run 'make manifests'" in failed.value.stderr


def check(script: str, root: Path) -> None:
    command = [sys.executable, str(root / "hack" / f"{script}.py"), "--check"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
