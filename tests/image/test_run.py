"""The image does its job where nothing may be written and no privilege is had."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
import yaml

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.api import Api, wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane
from testbed.image import PROJECT
from testbed.image_root import Image
from testbed.operator_process import create_account
from testbed.scene import CLIENT, manifest

pytestmark = pytest.mark.timeout(600)  # the first of them builds the image

LOOK = """
import os, pathlib
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(os.getuid(), os.getgid(), status["CapEff"].strip(), status["NoNewPrivs"].strip())
for place in ("/tmp", "/app", "/", "/etc"):
    try:
        open(place + "/new", "a")
    except OSError as error:
        print(place, error.strerror)
"""


@pytest.fixture
def started() -> "Iterator[list[subprocess.Popen[str]]]":
    """Processes to end after the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def ims(the_stand_in: Image, tmp_path: Path, started: "list[subprocess.Popen[str]]") -> str:
    """The URL of a stand-in from its own image."""
    flags = ["--http", "--port=0", "--control-port=0", f"--client={SAMPLE_CLIENT_ID}={SAMPLE_CLIENT_SECRET}"]
    stand_in = the_stand_in.start(["adobe-ims-stand-in", "run", *flags], tmp_path / "stand-in.log")
    started.append(stand_in)
    assert stand_in.stdout is not None
    line = stand_in.stdout.readline()
    assert line, (tmp_path / "stand-in.log").read_text()
    return str(json.loads(line)["url"])


def test_it_is_run_here_as_in_a_pod(the_image: Image) -> None:
    done = the_image.run("python", "-c", LOOK)
    assert done.stdout.splitlines() == [
        "65532 65532 0000000000000000 1",
        *(f"{place} Read-only file system" for place in ("/tmp", "/app", "/", "/etc")),
    ], done.stderr


def test_the_command_answers(the_image: Image) -> None:
    assert the_image.run("adobe-ims-operator", "--version").stdout.split()[-1] == PROJECT["version"]
    told = the_image.run("adobe-ims-operator", "run", "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert "--ims-ca-file" in told.stdout


def test_the_stand_ins_command_answers(the_stand_in: Image) -> None:
    assert the_stand_in.run("adobe-ims-stand-in", "--help").returncode == 0


def test_the_authorities_of_debian_are_trusted(the_image: Image) -> None:
    trust = "from adobe_ims_operator.adobe.tls_trust import load_trust"
    code = f"{trust}; print(load_trust(None).cert_store_stats()['x509_ca'])"
    bundle = (the_image.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert int(the_image.run("python", "-c", code).stdout) == bundle.count("BEGIN CERTIFICATE") > 100


def test_the_stand_in_serves_tokens_over_http(ims: str) -> None:
    form = {"grant_type": "client_credentials", **CLIENT, "scope": "openid"}
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{ims}/ims/token/v3", data=form)
    assert answer.json()["access_token"]


@pytest.mark.parametrize("user", ["65532:65532", "1000660000:0"], ids=["its user", "a user of OpenShift's"])
def test_it_waits_for_an_api_server_that_is_away_and_says_so(
    the_image: Image,
    user: str,
    tmp_path: Path,
    started: "list[subprocess.Popen[str]]",
) -> None:
    account = _account(tmp_path, "none", trustme.CA().cert_pem.bytes(), "default")
    log = tmp_path / "operator.log"
    operator = _operator(the_image, log, account, 1, user=user)
    started.append(operator)
    wait_for("the operator to say so", lambda: "can't be reached" in log.read_text())
    operator.send_signal(signal.SIGTERM)
    assert operator.wait(10) == 0, log.read_text()


def test_it_makes_a_secret_of_a_credential_on_a_real_control_plane(
    the_image: Image, ims: str, tmp_path: Path, started: "list[subprocess.Popen[str]]"
) -> None:
    log = tmp_path / "operator.log"
    with (
        ControlPlane(tmp_path / "control-plane", crds=CRDS) as plane,
        Api.from_kubeconfig(plane.kubeconfig) as api,
    ):
        namespace = api.create_namespace()
        user = yaml.safe_load(create_account(api, plane.kubeconfig, namespace, tmp_path).read_text())
        account = _account(tmp_path, user["users"][0]["user"]["token"], plane.files.ca.read_bytes(), namespace)
        client = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "oauth"}, "stringData": CLIENT}
        api.apply(client, namespace=namespace)
        api.apply(manifest("lightroom"), namespace=namespace)
        flags = ("--namespace", namespace, "--leader-elect", "--endpoint", ims, "--allow-http-endpoint")
        operator = _operator(the_image, log, account, httpx.URL(plane.url).port or 443, *flags)
        started.append(operator)
        path = f"/api/v1/namespaces/{namespace}/secrets/lightroom"
        secret = wait_for(f"the Secret, see {log}", lambda: api.get_or_none(path))
        assert secret["data"]["access_token"]
        operator.send_signal(signal.SIGTERM)
        assert operator.wait(10) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def _account(folder: Path, token: str, authority: bytes, namespace: str) -> Path:
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(token)
    (account / "ca.crt").write_bytes(authority)
    (account / "namespace").write_text(namespace)
    return account


def _operator(
    image: Image, log: Path, account: Path, port: int, *flags: str, user: str | None = None
) -> "subprocess.Popen[str]":
    command = [*image.config["Entrypoint"], *image.config["Cmd"], "--metrics-port=0", "--health-port=0", *flags]
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
    return image.start(command, log, account, environment, user)
