"""A person on call, with the commands, the alerts and the dashboard alone, before ten credentials that are broken."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from chart.objects import one
from integration.command import command
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.dashboard import panels
from testbed.helm import template
from testbed.operator_process import rules as granted
from testbed.prometheus import Prometheus
from testbed.scene import CLIENT, Scene, allow

WITHOUT, FAILING = "AdobeIMSCredentialWithoutToken", "AdobeIMSRotationFailing"
SHORT = {"credentialWithoutToken": {"for": "2s"}, "rotationFailing": {"for": "2s"}}
(VERBS,) = (rule["verbs"] for rule in granted() if "secrets" in rule["resources"])
"""What the operator may do with Secrets."""


class Broken(NamedTuple):
    """What is seen of one: the cause in its line, and what `check` says."""

    cause: str
    culprit: str


BROKEN = {
    "wrong-id": Broken("InvalidClient", "client id"),
    "wrong-secret": Broken("InvalidClient", "client secret"),
    "no-secret": Broken("ClientSecretNotFound", "client Secret"),
    "no-key": Broken("ClientSecretKeyMissing", "client Secret"),
    "bad-scope": Broken("InvalidScope", "scopes"),
    "elsewhere": Broken("EndpointNotAllowed", "endpoint"),
    "down": Broken("IMSUnavailable", "IMS"),
    "throttled": Broken("IMSRateLimited", "throttling by IMS"),
    "taken": Broken("SecretNotOwned", "spec"),
    "forbidden": Broken("SecretWriteRefused", "API server"),
}
MISBEHAVIOURS: dict[str, dict[str, object]] = {
    "bad-scope": {"behaviour": "error", "error": "invalid_scope", "status": 400},
    "down": {"behaviour": "server_error"},
    "throttled": {"behaviour": "rate_limited", "retry_after": 30},
}
"""Of IMS to the client of a credential."""


def break_all(scene: Scene) -> None:
    ids = {name: f"{number:x}" * 32 for number, name in enumerate(MISBEHAVIOURS, 10)}
    secret = CLIENT["client_secret"]
    scene.ims.clients({CLIENT["client_id"]: secret, **dict.fromkeys(ids.values(), secret)})
    scene.rules(*({**rule, "client_id": ids[name]} for name, rule in MISBEHAVIOURS.items()))
    data = {
        **{name: {**CLIENT, "client_id": client_id} for name, client_id in ids.items()},
        "wrong-id": {**CLIENT, "client_id": "f" * 32},
        "wrong-secret": {**CLIENT, "client_secret": "p8e-wrong"},
        "no-key": {"client_id": CLIENT["client_id"]},
    }
    for name, each in data.items():
        scene.client_secret(f"{name}-oauth", each)
    scene.client_secret()
    scene.credential("well")
    scene.wait_ready("well")
    scene.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taken"}}, namespace=scene.namespace)
    allow(scene.api, scene.namespace, "secrets", [verb for verb in VERBS if verb != "create"])
    for name in BROKEN:
        spec = {"client": {"secretRef": {"name": f"{name}-oauth"}}} if name in data or name == "no-secret" else {}
        scene.credential(name, **spec, **({"endpoint": "https://ims.example"} if name == "elsewhere" else {}))


def chart_rules() -> dict[str, object]:
    """The chart's alerts, which wait for seconds only."""
    values = {"metrics": {"prometheusRule": {"enabled": True, "alerts": SHORT}}}
    spec: dict[str, object] = one(template(values), "PrometheusRule")["spec"]
    return spec


def failing_and_why(prometheus: Prometheus) -> dict[str, str]:
    """What the dashboard's panel shows."""
    (query,) = (panel.targets[0][0] for panel in panels() if panel.title == "Failing, and why")
    return {labels["name"]: labels["reason"] for labels, _ in prometheus.query(query)}


def test_each_of_ten_broken_credentials_is_explained_and_one_is_mended(scene: Scene, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    scene.operator(f"--metrics-port={port}")
    kubeconfig, where = scene.control_plane.kubeconfig, ("-n", scene.namespace, "-o", "json")
    run = ("--", "--endpoint", scene.ims.url, "--ims-ca-file", str(scene.ims.ca), "--namespace", scene.namespace)
    with Prometheus(port, tmp_path, rules=chart_rules()) as prometheus:
        break_all(scene)
        expected = {name: each.cause for name, each in BROKEN.items()}
        alerts = {(alert, name) for alert in (WITHOUT, FAILING) for name in BROKEN}

        def told(causes: dict[str, str]) -> bool:
            assert failing_and_why(prometheus) == causes
            assert prometheus.firing() == {(alert, name) for alert, name in alerts if name in causes}
            return True

        wait_for("the alerts and the dashboard to tell of all", lambda: told(expected), 30)
        lines = command(kubeconfig, "status", *where).document["credentials"]
        assert {each["name"]: each["cause"] for each in lines if not each["well"]} == expected

        def culprit(name: str) -> list[Broken]:
            checks = command(kubeconfig, "check", name, *where, *run).document["checks"]
            return [Broken(each["reason"], each["culprit"]) for each in checks if each["outcome"] == "Failed"]

        with ThreadPoolExecutor(2) as pool:
            named = dict(zip(BROKEN, pool.map(culprit, BROKEN), strict=True))
        assert named == {name: [broken] for name, broken in BROKEN.items()}
        # The permission first, since without it no new Secret is written at all.
        allow(scene.api, scene.namespace, "secrets", VERBS)
        scene.client_secret("wrong-id-oauth")
        assert command(kubeconfig, "rotate", "wrong-id", "forbidden", "--wait", *where).code == 0
        mended = {name: cause for name, cause in expected.items() if name not in ("wrong-id", "forbidden")}
        wait_for("the alerts and the dashboard to follow", lambda: told(mended), 30)
        assert command(kubeconfig, "check", "wrong-id", *where, *run).code == 0
