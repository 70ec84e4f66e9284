"""kube-state-metrics on a cluster, and promtool on what it gives, as deploy/kube-state-metrics/ has them configured."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from testbed import plain_http, read_yaml
from testbed.address import free_ports
from testbed.api import Api
from testbed.binaries import REPOSITORY, monitoring
from testbed.control_plane import ControlPlane, service_account_kubeconfig
from testbed.process import Process

FOLDER = REPOSITORY / "deploy" / "kube-state-metrics"
ACCOUNT = NAMESPACE = "kube-state-metrics"
SAMPLE = re.compile(r"^(kube_adobeims\w+)\{(.*)\} (\S+)$", re.MULTILINE)
SCRAPES = 4
"""Minutes from one sample to the next; Prometheus forgets a series after five."""

Series = dict[str, float]
"""A value by the name and labels of its series."""


class KubeStateMetrics:
    """A running kube-state-metrics that may do what rbac.yaml grants, and no more; `with` starts and ends it."""

    def __init__(self, plane: ControlPlane, api: Api, folder: Path) -> None:
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
        api.apply(account, namespace=NAMESPACE)
        api.apply(FOLDER / "rbac.yaml")
        path = folder / "kube-state-metrics.kubeconfig"
        self._kubeconfig = service_account_kubeconfig(plane.kubeconfig, None, NAMESPACE, ACCOUNT, path, plane.kubectl)
        self.log = folder / "kube-state-metrics.log"
        self._ports = free_ports(2)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        port, telemetry = self._ports
        command = [str(monitoring().kube_state_metrics), f"--kubeconfig={self._kubeconfig}"]
        command += [f"--port={port}", f"--telemetry-port={telemetry}", "--host=127.0.0.1", "--telemetry-host=127.0.0.1"]
        command += [
            "--custom-resource-state-only",
            f"--custom-resource-state-config-file={FOLDER}/custom-resource-state.yaml",
        ]
        self._process = Process.start("kube-state-metrics", command, self.log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()

    def series(self, namespace: str) -> Series:
        """What it gives now of the objects of a namespace."""
        text = plain_http.get(f"http://127.0.0.1:{self._ports[0]}/metrics").text
        found = {f"{name}{{{labels}}}": float(value) for name, labels, value in SAMPLE.findall(text)}
        return {name: value for name, value in found.items() if f'namespace="{namespace}"' in name}


def rules() -> list[dict[str, Any]]:
    """The alerts of rules.yaml."""
    (group,) = read_yaml.load((FOLDER / "rules.yaml").read_text())["spec"]["groups"]
    return list(group["rules"])


def check_alerts(
    series: Series, start: float, expected: Mapping[float, Sequence[tuple[str, str, str]]], folder: Path
) -> str:
    """What promtool finds wrong with what is expected to fire; "" where that is right.

    Args:
        series: as they were at `start`, in seconds of the epoch, and stay from then on.
        expected: by minutes after the start, all that fire then: the alert, the namespace and the name.
    """
    last = int(max(expected) / SCRAPES) + 2
    test = {
        "interval": f"{SCRAPES}m",
        "start_timestamp": int(start),
        "input_series": [{"series": name, "values": f"{value:.0f}x{last}"} for name, value in series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{int(minutes)}m",
                "alertname": rule["alert"],
                "exp_alerts": [_alert(rule, *of) for alert, *of in fires if alert == rule["alert"]],
            }
            for minutes, fires in expected.items()
            for rule in rules()
        ],
    }
    spec = read_yaml.load((FOLDER / "rules.yaml").read_text())["spec"]
    return run_rule_tests(spec, [test], folder)


def run_rule_tests(
    rules: Mapping[str, Any], tests: Sequence[Mapping[str, Any]], folder: Path, every: str = "1m"
) -> str:
    """What promtool finds wrong with rules by its tests; "" where nothing is.

    Args:
        rules: a rule file of Prometheus, which is the spec of a PrometheusRule.
        tests: as in a test file of promtool.
        every: how often the rules are evaluated.
    """
    (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)))
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": every, "tests": list(tests)}
    (folder / "tests.yaml").write_text(yaml.safe_dump(content))
    command = [str(monitoring().promtool), "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def _alert(rule: Mapping[str, Any], namespace: str, name: str) -> dict[str, Any]:
    values = {"{{ $labels.namespace }}": namespace, "{{ $labels.name }}": name}
    annotations = dict(rule["annotations"])
    for key, text in annotations.items():
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)  # noqa: PLW2901 - one after the other
        annotations[key] = text
    return {"exp_labels": {**rule["labels"], "namespace": namespace, "name": name}, "exp_annotations": annotations}
