"""An upgrade asks for no token, restarts nothing and writes no Secret: tests/data has what a2b4378 stored."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adobe_ims_operator.api.times import from_rfc3339, to_rfc3339
from testbed.api import Object, wait_for
from testbed.etcd import store
from testbed.scene import Scene

STORED = Path(__file__).parents[1] / "data/a2b4378"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CLIENT_VERSION = "adobe-ims.dev/client-version"
CREDENTIALS = "adobe-ims.dev/adobeimscredentials"
STATUS_WRITE = ("patch", "adobeimscredentials/status")
READS = {"get", "list", "watch"}

Objects = dict[str, Object]


def read(plural: str, scene: Scene, age: timedelta) -> Objects:
    """What was stored of one kind, by name, as if it was stored as long later as it is old."""
    text = (STORED / f"{plural}.json").read_text().replace("NAMESPACE", scene.namespace)
    moved = TIME.sub(lambda found: to_rfc3339(from_rfc3339(found[0]) + age), text)
    return {each["metadata"]["name"]: each for each in json.loads(moved)}


def age() -> timedelta:
    """How long ago the last of it happened."""
    credentials = json.loads((STORED / "adobeimscredentials.json").read_text())
    happened = [
        from_rfc3339(condition["lastTransitionTime"])
        for each in credentials
        for condition in each["status"]["conditions"]
    ]
    return datetime.now(UTC) - max(happened)


@pytest.fixture
def restored(scene: Scene) -> Scene:
    """A cluster that holds what was stored; only resourceVersions, which are the cluster's own, differ."""

    def put(plural: str, stored: Object) -> str:
        name, metadata = stored["metadata"]["name"], dict(stored["metadata"])
        metadata.pop("resourceVersion")
        path = f"{plural}/{scene.namespace}/{name}"
        return store(scene.control_plane, path, {**stored, "metadata": metadata})

    passed = age()
    credentials, secrets = read("adobeimscredentials", scene, passed), read("secrets", scene, passed)
    for each in credentials.values():  # before their Secrets, which Kubernetes would collect as garbage
        put(CREDENTIALS, each)
    for each in read("deployments", scene, passed).values():
        put("deployments", each)
    clients = {name: each for name, each in secrets.items() if is_client(each)}
    versions = {each["metadata"]["resourceVersion"]: put("secrets", each) for each in clients.values()}
    for name in secrets.keys() - clients.keys():
        facts = secrets[name]["metadata"]["annotations"]
        facts[CLIENT_VERSION] = versions.get(facts[CLIENT_VERSION], "1")
        versions[secrets[name]["metadata"]["resourceVersion"]] = put("secrets", secrets[name])
    for each in credentials.values():
        status = each["status"]
        if "secretResourceVersion" in status:
            status["secretResourceVersion"] = versions[status["secretResourceVersion"]]
        put(CREDENTIALS, each)
    return scene


def is_client(secret: Object) -> bool:
    return CLIENT_VERSION not in secret["metadata"].get("annotations", {})


def listed(scene: Scene, path: str) -> Objects:
    root = "/api/v1" if path == "secrets" else "/apis/" + path.rpartition("/")[0]
    items = scene.api.get(f"{root}/namespaces/{scene.namespace}/{path.rpartition('/')[2]}")["items"]
    return {each["metadata"]["name"]: each for each in items}


def of_each(objects: Objects, what: Callable[[Object], object]) -> dict[str, object]:
    return {name: what(each) for name, each in objects.items()}


def version(stored: Object) -> object:
    return stored["metadata"]["resourceVersion"]


def generation(stored: Object) -> object:
    return stored["metadata"]["generation"]


def run_until_all_is_seen(scene: Scene, names: set[str]) -> None:
    """Run the operator until it has looked at each credential and has nothing more to do."""
    logged = len(scene.log.read_text()) if scene.log.exists() else 0
    operator = scene.operator()

    def seen() -> bool:
        log = scene.log.read_text()[logged:]
        return all(re.search(rf"{scene.namespace}/{name}: \w+; looking again", log) for name in names)

    wait_for("all credentials to be looked at", seen)
    assert operator.stop() == 0


def test_an_upgrade_asks_for_nothing_and_writes_each_status_once(restored: Scene) -> None:
    before = listed(restored, "adobe-ims.dev/v1alpha1/adobeimscredentials")
    secrets = of_each(listed(restored, "secrets"), version)
    deployments = of_each(listed(restored, "apps/v1/deployments"), generation)
    assert len(before) > 10
    mark = restored.audited_from()

    run_until_all_is_seen(restored, set(before))

    after = listed(restored, "adobe-ims.dev/v1alpha1/adobeimscredentials")
    asked = {request: count for request, count in restored.requests_since(mark).items() if request[0] not in READS}
    written = {name for name in before if version(before[name]) != version(after[name])}
    assert asked in ({}, {STATUS_WRITE: len(written)}), "each status at most once, no Secret, no workload, no Event"
    assert restored.ims.requests().total == 0
    assert of_each(listed(restored, "secrets"), version) == secrets
    assert of_each(listed(restored, "apps/v1/deployments"), generation) == deployments
    assert of_each(after, readiness) == of_each(before, readiness)
    for name, each in after.items():
        kept = {key: value for key, value in before[name]["status"].items() if key != "conditions"}
        assert kept.items() <= each["status"].items()

    run_until_all_is_seen(restored, set(before))

    assert of_each(listed(restored, "adobe-ims.dev/v1alpha1/adobeimscredentials"), version) == of_each(after, version)

    restored.operator()
    restored.patch("restarting", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    restored.wait_condition("WorkloadsRestarted", "True", "Restarted", "restarting")
    restored.wait_rotations(2, "restarting")
    wait_for("the restarts to be reported", lambda: len(restored.status("restarting").get("restarts", [])) == 2)
    assert restored.ims.requests().total == 1
    rolled = {name: int(str(number)) + 1 for name, number in deployments.items()}
    assert of_each(listed(restored, "apps/v1/deployments"), generation) == rolled


def readiness(credential: Object) -> dict[str, str]:
    return {each["type"]: each["status"] for each in credential["status"]["conditions"]}
