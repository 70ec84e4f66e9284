"""What is served on which port: health for kubelet, metrics for Prometheus."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.manager.access import LONGEST_HEADER, Access
from adobe_ims_operator.manager.certificate import Certificate
from adobe_ims_operator.manager.metrics import METRICS_PATH, Metrics
from adobe_ims_operator.manager.serving import MAX_LINE, Server


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to serve, and how; nothing is served on a port that is 0."""

    metrics: int = 0
    health: int = 0
    certificate: Certificate | None = None
    """For the metrics, which are served by HTTPS then."""
    guarded: bool = False
    """Whether the API server decides who may read the metrics."""

    def servers(self, health: Sequence[web.RouteDef], metrics: Metrics, kube: Kube) -> list[Server]:
        """The servers, one for each port.

        Args:
            kube: asks the API server who may read the metrics; also while another replica leads.
        """
        access = Access(kube, METRICS_PATH) if self.guarded else None
        if self.metrics == self.health:
            return [Server(self.health, [*health, *metrics.routes()])] if self.health else []
        longest = MAX_LINE if access is None else LONGEST_HEADER
        found = [Server(self.health, health), Server(self.metrics, metrics.routes(access), self.certificate, longest)]
        return [server for server in found if server.port]
