"""Metrics by TLS, to those whom the API server lets read them: a real process, and the real API server's answers."""

import contextlib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from testbed import plain_http
from testbed.address import free_ports
from testbed.api import Object, wait_for
from testbed.helm import template
from testbed.operator_process import ACCOUNT, Operator
from testbed.prometheus import Prometheus
from testbed.scene import Scene

RBAC = "rbac.authorization.k8s.io"
AUTH = {"metrics": {"tls": {"secretName": "metrics-tls"}, "auth": {"enabled": True}}}
(REVIEWS,) = [
    each["rules"]
    for each in template(AUTH)
    if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", f"{ACCOUNT}-metrics-auth")
]
SCRAPING = [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]


class Guarded:
    """An operator that serves metrics by TLS, to those who may."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.authority = trustme.CA()
        self.port, self.health = free_ports(2)
        self.chain, self.key = folder / "tls.crt", folder / "tls.key"
        self.renew()
        self._roles: set[str] = set()
        self.grant(ACCOUNT, REVIEWS)
        flags = (f"--metrics-cert-file={self.chain}", f"--metrics-key-file={self.key}", "--metrics-auth")
        self.operator: Operator = scene.operator(f"--metrics-port={self.port}", f"--health-port={self.health}", *flags)
        wait_for("it to serve", lambda: plain_http.get(f"http://127.0.0.1:{self.health}/readyz").status_code == 200)

    def renew(self) -> None:
        certificate = self.authority.issue_cert("127.0.0.1")
        self.chain.write_bytes(certificate.cert_chain_pems[0].bytes())
        self.key.write_bytes(certificate.private_key_pem.bytes())

    def grant(self, account: str, rules: list[Object]) -> None:
        """Let a service account of this namespace do something that is in none."""
        name = f"{account}-{self.scene.namespace}"
        role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": self.scene.namespace}
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
        binding = {**role, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]}
        del binding["rules"]
        for each in (role, binding):
            self.scene.api.apply(each)
        self._roles.add(name)

    def token(self, account: str) -> str:
        """A token of a new service account."""
        metadata = {"name": account, "namespace": self.scene.namespace}
        self.scene.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        plane = self.scene.control_plane
        command = [str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", f"--namespace={self.scene.namespace}"]
        return subprocess.check_output([*command, "create", "token", account], text=True).strip()

    def client(self) -> httpx.Client:
        tls = ssl.create_default_context()
        self.authority.configure_trust(tls)
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", verify=tls, trust_env=False, timeout=20)

    def ask(self, token: str | None = None) -> httpx.Response:
        with self.client() as client:
            return client.get("/metrics", headers={} if token is None else {"Authorization": f"Bearer {token}"})

    def token_reviews(self) -> float:
        """How many requests the operator has sent that create something, questions among them."""
        lines = self.ask(self.reader).text.splitlines()
        posts = [line for line in lines if line.startswith("adobe_ims_operator_api_requests_total{") and "POST" in line]
        return sum(float(line.rpartition(" ")[2]) for line in posts)

    @property
    def reader(self) -> str:
        """A token whose holder may read metrics."""
        if not hasattr(self, "_reader"):
            self._reader = self.token("reader")
            self.grant("reader", SCRAPING)
            wait_for("the reader to be let in", lambda: self.ask(self._reader).status_code == 200, timeout=45)
        return self._reader

    def close(self) -> None:
        for name in self._roles:
            for plural in ("clusterroles", "clusterrolebindings"):
                self.scene.api.delete(f"/apis/{RBAC}/v1/{plural}/{name}")


@pytest.fixture
def guarded(scene: Scene, tmp_path: Path) -> Iterator[Guarded]:
    found = Guarded(scene, tmp_path)
    yield found
    found.close()


def test_metrics_are_given_to_those_who_may_get_them_and_to_nobody_else(guarded: Guarded) -> None:
    stranger = guarded.token("stranger")
    answers = {
        name: guarded.ask(token) for name, token in {"none": None, "no token": "hush", "other": stranger}.items()
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "none": 401,
        "no token": 401,
        "other": 403,
    }
    assert answers["none"].headers["WWW-Authenticate"] == "Bearer"
    assert not any("adobe_ims" in answer.text for answer in answers.values())
    assert "adobe_ims_operator_info" in guarded.ask(guarded.reader).text
    with pytest.raises(httpx.TransportError):
        plain_http.get(f"http://127.0.0.1:{guarded.port}/metrics")
    text = guarded.operator.text()
    assert stranger not in text
    assert "hush" not in text


@pytest.mark.parametrize("token", ["reader", "stranger"])
def test_a_prometheus_scrapes_by_tls_with_the_token_of_its_account(
    guarded: Guarded, tmp_path: Path, token: str
) -> None:
    credentials, authority = tmp_path / "token", tmp_path / "ca.crt"
    credentials.write_text(guarded.reader if token == "reader" else guarded.token(token))
    authority.write_bytes(guarded.authority.cert_pem.bytes())
    job = {
        "scheme": "https",
        "tls_config": {"ca_file": str(authority)},
        "authorization": {"credentials_file": str(credentials)},
    }
    with Prometheus(guarded.port, tmp_path, job=job) as prometheus:
        ((_, [(_, up)]),) = wait_for("a scrape", lambda: prometheus.query("up") or None)
        found = prometheus.query("adobe_ims_operator_info")
    assert (up, len(found)) == ((1, 1) if token == "reader" else (0, 0))


def test_many_unknown_tokens_cost_the_api_server_little_and_keep_a_known_one_out_of_nothing(guarded: Guarded) -> None:
    before = guarded.token_reviews()
    logged = len(guarded.operator.text().splitlines())
    started, statuses = time.monotonic(), set()
    with guarded.client() as client:
        for number in range(30):
            statuses.add(client.get("/metrics", headers={"Authorization": f"Bearer unknown-{number}"}).status_code)
            # The same one again is decided already.
            statuses.add(client.get("/metrics", headers={"Authorization": f"Bearer unknown-{number}"}).status_code)
    took = time.monotonic() - started
    assert statuses == {401}
    assert guarded.token_reviews() - before < 30 + 10, "one for each, and a few writes of Events"
    assert took > 2.5, "ten a second"
    assert len(guarded.operator.text().splitlines()) - logged < 5


def test_a_token_that_is_far_too_long_is_refused_and_asks_nobody(guarded: Guarded) -> None:
    before = guarded.token_reviews()
    logged = len(guarded.operator.text().splitlines())
    for length, status in ((100_000, 400), (8193, 401)):
        for _ in range(5):
            assert guarded.ask("x" * length).status_code == status
    assert guarded.token_reviews() - before < 5
    assert "xxxx" not in guarded.operator.text()
    assert len(guarded.operator.text().splitlines()) - logged < 5


def test_who_connects_and_says_nothing_keeps_nobody_out_and_is_cut_off(guarded: Guarded) -> None:
    reader = guarded.reader
    files = Path(f"/proc/{guarded.operator.process.pid}/fd")
    before = len(list(files.iterdir()))
    silent = [socket.create_connection(("127.0.0.1", guarded.port)) for _ in range(150)]
    try:
        assert guarded.ask(reader).status_code == 200
        assert len(list(files.iterdir())) - before < 80, "64 handshakes at once"
        for each in silent:
            each.settimeout(10)
            with contextlib.suppress(ConnectionError):
                assert each.recv(1) == b""
    finally:
        for each in silent:
            each.close()
    wait_for("all to be closed", lambda: len(list(files.iterdir())) - before < 5)
    assert guarded.ask(reader).status_code == 200


def test_without_leave_to_ask_nobody_is_let_in_and_it_is_logged_once(guarded: Guarded) -> None:
    guarded.grant(ACCOUNT, [])

    def refused() -> bool:
        return guarded.ask(f"unknown-{time.monotonic()}").status_code == 500

    wait_for("it to be refused", refused)
    assert all(refused() for _ in range(5))
    assert guarded.operator.text().count("can't tell who may read /metrics") == 1


def test_a_renewed_certificate_is_served_without_a_restart(guarded: Guarded) -> None:
    guarded.authority = trustme.CA()
    with pytest.raises(httpx.ConnectError):
        guarded.ask()
    guarded.chain.write_text("half of one")
    with pytest.raises(httpx.ConnectError):
        guarded.ask()
    assert guarded.operator.text().count("can't be read again") == 1
    guarded.renew()
    assert guarded.ask().status_code == 401
