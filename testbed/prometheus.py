"""Prometheus as a process that scrapes one operator, as the chart's monitors have it do."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from testbed import plain_http
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.binaries import monitoring
from testbed.process import Process

POD = {"namespace": "adobe-ims-operator", "pod": "adobe-ims-operator-5c4f9-abcde"}
"""The labels that a monitor gives a target."""

Series = tuple[dict[str, str], list[tuple[float, float]]]
"""Labels, and pairs of epoch seconds and a value."""


class Prometheus:
    """A running Prometheus; `with` starts and ends it.

    Args:
        target: the port of an operator's metrics.
        every: seconds between two scrapes.
        rules: a rule file, which is the spec of a PrometheusRule; they are evaluated as often.
        job: more fields of the scrape's configuration, such as `scheme`.
    """

    def __init__(
        self,
        target: int,
        folder: Path,
        every: int = 1,
        rules: Mapping[str, Any] | None = None,
        job: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = folder / "prometheus"
        self._folder.mkdir()
        self._every = every
        (port,) = free_ports(1)
        self._address = f"127.0.0.1:{port}"
        scrape = {
            "job_name": "adobe-ims-operator",
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{target}"], "labels": POD}],
            **(job or {}),
        }
        intervals = {"scrape_interval": f"{every}s", "evaluation_interval": f"{every}s"}
        config: dict[str, Any] = {"global": intervals, "scrape_configs": [scrape]}
        if rules is not None:
            (self._folder / "rules.yml").write_text(yaml.safe_dump(dict(rules)))
            config["rule_files"] = ["rules.yml"]
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._process: Process | None = None

    def __enter__(self) -> Self:
        command = [str(monitoring().prometheus), f"--config.file={self._folder}/prometheus.yml"]
        command += [f"--storage.tsdb.path={self._folder}/data", f"--web.listen-address={self._address}"]
        self._process = Process.start("prometheus", command, self._folder / "log")
        wait_for("Prometheus to be ready", self._is_ready)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()

    def _is_ready(self) -> bool:
        try:
            return plain_http.get(f"http://{self._address}/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[Series]:
        """What a query gives now; a value that is no number counts as none."""
        found = self._ask("query", {"query": self._filled(expression)})
        if found["resultType"] == "scalar":
            return [({}, [_sample(found["result"])])]
        series = [(each["metric"], [_sample(each["value"])]) for each in found["result"]]
        return [each for each in series if not math.isnan(each[1][0][1])]

    def firing(self) -> set[tuple[str, str]]:
        """The alerts that fire now, each with the name of the credential that it is about."""
        found = self.query('ALERTS{alertstate="firing"}')
        return {(labels["alertname"], labels.get("name", "")) for labels, _ in found}

    def range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """What a query gives from `start` to `end`, in epoch seconds, each `step` seconds."""
        query = {"query": self._filled(expression), "start": f"{start}", "end": f"{end}", "step": f"{step}"}
        return [
            (each["metric"], [_sample(pair) for pair in each["values"]])
            for each in self._ask("query_range", query)["result"]
        ]

    def _filled(self, expression: str) -> str:
        # Grafana: $__rate_interval is at least four times the scrape interval.
        return expression.replace("$__rate_interval", f"{max(4 * self._every, 15)}s").replace("$namespace", ".*")

    def _ask(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        response = plain_http.get(f"http://{self._address}/api/v1/{path}", parameters)
        answer = response.json()
        if answer["status"] != "success":
            raise RuntimeError(f"Prometheus refuses {parameters['query']}: {answer['error']}")
        found: dict[str, Any] = answer["data"]
        return found


def _sample(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
