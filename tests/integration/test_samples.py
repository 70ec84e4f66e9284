"""The samples do what they say: their own programs call an Adobe API with the token that is in the Secret now.

There is no node here, so this plays the kubelet: it lays a Secret out as a volume or an environment, and runs the
command of the manifest as a process of this machine.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from adobe_ims_stand_in.api import PATH
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID
from chart.objects import of
from testbed import read_yaml
from testbed.api import Api, Object, wait_for
from testbed.binaries import REPOSITORY
from testbed.control_plane import ControlPlane
from testbed.helm import template
from testbed.process import BOUND
from testbed.scene import Scene
from unit.stand_in.asking import connected

FOLDER = REPOSITORY / "deploy" / "samples"
CLIENT_SECRET = FOLDER / "client-secret.yaml"
REFERENCES = [REPOSITORY / "docs" / name for name in ("reference.md", "reference-client-secret.md")]
ROTATE = "adobe-ims.dev/rotate"

# What the samples ask of curl, for machines without one; the real one comes before it on PATH.
CURL = f"""\
#!{sys.executable}
import argparse, urllib.request
parser = argparse.ArgumentParser()
for flag in ("--silent", "--show-error", "--fail"):
    parser.add_argument(flag, action="store_true", required=True)
parser.add_argument("--max-time", type=float)
parser.add_argument("--header", type=lambda name: open(name.removeprefix("@")).read().splitlines())
parser.add_argument("url")
given = parser.parse_args()
headers = dict(line.split(": ", 1) for line in given.header)
print(urllib.request.urlopen(urllib.request.Request(given.url, headers=headers), timeout=given.max_time).read())
"""


@dataclass
class AdobeApi:
    """The stand-in's API behind plain http, as it is in a cluster, for the sample client alone."""

    call: Callable[[str], int]
    """The status of the answer to an Authorization header."""
    url: str = ""
    accepted: list[str] = field(default_factory=list)
    """The token of each call that was answered with 200."""

    def answer(self, authorization: str, api_key: str) -> int:
        status = self.call(authorization) if api_key == SAMPLE_CLIENT_ID else 403
        if status == 200:
            self.accepted.append(authorization.removeprefix("Bearer "))
        return status


@pytest.fixture
def adobe(scene: Scene) -> Iterator[AdobeApi]:
    client = connected(scene.ims)
    api = AdobeApi(lambda authorization: client.get(PATH, headers={"Authorization": authorization}).status_code)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == PATH
            self.send_response(api.answer(self.headers["Authorization"] or "", self.headers["x-api-key"] or ""))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing: pytest shows what matters."""

    with client, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Sample:
    """A credential and the workload that reads its Secret."""

    credential: Object
    workload: Object

    @classmethod
    def read(cls, name: str) -> "Sample":
        return cls(*read_yaml.load_all((FOLDER / f"{name}.yaml").read_text()))

    @property
    def name(self) -> str:
        return str(self.credential["metadata"]["name"])

    @property
    def pod(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.workload["spec"]
        for wrapper in ("jobTemplate", "template"):
            spec = spec[wrapper]["spec"] if wrapper in spec else spec
        return spec


@dataclass(frozen=True)
class Kubelet:
    """Runs the one container of a pod here, with a folder in place of each mountPath.

    Args:
        secret: the data of a Secret of that name.
        overrides: variables whose values in the manifest are not for a test.
    """

    pod: dict[str, Any]
    folder: Path
    secret: Callable[[str], Mapping[str, str]]
    overrides: Mapping[str, str]

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.pod["containers"]
        return dict(container)

    def lay_volumes(self) -> None:
        """Bring the volumes up to date as the kubelet does, so that no reader ever sees a half of it."""
        for volume in self.pod.get("volumes", ()):
            assert volume["secret"].keys() == {"secretName"}
            folder = self.folder / volume["name"]
            latest = folder / f"..{secrets.token_hex(4)}"
            latest.mkdir(parents=True)
            for key, text in self.secret(volume["secret"]["secretName"]).items():
                (latest / key).write_text(text)
                if not (folder / key).is_symlink():
                    (folder / key).symlink_to(Path("..data") / key)
            (folder / "..data_tmp").symlink_to(latest.name)
            (folder / "..data_tmp").replace(folder / "..data")

    def environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in self.container.get("envFrom", ()):
            found |= self.secret(source["secretRef"]["name"])
        declared = {each["name"]: each["value"] for each in self.container["env"]}
        assert self.overrides.keys() >= declared.keys(), "a variable of a sample that this test does not know"
        return found | {name: self.overrides[name] for name in declared}

    def command(self, environment: Mapping[str, str]) -> list[str]:
        container = self.container
        return [self._localize(_expand(word, environment)) for word in (*container["command"], *container["args"])]

    @contextmanager
    def run(self) -> "Iterator[subprocess.Popen[bytes]]":
        self.lay_volumes()
        environment = self.environment()
        program, *arguments = self.command(environment)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], str(self._curl())])
        found = shutil.which(program, path=path)
        assert found, program
        bound = [sys.executable, "-I", "-S", "-c", BOUND, str(os.getpid())] if sys.platform == "linux" else []
        with (self.folder / "program.log").open("ab") as log:
            process = subprocess.Popen(
                [*bound, found, *arguments], env={**environment, "PATH": path}, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _localize(self, word: str) -> str:
        for mount in self.container.get("volumeMounts", ()):
            assert mount["mountPath"] in word or not word.startswith(("@", "/")), word
            word = word.replace(mount["mountPath"], str(self.folder / mount["name"]))
        return word

    def _curl(self) -> Path:
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "curl").write_text(CURL)
        (folder / "curl").chmod(0o755)
        return folder


def _expand(word: str, environment: Mapping[str, str]) -> str:
    """Replace $(NAME) as Kubernetes does in command and args: $$ is one $, and an unknown name stays as it is."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else environment.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([-._a-zA-Z0-9]+)\)", value, word)


def apply(scene: Scene, sample: Sample) -> None:
    """Apply a sample as its first lines say, and wait for the token."""
    scene.api.apply(CLIENT_SECRET, namespace=scene.namespace)
    scene.api.apply(sample.credential, namespace=scene.namespace)
    # A new namespace has no service account for pods in its first moments.
    wait_for("the workload to be taken", lambda: scene.api.apply(sample.workload, namespace=scene.namespace))
    scene.wait_ready(sample.name)


def kubelet(scene: Scene, sample: Sample, adobe: AdobeApi, folder: Path) -> Kubelet:
    overrides = {"API_URL": f"{adobe.url}{PATH}", "SECONDS_BETWEEN_CALLS": "0.1"}
    return Kubelet(sample.pod, folder, scene.data, overrides)


def token_in(data: Mapping[str, str]) -> str:
    """The one token in a Secret, however its keys are laid out."""
    found = set(re.findall(r"eyJ[-._a-zA-Z0-9]+", " ".join(data.values())))
    assert len(found) == 1
    return str(found.pop())


def wait_called(adobe: AdobeApi, token: str, folder: Path) -> None:
    def called() -> bool:
        assert adobe.accepted, (folder / "program.log").read_text()[-500:]
        return adobe.accepted[-1] == token

    wait_for("a call with the token that is in the Secret now", called)


@pytest.mark.parametrize("name", ["file", "env", "header", "config"])
def test_the_program_of_a_sample_calls_adobe_with_the_token(
    scene: Scene, adobe: AdobeApi, tmp_path: Path, name: str
) -> None:
    sample = Sample.read(name)
    scene.operator()
    apply(scene, sample)
    token = token_in(scene.data(sample.name))
    assert scene.ims.issued(token)
    with kubelet(scene, sample, adobe, tmp_path).run():
        wait_called(adobe, token, tmp_path)
    assert set(adobe.accepted) == {token}


@pytest.mark.parametrize("name", ["file", "config"])
def test_a_program_that_reads_a_file_goes_on_with_the_new_token_after_a_rotation(
    scene: Scene, adobe: AdobeApi, tmp_path: Path, name: str
) -> None:
    sample = Sample.read(name)
    scene.operator()
    apply(scene, sample)
    node = kubelet(scene, sample, adobe, tmp_path)
    with node.run() as process:
        first = token_in(scene.data(sample.name))
        wait_called(adobe, first, tmp_path)
        scene.patch(sample.name, {"metadata": {"annotations": {ROTATE: "now"}}})
        scene.wait_rotations(2, sample.name)
        second = token_in(scene.data(sample.name))
        assert second != first
        node.lay_volumes()
        wait_called(adobe, second, tmp_path)
        assert process.poll() is None
    assert set(adobe.accepted) == {first, second}
    assert scene.ims.requests().calls.keys() == {"200"}


def test_the_workload_that_reads_its_environment_is_rolled_and_has_the_new_token(
    scene: Scene, adobe: AdobeApi, tmp_path: Path
) -> None:
    sample = Sample.read("env")
    scene.operator()
    apply(scene, sample)
    scene.patch(sample.name, {"metadata": {"annotations": {ROTATE: "now"}}})
    rotation = scene.wait_rotations(2, sample.name)["lastHandledRotation"]
    path = f"/apis/apps/v1/namespaces/{scene.namespace}/deployments/{sample.workload['metadata']['name']}"

    def rolled() -> bool:
        template = scene.api.get(path)["spec"]["template"]
        mark: str = template["metadata"].get("annotations", {}).get(f"restart.adobe-ims.dev/{sample.name}", "")
        return mark.endswith(f".{rotation}")

    wait_for("the Deployment to be rolled for the rotation", rolled)
    with kubelet(scene, sample, adobe, tmp_path).run():
        wait_called(adobe, token_in(scene.data(sample.name)), tmp_path)


@pytest.mark.parametrize("name", ["file", "env", "header", "config"])
def test_a_sample_calls_the_stand_in_where_the_chart_puts_it(name: str) -> None:
    (container,) = Sample.read(name).pod["containers"]
    values = {each["name"]: each["value"] for each in container["env"]}
    service = of(template({"standIn": {"enabled": True}}), "Service")["adobe-ims-operator-stand-in"]
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert values["API_URL"] == f"http://{host}:{service['spec']['ports'][0]['port']}{PATH}"


def test_all_samples_can_be_tried_at_the_same_time() -> None:
    objects = [
        (each["kind"], each["metadata"]["name"])
        for path in FOLDER.glob("*.yaml")
        if path.name != "credential.yaml"  # the demo's, complete in one file
        for each in read_yaml.load_all(path.read_text())
    ]
    assert len(set(objects)) == len(objects)


@pytest.fixture
def restricted(api: Api) -> Iterator[str]:
    """A namespace that takes restricted pods only, and warns of workloads whose pods it would not take."""
    namespace = api.create_namespace()
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    path = f"/api/v1/namespaces/{namespace}"
    api.patch(path, {"metadata": {"labels": levels}})
    wait_for("the service account of pods", lambda: api.get(f"{path}/serviceaccounts/default"))
    yield namespace
    api.delete(path)


def dry_run(plane: ControlPlane, namespace: str, manifest: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    """Apply as a person may who trusts nothing: every unknown field and every warning is an error."""
    flags = ["--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "--filename=-"]
    where = [f"--kubeconfig={plane.kubeconfig}", f"--namespace={namespace}", f"--cache-dir={cache}"]
    command: list[str] = [str(plane.kubectl), *where, "apply", *flags]
    return subprocess.run(command, input=manifest, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_a_sample_is_accepted_to_the_letter_where_pods_are_restricted(
    control_plane: ControlPlane, restricted: str, tmp_path: Path, path: Path
) -> None:
    done = dry_run(control_plane, restricted, path.read_text(), tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(list(read_yaml.load_all(path.read_text())))


@pytest.mark.parametrize("page", REFERENCES, ids=lambda page: page.stem)
def test_the_example_of_the_reference_is_accepted_to_the_letter(
    control_plane: ControlPlane, restricted: str, tmp_path: Path, page: Path
) -> None:
    example = re.search(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert example
    done = dry_run(control_plane, restricted, example[1], tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_misspelt_field_and_a_pod_with_privileges_would_be_told(
    control_plane: ControlPlane, restricted: str, tmp_path: Path
) -> None:
    text = (FOLDER / "env.yaml").read_text()
    misspelt = dry_run(control_plane, restricted, text.replace("restart:", "restarts:"), tmp_path)
    assert "restarts" in misspelt.stderr
    privileged = dry_run(control_plane, restricted, text.replace("drop: [ALL]", "drop: []"), tmp_path)
    assert "restricted" in privileged.stderr
    assert 0 not in (misspelt.returncode, privileged.returncode)
