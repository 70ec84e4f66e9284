"""The dashboard on data of a real operator that a real Prometheus scrapes: no panel stays empty."""

from pathlib import Path

from testbed.address import free_ports
from testbed.api import wait_for
from testbed.dashboard import REASONS, break_credentials, panels
from testbed.prometheus import Prometheus
from testbed.scene import Scene


def test_each_query_of_each_panel_gives_a_series(scene: Scene, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    scene.operator(f"--metrics-port={port}")
    with Prometheus(port, tmp_path) as prometheus:
        break_credentials(scene)

        def empty() -> list[str]:
            queries = [(panel.title, query) for panel in panels() for query, _ in panel.targets]
            assert len(queries) > 25
            return [f"{title}: {query}" for title, query in queries if not prometheus.query(query)]

        def probe() -> bool:
            assert empty() == []
            return True

        wait_for("all panels to show something", probe, 60)
        failing = next(panel for panel in panels() if panel.title == "Failing, and why")
        shown = {labels["name"]: labels["reason"] for labels, _ in prometheus.query(failing.targets[0][0])}
        assert shown == REASONS
        (soonest,) = (panel.targets[0][0] for panel in panels() if panel.title == "Expiring soonest")
        lifetimes = [values[0][1] for _, values in prometheus.query(soonest)]
        assert lifetimes == sorted(lifetimes)
