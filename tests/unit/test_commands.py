"""The commands for people: what is offered, completed, read of a running operator, and asked of the API server."""

import copy
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from adobe_ims_operator.cli.check import check
from adobe_ims_operator.cli.complete import complete
from adobe_ims_operator.cli.crd_fields import own_fields, served_fields
from adobe_ims_operator.cli.main import COMMANDS, main, plugin
from adobe_ims_operator.cli.output import when
from adobe_ims_operator.cli.permissions import LEASE, NEEDED, RESTARTS, Permission
from adobe_ims_operator.cli.run_settings import Settings, flags_of, read_settings
from testbed import operator_process

ROOT = Path(__file__).parents[2]
CRD = yaml.safe_load((ROOT / "deploy/crds/adobeimscredentials.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def flat(rules: Sequence[dict[str, Any]]) -> set[Permission]:
    """Each verb on each resource of some rules."""
    return {
        Permission(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def document(schema: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with a schema, as the API server publishes it."""
    marked = {**schema, "x-kubernetes-group-version-kind": [{"kind": "AdobeIMSCredential"}]}
    return {"components": {"schemas": {"dev.adobe-ims.v1alpha1.AdobeIMSCredential": marked}}}


def test_the_permissions_that_are_checked_are_those_that_are_granted() -> None:
    assert flat(operator_process.rules()) == {*NEEDED, *RESTARTS}
    assert flat(operator_process.lease_rules()) == set(LEASE)


def test_the_fields_that_are_compared_are_those_of_the_crd() -> None:
    assert served_fields(document(SCHEMA)) == own_fields()


@pytest.mark.parametrize("path", ["spec.client.organizationId", "status.restarts.reason", "spec.rotation"])
def test_a_crd_without_a_field_is_seen_to_be_older(path: str) -> None:
    older = copy.deepcopy(SCHEMA)
    *parents, last = path.split(".")
    at = older
    for name in parents:
        at = at["properties"][name]
        at = at.get("items", at)
    del at["properties"][last]
    served = served_fields(document(older))
    assert served is not None
    assert path in own_fields() - served


def test_a_cluster_without_the_crd_serves_no_fields() -> None:
    assert served_fields({}) is None
    assert served_fields({"components": {"schemas": {"other": {"x-kubernetes-group-version-kind": []}}}}) is None


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["/app/bin/python", "/app/bin/adobe-ims-operator", "run", "--endpoint=https://a", "-x"], 2),
        (["python", "-m", "adobe_ims_operator", "run"], 0),
        (["adobe-ims-operator", "check", "run"], None),
        (["sh", "-c", "sleep"], None),
        ([], None),
    ],
    ids=str,
)
def test_the_flags_of_a_running_operator_are_found(words: list[str], flags: int | None) -> None:
    found = flags_of(b"".join(word.encode() + b"\0" for word in words))
    assert found == (None if flags is None else words[len(words) - flags :])


def settings_in_pod(folder: Path, patch: pytest.MonkeyPatch, *flags: str) -> Settings:
    """What `check` works with beside an operator that may send secrets to two endpoints."""
    first = folder / "cmdline"
    words = ("adobe-ims-operator", "run", "--endpoint", "https://a.example", "--endpoint", "https://b.example")
    first.write_bytes(b"".join(word.encode() + b"\0" for word in words))
    patch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    patch.delenv("KUBECONFIG", raising=False)
    return read_settings(check.make_context("check", list(flags)), first)


def test_in_the_pod_a_flag_may_choose_among_the_endpoints_but_add_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings_in_pod(tmp_path, monkeypatch, "--endpoint", "https://b.example")
    assert chosen.endpoints.urls == ("https://b.example",)
    with pytest.raises(click.BadParameter, match="from this pod"):
        settings_in_pod(tmp_path, monkeypatch, "--endpoint", "https://b.example", "--endpoint", "https://c.example")


def test_the_plugin_offers_all_but_run() -> None:
    offered = CliRunner().invoke(plugin, ["--help"]).output
    assert [name for name in COMMANDS if f"\n  {name} " in offered] == [name for name in COMMANDS if name != "run"]
    assert CliRunner().invoke(plugin, ["run"]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "choices", "directive"),
    [
        (["r"], ["rotate", "resume"], 4),
        (["status", "-o", "j"], ["json"], 4),
        (["status", "--ku"], ["--kubeconfig"], 4),
        (["status", "--kubeconfig", ""], [], 0),
        ([], [name for name in COMMANDS if name != "run"], 4),
    ],
    ids=str,
)
def test_a_shell_gets_choices_and_a_directive(words: list[str], choices: list[str], directive: int) -> None:
    *lines, last = complete(words).splitlines()
    assert [line.partition("\t")[0] for line in lines] == choices
    assert last == f":{directive}"


def test_help_and_completion_import_none_of_the_commands() -> None:
    script = "import sys; sys.argv[1:] = ['s']; from adobe_ims_operator.__main__ import complete; complete(); "
    script += "print([name for name in ('kubernetes', 'kopf', 'httpx', 'pydantic') if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_says_what_it_is_for(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: main " + name)


@pytest.mark.parametrize(
    ("hours", "phrase", "expiry"),
    [(3, "in 3h", "in 3h"), (-3, "3h ago", "expired 3h ago"), (None, "-", "-")],
)
def test_a_time_is_a_whole_phrase(hours: int | None, phrase: str, expiry: str) -> None:
    now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    moment = None if hours is None else now + timedelta(hours=hours)
    assert (when(moment, now), when(moment, now, past="expired")) == (phrase, expiry)
