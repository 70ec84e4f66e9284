"""Values that contradict each other, or that there are none of, are refused with a message that says what to do."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.objects import CA, of, render
from testbed import read_yaml
from testbed.helm import CHART, HelmError, run
from testbed.image import VERSION

CONTRADICTIONS: list[tuple[Mapping[str, Any], str]] = [
    ({"replicaCount": 2, "leaderElection": {"enabled": False}}, "set leaderElection.enabled=true"),
    ({"leaderElection": {"enabled": False}, "strategy": {"type": "RollingUpdate"}}, "set strategy.type=Recreate"),
    ({"leaderElection": {"enabled": False}, "strategy": {"rollingUpdate": {"maxSurge": 1}}}, "or leave strategy empty"),
    ({"proxy": {"httpsProxy": "http://me:hush@proxy:3128"}}, "set HTTPS_PROXY by extraEnv, from a Secret"),
    ({"proxy": {"httpProxy": "http://me:hush/@proxy:3128"}}, "set HTTP_PROXY by extraEnv, from a Secret"),
    (
        {"standIn": {"enabled": True}, "extraEnv": [{"name": "NO_PROXY", "value": ".svc"}]},
        "set proxy.noProxy, and leave",
    ),
    ({"proxy": {"noProxy": ".svc"}, "extraEnv": [{"name": "no_proxy", "value": ".a"}]}, "extraEnv has no_proxy, which"),
    (
        {"proxy": {"httpsProxy": "http://a"}, "extraEnv": [{"name": "HTTPS_PROXY"}]},
        "too: set proxy.httpsProxy, and leave",
    ),
    ({"caBundle": {"pem": CA, "secretName": "ca"}}, "set one of caBundle.pem, caBundle.configMapName and"),
    ({"caBundle": {"configMapName": "ca", "secretName": "ca"}}, "set one of caBundle.pem, caBundle.configMapName and"),
    ({"standIn": {"enabled": True}, "endpoints": ["https://ims.example.com"]}, "leave endpoints empty"),
    ({"endpoints": ["http://ims.example.com"]}, "the endpoint http://ims.example.com would get client secrets in the"),
    (
        {"standIn": {"enabled": True}, "clientSecrets": {"consoleEndpoint": "https://console.example.com"}},
        "leave clientSecrets.consoleEndpoint empty",
    ),
    ({"clientSecrets": {"consoleEndpoint": "http://console.test"}}, "the console API http://console.test would get"),
    ({"serviceAccount": {"create": False}}, "needs serviceAccount.name"),
    ({"rbac": {"namespaces": ["team-a"]}}, "rbac.namespaces has team-a, which is not watched"),
    ({"podDisruptionBudget": {"enabled": True, "minAvailable": 0, "maxUnavailable": 1}}, "not both"),
    ({"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}}, "enable one of them"),
    ({"metrics": {"serviceMonitor": {"enabled": True}, "service": {"enabled": False}}}, "take metrics.podMonitor"),
    ({"metrics": {"enabled": False, "podMonitor": {"enabled": True}}}, "podMonitor.enabled needs metrics.enabled=true"),
    ({"metrics": {"enabled": False, "prometheusRule": {"enabled": True}}}, "Rule.enabled needs metrics.enabled=true"),
    ({"metrics": {"auth": {"enabled": True}}}, "sent in the clear: set metrics.tls.secretName"),
    (
        {"metrics": {"serviceMonitor": {"authorization": {"type": "Bearer"}, "bearerTokenFile": "/token"}}},
        "set authorization or bearerTokenFile, not both",
    ),
    (
        {"global": {"imageRegistry": "mirror.example"}, "image": {"repository": "quay.io/team/x"}},
        "quay.io/team/x has a registry of its own, and mirror.example would stand before it",
    ),
    (
        {"image": {"registry": "mirror.example"}, "standIn": {"image": {"repository": "localhost/x"}}},
        "standIn.image.repository localhost/x has a registry of its own",
    ),
    ({"metrics": {"port": 8081}}, "metrics.port and healthPort are both 8081: choose two"),
]

NO_VALUES: list[tuple[Mapping[str, Any], str]] = [
    ({"replicaCunt": 2}, "replicaCunt"),
    ({"image": {"repo": "x"}}, "repo"),
    ({"metrics": {"serviceMonitor": {"intervall": "30s"}}}, "intervall"),
    ({"metrics": {"podMonitor": {"bearerTokenFile": "/token"}}}, "bearerTokenFile"),
    ({"image": {"tag": "sha256:abc"}}, "/image/tag"),
    ({"image": {"digest": "abc"}}, "/image/digest"),
    ({"replicaCount": "2"}, "/replicaCount"),
    ({"logLevel": "trace"}, "/logLevel"),
    ({"concurrency": 0}, "/concurrency"),
    ({"imsQps": 0}, "/imsQps"),
    ({"endpoints": ["ims.example.com"]}, "/endpoints/0"),
    ({"endpoints": ["https://ims.example.com/ims/token"]}, "/endpoints/0"),
    ({"watchNamespaces": "photos"}, "/watchNamespaces"),
    ({"watchNamespaces": ["photos", "photos"]}, "/watchNamespaces"),
    ({"watchNamespaces": ["photos video"]}, "/watchNamespaces/0"),
    ({"caBundle": {"pem": "MIIB"}}, "/caBundle/pem"),
    ({"caBundle": {"pem": "\n"}}, "/caBundle/pem"),
    ({"caBundle": {"pem": f"  {CA}"}}, "/caBundle/pem"),
    ({"strategy": {"rollingupdate": {}}}, "rollingupdate"),
    ({"proxy": {"httpsProxy": "proxy.example.com"}}, "/proxy/httpsProxy"),
    ({"image": {"repository": "https://registry.example.com/ims"}}, "/image/repository"),
    ({"enabled": "no"}, "/enabled"),
    ({"podLabels": {"app.kubernetes.io/name": "mine"}}, "app.kubernetes.io/name"),
    ({"commonLabels": {"helm.sh/chart": "mine"}}, "helm.sh/chart"),
    ({"commonLabels": {"answer": 42}}, "/commonLabels/answer"),
    ({"terminationGracePeriodSeconds": 5}, "/terminationGracePeriodSeconds"),
]


@pytest.mark.parametrize(("values", "message"), CONTRADICTIONS)
def test_values_that_contradict_each_other_are_refused(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(HelmError) as refused:
        render(**values)
    assert message in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(("values", "message"), NO_VALUES)
def test_what_is_no_value_is_refused(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(HelmError, match="schema") as refused:
        render(**values)
    assert message in str(refused.value)


def test_global_values_of_other_charts_are_let_be() -> None:
    assert render(**{"global": {"storageClass": "fast", "imageRegistry": ""}}) == render()


@pytest.mark.parametrize("enabled", [True, False])
def test_a_chart_around_this_one_switches_it_on_and_off(tmp_path: Path, enabled: bool) -> None:
    dependency = {"name": CHART.name, "version": VERSION, "condition": f"{CHART.name}.enabled"}
    around = {"apiVersion": "v2", "name": "around", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(around))
    shutil.copytree(CHART, tmp_path / "charts" / CHART.name)
    values = {CHART.name: {"enabled": enabled}, "global": {"imageRegistry": "registry.example.com"}}
    objects = [each for each in read_yaml.load_all(run("template", "around", str(tmp_path), values=values)) if each]
    assert of(objects, "Deployment").keys() == ({"around-adobe-ims-operator"} if enabled else set())
