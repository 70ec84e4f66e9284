"""The commands for people: what is offered, completed, read of a running operator, and asked of the API server."""

import copy
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from adobe_ims_operator.api.reasons import Unreported
from adobe_ims_operator.cli.check import check
from adobe_ims_operator.cli.complete import complete
from adobe_ims_operator.cli.crd_fields import own_fields, served_fields
from adobe_ims_operator.cli.main import COMMANDS, main, plugin
from adobe_ims_operator.cli.output import when
from adobe_ims_operator.cli.permissions import CLIENT_SECRETS, LEASE, NEEDED, RESTARTS
from adobe_ims_operator.cli.results import Culprit, Outcome
from adobe_ims_operator.cli.run_settings import Settings, flags_of, read_settings
from adobe_ims_operator.core.explain import Action
from adobe_ims_operator.core.rotate_request import State
from permissions import flat
from testbed import operator_process, read_yaml

ROOT = Path(__file__).parents[2]
CRD = read_yaml.load((ROOT / "deploy/crds/adobeimscredentials.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def document(schema: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with a schema, as the API server publishes it."""
    marked = {**schema, "x-kubernetes-group-version-kind": [{"kind": "AdobeIMSCredential"}]}
    return {"components": {"schemas": {"dev.adobe-ims.v1alpha1.AdobeIMSCredential": marked}}}


def test_the_permissions_that_are_checked_are_those_that_are_granted() -> None:
    assert flat(operator_process.rules()) == {*NEEDED, *RESTARTS}
    assert flat(operator_process.client_secret_rules()) == set(CLIENT_SECRETS)
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


def settings_in_pod(folder: Path, *arguments: str) -> Settings:
    """What `check` works with beside an operator that may send secrets to two endpoints."""
    first = folder / "cmdline"
    words = ("adobe-ims-operator", "run", "--endpoint", "https://a.example", "--endpoint", "https://b.example")
    first.write_bytes(b"".join(word.encode() + b"\0" for word in words))
    return read_settings(check.make_context("check", list(arguments)), first)


def test_in_the_pod_the_flags_of_its_operator_count(tmp_path: Path) -> None:
    settings = settings_in_pod(tmp_path, "lightroom")
    assert settings.endpoints.urls == ("https://a.example", "https://b.example")
    assert (settings.known, settings.source) == (True, "the process that runs in this pod")


def test_in_the_pod_flags_may_choose_among_the_endpoints_but_add_none(tmp_path: Path) -> None:
    chosen = settings_in_pod(tmp_path, "--", "--endpoint", "https://b.example")
    assert chosen.endpoints.urls == ("https://b.example",)
    with pytest.raises(click.BadParameter, match="from this pod"):
        settings_in_pod(tmp_path, "--", "--endpoint", "https://b.example", "--endpoint", "https://c.example")


def test_in_the_pod_flags_add_no_console_api(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="does not serve client secrets by"):
        settings_in_pod(tmp_path, "--", "--endpoint", "https://b.example", "--client-secrets")
    assert settings_in_pod(tmp_path).console_endpoint is None
    elsewhere = read_settings(check.make_context("check", ["--", "--client-secrets"]), tmp_path / "none")
    assert elsewhere.console_endpoint == "https://api.adobe.io"


def test_elsewhere_it_says_that_its_settings_need_not_be_the_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADOBE_IMS_OPERATOR_SELECTOR", "team=photos")
    settings = read_settings(check.make_context("check", []), tmp_path / "none")
    assert (settings.known, settings.selector) == (False, "team=photos")
    assert settings.source.startswith("the defaults of run and ADOBE_IMS_OPERATOR_SELECTOR, which need not be")
    given = read_settings(check.make_context("check", ["--", "--concurrency=3"]), tmp_path / "none")
    assert (given.known, given.source) == (True, "the flags after -- and ADOBE_IMS_OPERATOR_SELECTOR")


def test_a_kubeconfig_that_is_named_is_used_and_left_out_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("nonsense")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    result = CliRunner().invoke(main, ["status", "--kubeconfig", str(kubeconfig)])
    assert os.environ["KUBECONFIG"] == "/nowhere"
    assert f"--kubeconfig={kubeconfig}: it is no kubeconfig" in result.output


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("check --selector team=photos", "--selector is a flag of run; put the flags"),
        ("check lightroom --metrics-port 1", "--metrics-port is a flag of run"),
        ("check -- --nonsense", "No such option '--nonsense'"),
        ("check --nonsense", "No such option '--nonsense'"),
        ("check --endpoint https://a.example", "--endpoint goes with --client-secret"),
        ("check lightroom --scope openid", "--scope goes with --client-secret"),
        ("check lightroom --client-secret oauth", "not both"),
        ("status -A -n photos", "give --namespace or --all-namespaces, not both"),
        ("status lightroom -A", "NAME stands alone"),
        ("rotate lightroom --timeout 5s", "--timeout goes with --wait"),
        ("rotate lightroom -y", "--yes goes with --all"),
        ("suspend -l team=photos -y", "--yes goes with --all"),
        ("resume --all -A -n photos", "not both"),
    ],
)
def test_a_flag_that_would_do_nothing_is_refused(command: str, problem: str) -> None:
    result = CliRunner(env={"KUBECONFIG": "/nowhere"}).invoke(main, command.split())
    assert result.exit_code == 2, result.output
    assert problem in result.output.replace("\n", " ")


def test_each_word_that_commands_answer_with_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    assert [word for kind in (Unreported, Outcome, State, Action) for word in kind if f"`{word}`" not in page] == []
    culprits = {
        word for line in page.splitlines() if line.startswith("| ") for word in line.split("|")[1].strip().split(", ")
    }
    assert [word for word in Culprit if word not in culprits] == []


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
