"""`helm test` runs `check` as the operator: with its account, its image, and all its flags, variables and volumes."""

from typing import Any

import pytest
from click.testing import CliRunner

from adobe_ims_operator.cli.main import main
from chart.objects import EVERYTHING, container, one, pod, render

HOOKS = {"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
OF_ONE_CONTAINER = {"name", "args", "ports", "startupProbe", "livenessProbe", "readinessProbe"}
"""It serves nothing, so it has no ports, which with hostNetwork the operator has taken, and no probes."""
OF_ONE_POD = {"containers", "restartPolicy"}
"""It ends, so it has no extraContainers, which don't."""
MORE = {
    "initContainers": [{"name": "first", "image": "busybox"}],
    "extraContainers": [{"name": "beside", "image": "busybox"}],
    "hostNetwork": True,
    "dnsPolicy": "ClusterFirstWithHostNet",
}


def without(fields: dict[str, Any], exceptions: set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in exceptions}


@pytest.mark.parametrize(
    "values",
    [{}, {"standIn": {"enabled": True}}, {"watchNamespaces": ["photos", "video"]}, EVERYTHING, {**EVERYTHING, **MORE}],
    ids=str,
)
def test_the_pod_of_the_test_is_as_the_operators(values: dict[str, Any]) -> None:
    objects = render(**values)
    found = one(objects, "Pod", "adobe-ims-operator-check")
    assert found["metadata"]["annotations"] == HOOKS
    check, operator = found["spec"], pod(objects)["spec"]
    (checks,), (operators, *_) = check["containers"], operator["containers"]
    assert (checks["args"][:2], checks["args"][2:]) == (["check", "--"], operators["args"][1:])
    assert without(checks, OF_ONE_CONTAINER) == without(operators, OF_ONE_CONTAINER)
    assert without(check, OF_ONE_POD) == without(operator, OF_ONE_POD)
    assert check["restartPolicy"] == "Never"


def test_no_service_policy_or_deployment_takes_it_for_an_operator() -> None:
    objects = render(**EVERYTHING)
    labels = one(objects, "Pod", "adobe-ims-operator-check")["metadata"]["labels"]
    selected = one(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    assert not selected.items() <= labels.items()


def test_check_takes_every_flag_that_the_chart_sets() -> None:
    flags = [each for each in container(render(**EVERYTHING))["args"][1:] if not each.startswith("--ims-ca-file")]
    result = CliRunner(env={"KUBECONFIG": "/nowhere"}).invoke(main, ["check", "--", *flags])
    assert "no cluster to work on" in result.output, "the flags are read before that"
    assert result.exit_code == 1


def test_without_helm_there_is_no_test() -> None:
    assert not [each for each in render(creator="static") if each["kind"] == "Pod"]
