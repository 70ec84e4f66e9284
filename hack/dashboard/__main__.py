"""Draws docs/dashboard.svg: `make dashboard`.

A real Prometheus scrapes a real operator on a control plane of this machine; some of its credentials are broken on
purpose. Each panel is drawn from the answers to its own queries. Grafana is not needed, and not used.
"""

import tempfile
import time
from pathlib import Path

from dashboard.picture import Answer, draw
from testbed.address import free_ports
from testbed.api import Api
from testbed.binaries import REPOSITORY
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.dashboard import Panel, break_credentials, panels
from testbed.prometheus import Prometheus
from testbed.scene import Scene
from testbed.stand_in import StandIn

PICTURE = REPOSITORY / "docs" / "dashboard.svg"
WATCHED_SECONDS = 150.0
CAPTION = (
    "Drawn by `make dashboard` from the answers of a real Prometheus to each panel's queries, not by Grafana; "
    "the credentials are those of a test, with an IMS that is a stand-in."
)


def main() -> None:
    """Play, ask, draw."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plane").mkdir()
        (port,) = free_ports(1)
        with (
            ControlPlane(folder / "plane", crds=CRDS, audit=True) as plane,
            Api.from_kubeconfig(plane.kubeconfig) as api,
            StandIn(folder) as ims,
        ):
            scene = Scene(plane, api, ims, folder)
            try:
                scene.operator(f"--metrics-port={port}")
                with Prometheus(port, folder) as prometheus:
                    _look(scene, prometheus)
            finally:
                scene.close()


def _look(scene: Scene, prometheus: Prometheus) -> None:
    start = time.time()
    break_credentials(scene)
    scene.ims.settings(latency=0.2)
    time.sleep(WATCHED_SECONDS / 2)
    scene.rules({"behaviour": "server_error", "fraction": 0.5})
    time.sleep(WATCHED_SECONDS / 2)
    shown = list(panels())
    answers = {
        panel.title: [_ask(panel, *target, prometheus, start, scene) for target in panel.targets]
        for panel in shown
        if panel.targets
    }
    PICTURE.write_text(draw(shown, answers, CAPTION))


def _ask(panel: Panel, query: str, legend: str, prometheus: Prometheus, start: float, scene: Scene) -> Answer:
    over_time = panel.kind == "timeseries"
    series = prometheus.range(query, start, time.time(), 2) if over_time else prometheus.query(query)
    return Answer(legend, [(_tidy(labels, scene), values) for labels, values in series])


def _tidy(labels: dict[str, str], scene: Scene) -> dict[str, str]:
    """Labels with the names of a cluster, in place of those that a test makes up."""
    names = {scene.namespace: "photos", scene.ims.url: "https://ims.example.com"}
    return {name: names.get(value, value) for name, value in labels.items()}


if __name__ == "__main__":
    main()
