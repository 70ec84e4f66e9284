"""What stands around the pods: who selects them, names and labels, monitors, alerts, policies, the custom resource."""

import html
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from kubernetes.aio.client import Configuration

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.endpoints import ADOBE, Endpoints
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.traffic import Traffic
from adobe_ims_operator.manager.metrics import Metrics
from chart.objects import EVERYTHING, NAME, OPERATOR, Object, alerts, container, of, one, pod, render
from testbed import read_yaml
from testbed.binaries import REPOSITORY
from testbed.cluster import CRDS
from testbed.dashboard import DASHBOARD, panels
from testbed.helm import rendered, template
from testbed.image import VERSION

NO_NAMESPACE = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
STAND_IN = {**NAME, "app.kubernetes.io/component": "stand-in"}
CRD_NAMES = {"adobeimscredentials.adobe-ims.dev", "adobeimsclientsecrets.adobe-ims.dev"}


def selectors(objects: Sequence[Object]) -> dict[tuple[str, str], Object]:
    """What each object selects pods by."""
    fields = {"Service": "selector", "NetworkPolicy": "podSelector"}
    found = {}
    for each in objects:
        selected = each.get("spec", {}).get(fields.get(each["kind"], "selector"))
        if selected:
            found[each["kind"], each["metadata"]["name"]] = selected.get("matchLabels", selected)
    return found


@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_all_that_selects_the_operators_pods_selects_them_alike(monitor: str) -> None:
    metrics = {"serviceMonitor": {"enabled": False}, monitor: {"enabled": True}}
    objects = render(**{**EVERYTHING, "metrics": metrics})
    found = selectors(objects)
    kinds = {kind for kind, _ in found}
    assert kinds == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", monitor[0].upper() + monitor[1:]}
    assert list(found.values()) == [OPERATOR] * len(found)
    assert pod(objects)["metadata"]["labels"].items() >= OPERATOR.items()
    # A ServiceMonitor selects Services, by their labels.
    assert one(objects, "Service", "adobe-ims-operator-metrics")["metadata"]["labels"].items() >= OPERATOR.items()


def test_the_stand_ins_pods_are_none_of_the_operators() -> None:
    objects = render(standIn={"enabled": True}, networkPolicy={"enabled": True})
    found = selectors(objects)
    own = {name for name, selector in found.items() if selector == STAND_IN}
    assert own == {("Deployment", "adobe-ims-operator-stand-in"), ("Service", "adobe-ims-operator-stand-in")}
    assert pod(objects, "adobe-ims-operator-stand-in")["metadata"]["labels"].items() >= STAND_IN.items()


def test_every_object_has_the_usual_labels_and_the_common_ones() -> None:
    for each in render(**{**EVERYTHING, "extraObjects": []}):
        labels = each["metadata"]["labels"]
        assert labels.items() >= NAME.items()
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["helm.sh/chart"] == f"adobe-ims-operator-{VERSION}"
        assert labels["team"] == "platform"


def test_no_value_changes_what_selects_pods() -> None:
    def selected(**values: Any) -> list[Object]:
        return list(selectors(render(**EVERYTHING, **values)).values())

    changed = {"nameOverride": "tokens", "fullnameOverride": "mine", "image": {"tag": "edge"}}
    assert selected(**changed) == selected()
    assert pod(render(nameOverride="tokens"), "adobe-ims-operator-tokens")["metadata"]["labels"].items() >= (
        OPERATOR.items()
    )


def test_the_application_that_the_operator_is_a_part_of_can_be_named() -> None:
    part_of = "app.kubernetes.io/part-of"
    assert {each["metadata"]["labels"][part_of] for each in render()} == {"adobe-ims-operator"}
    values = {"commonLabels": {part_of: "photos"}}
    assert {each["metadata"]["labels"][part_of] for each in render(**values)} == {"photos"}
    assert rendered(values).count(f"{part_of}:") == len(render(**values)) + 1  # the pods have labels too


def test_a_label_of_the_pods_goes_before_a_common_one() -> None:
    objects = render(**EVERYTHING)
    assert pod(objects)["metadata"]["labels"]["tier"] == "pods"
    assert one(objects, "Service", "adobe-ims-operator-metrics")["metadata"]["labels"]["tier"] == "metrics"
    assert one(objects, "Deployment")["metadata"]["labels"]["tier"] == "shared"


def test_every_object_is_in_the_releases_namespace_or_in_none() -> None:
    for each in template({**EVERYTHING, "extraObjects": []}, namespace="elsewhere"):
        expected = None if each["kind"] in NO_NAMESPACE else "elsewhere"
        assert each["metadata"].get("namespace") == expected, each["metadata"]["name"]


@pytest.mark.parametrize(
    ("values", "release", "expected"),
    [
        ({}, "adobe-ims-operator", "adobe-ims-operator"),
        ({}, "ims", "ims-adobe-ims-operator"),
        ({"nameOverride": "tokens"}, "ims", "ims-tokens"),
        ({"fullnameOverride": "tokens"}, "ims", "tokens"),
        ({}, "a" * 53, "a" * 45),
    ],
)
def test_objects_are_named_after_the_release(values: Mapping[str, Any], release: str, expected: str) -> None:
    objects = template({**values, "standIn": {"enabled": True}}, release=release)
    assert of(objects, "Deployment").keys() == {expected, f"{expected}-stand-in"}
    for each in objects:
        name = each["metadata"]["name"]
        assert name in CRD_NAMES or name.startswith(expected)
        assert len(name) <= 63


def test_a_monitor_scrapes_the_metrics_port_with_their_own_labels() -> None:
    (endpoint,) = one(render(**EVERYTHING), "ServiceMonitor")["spec"]["endpoints"]
    given = EVERYTHING["metrics"]["serviceMonitor"]
    optional = {field: given[field] for field in ("interval", "scrapeTimeout", "relabelings", "metricRelabelings")}
    assert endpoint == {"port": "metrics", "path": "/metrics", "honorLabels": True, **optional}
    objects = render(metrics={"podMonitor": {"enabled": True, "labels": {"prometheus": "main"}}})
    assert one(objects, "PodMonitor")["spec"]["podMetricsEndpoints"] == [
        {"port": "metrics", "path": "/metrics", "honorLabels": True}
    ]
    assert one(objects, "PodMonitor")["metadata"]["labels"]["prometheus"] == "main"
    assert {"name": "metrics", "containerPort": 8080} in container(objects)["ports"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [("serviceMonitor", "ServiceMonitor"), ("podMonitor", "PodMonitor"), ("prometheusRule", "PrometheusRule")],
)
def test_a_monitor_elsewhere_still_finds_the_pods(value: str, kind: str) -> None:
    monitor = one(render(metrics={value: {"enabled": True, "namespace": "monitoring"}}), kind)
    assert monitor["metadata"]["namespace"] == "monitoring"
    if kind != "PrometheusRule":
        assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["adobe-ims-operator"]}
    beside = one(render(metrics={value: {"enabled": True}}), kind)
    assert beside["metadata"]["namespace"] == "adobe-ims-operator"
    assert "namespaceSelector" not in beside["spec"]


def _read(path: Path) -> Object:
    found: Object = read_yaml.load(path.read_text())
    return found


def controller() -> Controller:
    """One that is never started."""
    clock = Clock(lambda: datetime.now(UTC), time.monotonic)

    async def load() -> Configuration:
        return Configuration()

    kube = Kube(Configuration(host="http://127.0.0.1:9"), 1, load)
    return Controller(
        kube,
        IMSClient(ssl.create_default_context()),
        Recorder(kube, clock.now, "test"),
        Endpoints(ADOBE),
        clock=clock,
        jitter=lambda: 0.0,
        random_hex=lambda: "0" * 16,
        forbidden=Forbidden(()),
        count=lambda *_: None,
        concurrency=1,
        qps=1,
    )


async def metric_names() -> set[str]:
    served = Metrics()
    served.register(controller(), lambda: True, lambda: datetime.now(UTC), dict)
    served.register_traffic(Traffic())
    served.register_events(lambda: 0)
    served.register_client_secrets(Replacements(lambda _: None), lambda: True, lambda: True)
    application = web.Application()
    application.add_routes(served.routes())
    async with TestClient(TestServer(application)) as client, client.get("/metrics") as response:
        return set(re.findall(r"(?m)^# TYPE (\w+)", await response.text()))


async def test_alerts_ask_for_metrics_that_there_are_of_pods_of_this_release() -> None:
    names = await metric_names()
    for rule in alerts(EVERYTHING).values():
        asked = re.findall(r"(adobe_ims_\w+)\{([^}]*)\}", rule["expr"])
        assert asked
        assert {name for name, _ in asked} <= names
        assert all(re.search(r'pod=~"adobe-ims-operator-\[', labels) for _, labels in asked)


def test_the_dashboard_is_in_a_config_map_that_the_sidecar_finds() -> None:
    def config_map(**values: Any) -> Object:
        objects = render(metrics={"dashboard": {"enabled": True, **values}})
        return one(objects, "ConfigMap", "adobe-ims-operator-dashboard")

    found = config_map()
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert "annotations" not in found["metadata"]
    assert found["data"] == {DASHBOARD.name: DASHBOARD.read_text().rstrip()}
    given = config_map(labels={"dashboards": "mine"}, annotations={"example.com/owner": "me"}, folder="Adobe")
    assert given["metadata"]["labels"]["dashboards"] == "mine"
    assert given["metadata"]["annotations"] == {"example.com/owner": "me", "grafana_folder": "Adobe"}
    assert not of(render(), "ConfigMap")


def test_the_picture_of_the_dashboard_shows_each_of_its_panels() -> None:
    picture = html.unescape((REPOSITORY / "docs" / "dashboard.svg").read_text())
    assert [panel.title for panel in panels() if panel.title[:14] not in picture] == []


async def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    names = await metric_names()
    asked = {name for panel in panels() for query, _ in panel.targets for name in re.findall(r"adobe_ims_\w+", query)}
    assert len(asked) > 20
    assert {re.sub(r"_(total|bucket|info)$", "", name) for name in asked} <= {
        re.sub(r"_(total|info)$", "", name) for name in names
    }


def test_a_network_policy_lets_out_to_the_ports_of_what_the_operator_asks_and_no_others() -> None:
    def ports(objects: Sequence[Object], names: Sequence[int] = (53, 5353)) -> list[int]:
        dns, asked, *_ = one(objects, "NetworkPolicy")["spec"]["egress"]
        assert dns["ports"] == [each for port in names for each in ({"port": port, "protocol": "UDP"}, {"port": port})]
        return [port["port"] for port in asked["ports"]]

    enabled = {"enabled": True}
    assert ports(render(networkPolicy=enabled)) == [443, 6443]
    assert ports(render(networkPolicy={**enabled, "apiServerPorts": [16443]})) == [16443, 443]
    assert ports(render(networkPolicy={**enabled, "dnsPorts": [1053]}), [1053]) == [443, 6443]
    assert ports(render(networkPolicy=enabled, standIn=enabled)) == [443, 6443, 8090]
    console = {"enabled": True, "consoleEndpoint": "https://console.example.com:9443"}
    assert ports(render(networkPolicy=enabled, clientSecrets=console)) == [443, 6443, 9443]
    assert ports(render(networkPolicy=enabled, clientSecrets={**console, "enabled": False})) == [443, 6443]
    assert ports(render(**EVERYTHING)) == [443, 6443, 8443, 80, 3128]
    assert one(render(**EVERYTHING), "NetworkPolicy")["spec"]["egress"][2:] == [{"ports": [{"port": 9999}]}]


def test_a_network_policy_lets_in_to_health_and_metrics_only() -> None:
    def ingress(**values: Any) -> list[Object]:
        spec = one(render(**values), "NetworkPolicy")["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        return list(spec["ingress"])

    health, metrics = {"ports": [{"port": 8081}]}, {"ports": [{"port": 8080}]}
    assert ingress(networkPolicy={"enabled": True}) == [health, metrics]
    assert ingress(networkPolicy={"enabled": True}, metrics={"enabled": False}) == [health]
    assert ingress(**EVERYTHING) == [health, {**metrics, "from": [{"namespaceSelector": {}}]}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"maxUnavailable": 1}),
        ({"minAvailable": 0}, {"minAvailable": 0}),
        ({"minAvailable": "50%"}, {"minAvailable": "50%"}),
        ({"maxUnavailable": 0}, {"maxUnavailable": 0}),
    ],
)
def test_a_disruption_budget_is_as_given_and_lets_one_pod_go_by_default(given: Object, expected: Object) -> None:
    spec = one(render(podDisruptionBudget={"enabled": True, **given}), "PodDisruptionBudget")["spec"]
    assert {field: value for field, value in spec.items() if "vailable" in field} == expected


def test_a_pod_that_does_not_become_ready_keeps_no_node_from_being_drained() -> None:
    spec = one(render(podDisruptionBudget={"enabled": True}), "PodDisruptionBudget")["spec"]
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_custom_resources_are_the_one_source_and_stay_when_the_release_goes() -> None:
    kind = "CustomResourceDefinition"
    sources = {source["metadata"]["name"]: source for source in map(_read, CRDS.glob("*.yaml"))}
    assert sources.keys() == CRD_NAMES
    crds, passing = of(render(), kind), of(render(crds={"keep": False}), kind)
    assert {name: crd["spec"] for name, crd in crds.items()} == {name: crd["spec"] for name, crd in sources.items()}
    kept = {"helm.sh/resource-policy": "keep"}
    assert [crd["metadata"]["annotations"] for crd in crds.values()] == [kept] * len(CRD_NAMES)
    assert not [name for name in CRD_NAMES if "annotations" in passing[name]["metadata"]]
    assert not of(render(crds={"enabled": False}), "CustomResourceDefinition")


def test_more_objects_are_installed_as_they_are_or_as_templates() -> None:
    assert of(render(**EVERYTHING), "ConfigMap").keys() == {
        "adobe-ims-operator-ca",
        "adobe-ims-operator-more",
        "text",
    }


@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_metrics_by_tls_are_served_from_the_secret_and_scraped_with_what_the_monitor_says(monitor: str) -> None:
    endpoint = {
        "tlsConfig": {"ca": {"secret": {"name": "metrics-tls", "key": "ca.crt"}}, "serverName": "metrics.example.com"},
        "authorization": {"credentials": {"name": "scraper", "key": "token"}},
    }
    metrics = {"tls": {"secretName": "metrics-tls"}, "auth": {"enabled": True}, monitor: {"enabled": True, **endpoint}}
    objects = render(metrics=metrics)
    spec = one(objects, monitor[0].upper() + monitor[1:])["spec"]
    (found,) = spec.get("endpoints") or spec["podMetricsEndpoints"]
    assert found.items() >= {"scheme": "https", **endpoint}.items()
    folder = "/etc/adobe-ims-operator/metrics-tls"
    assert {"name": "metrics-tls", "mountPath": folder, "readOnly": True} in container(objects)["volumeMounts"]
    assert {"name": "metrics-tls", "secret": {"secretName": "metrics-tls"}} in pod(objects)["spec"]["volumes"]
    files = {f"--metrics-cert-file={folder}/tls.crt", f"--metrics-key-file={folder}/tls.key"}
    assert {*container(objects)["args"]} >= {*files, "--metrics-auth"}
    plain = render(metrics={monitor: {"enabled": True}})
    assert "metrics-tls" not in str(plain)
    assert "https" not in str(one(plain, monitor[0].upper() + monitor[1:]))
