"""What kubelet and Prometheus ask of an operator."""

from testbed import plain_http
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.scene import Scene


class Ports:
    """Where one operator tells of its health and its metrics."""

    def __init__(self) -> None:
        self.health, self.metrics = free_ports(2)

    @property
    def flags(self) -> tuple[str, ...]:
        return f"--health-port={self.health}", f"--metrics-port={self.metrics}"

    def ask(self, path: str) -> tuple[int, str]:
        """The status and text that kubelet gets; raises httpx.TransportError as it would be refused."""
        port = self.metrics if path == "/metrics" else self.health
        response = plain_http.get(f"http://127.0.0.1:{port}{path}", timeout=3)
        return response.status_code, response.text

    def wait_until(self, path: str, status: int, text: str = "", timeout: float = 30) -> str:
        """Wait until the answer has that status and holds `text`; the answer."""

        def probe() -> str | None:
            found, answer = self.ask(path)
            assert (found, text in answer) == (status, True), f"{found}: {answer}"
            return answer

        return wait_for(f"{path} to answer {status}", probe, timeout)

    def value(self, series: str) -> float | None:
        """The value of a series of the metrics, or None where there is none."""
        _, text = self.ask("/metrics")
        found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{series} ")]
        return float(found[0]) if found else None


def of(scene: Scene, metric: str, name: str = "lightroom") -> str:
    """A series of the metrics of a credential."""
    return f'adobe_ims_credential_{metric}{{name="{name}",namespace="{scene.namespace}"}}'
