"""The metadata of a token Secret: put back within seconds, changed with the spec, and no token is asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from testbed.api import Object, wait_for
from testbed.scene import Scene, allow

TEMPLATE = {"labels": {"team": "photos"}, "annotations": {"example.com/note": "ours"}}
MANAGED_BY = "app.kubernetes.io/managed-by"
ALL = {MANAGED_BY: "adobe-ims-operator", "team": "photos"}
DRIFT = {
    "labels": {"team": None, MANAGED_BY: None},
    "annotations": {"example.com/note": "theirs"},
    "ownerReferences": None,
}


@pytest.fixture
def ready(scene: Scene) -> Scene:
    scene.client_secret()
    scene.operator()
    scene.credential(secret=TEMPLATE)
    scene.wait_ready()
    return scene


def metadata(scene: Scene, name: str = "lightroom") -> dict[str, Any]:
    secret = scene.secret(name)
    assert secret is not None
    return {"labels": {}, "annotations": {}, **secret["metadata"]}


def drift(scene: Scene, **changes: Any) -> None:
    scene.patch("lightroom", {"metadata": DRIFT | changes}, "secrets")


def wait_as_written(scene: Scene) -> None:
    def probe() -> bool:
        found = metadata(scene)
        assert found["labels"].items() >= ALL.items()
        assert found["annotations"]["example.com/note"] == "ours"
        assert [each["name"] for each in found.get("ownerReferences", []) if each.get("controller")] == ["lightroom"]
        return True

    wait_for("the metadata to be as it was written", probe, 10)


def test_what_somebody_changed_is_put_back_and_no_token_is_asked_for(ready: Scene) -> None:
    before, status = ready.secret(), ready.status()
    mark = ready.audited_from()
    drift(ready, labels={"team": None, MANAGED_BY: None, "theirs": "1"})
    wait_as_written(ready)
    assert before is not None
    after = ready.secret()
    assert after is not None
    assert after["data"] == before["data"]
    assert after["metadata"]["labels"]["theirs"] == "1"
    ready.credential("other")
    ready.wait_ready("other")
    assert ready.requests_since(mark)["patch", "secrets"] == 1
    assert ready.status() == status
    assert ready.ims.requests().total == 2
    ready.api.delete(ready.path("lightroom"))
    wait_for("the Secret to go with its credential", lambda: ready.secret() is None)


def test_what_somebody_changed_while_the_operator_was_down_is_put_back(ready: Scene) -> None:
    ready.kill_operators()
    drift(ready)
    ready.operator()
    wait_as_written(ready)
    assert ready.ims.requests().total == 1


def test_an_owner_reference_is_put_back_while_ims_gives_no_token(ready: Scene) -> None:
    ready.rules({"behaviour": "server_error"})
    ready.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    ready.wait_condition("RotationFailing", "True", "IMSUnavailable")
    drift(ready)
    wait_as_written(ready)
    ready.rules()
    ready.api.delete(ready.path("oauth", "secrets"))
    ready.wait_condition("RotationFailing", "True", "ClientSecretNotFound")
    drift(ready)
    wait_as_written(ready)


def test_nothing_is_put_back_while_it_is_suspended(ready: Scene) -> None:
    ready.credential(secret=TEMPLATE, suspend=True)
    ready.wait_condition("Ready", "True", "Suspended")
    drift(ready)
    before = metadata(ready)
    ready.credential("other")
    ready.wait_ready("other")
    assert metadata(ready) == before
    ready.credential(secret=TEMPLATE)
    wait_as_written(ready)


def test_owner_references_of_others_stay(ready: Scene) -> None:
    config = ready.api.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}, namespace=ready.namespace
    )
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "web", "uid": config["metadata"]["uid"]}

    def owners() -> list[str]:
        return sorted(each["name"] for each in metadata(ready)["ownerReferences"])

    drift(ready, ownerReferences=[other])
    wait_as_written(ready)
    assert owners() == ["lightroom", "web"]
    ready.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    ready.wait_rotations(2)
    assert owners() == ["lightroom", "web"]
    ready.patch("lightroom", {"data": {"access_token": "Zm9yZ2Vk"}}, "secrets")
    ready.wait_rotations(3)
    assert owners() == ["lightroom", "web"]
    ready.credential(secret={**TEMPLATE, "deletionPolicy": "Retain"})
    wait_for("the own ownerReference to go", lambda: owners() == ["web"])


def test_a_change_of_metadata_in_the_spec_asks_for_no_token_and_leaves_what_others_put_there(ready: Scene) -> None:
    ready.patch("lightroom", {"metadata": {"labels": {"theirs": "1"}, "annotations": {"theirs": "2"}}}, "secrets")
    before = ready.secret()
    assert before is not None
    for template in (
        {"labels": {"tier": "web"}, "annotations": {"example.com/other": "1"}},
        {"deletionPolicy": "Retain"},
        {},
        {"labels": {"tier": "web"}},
    ):
        ready.credential(secret=template)
        ready.wait_ready()
        found = metadata(ready)
        labels, annotations = template.get("labels", {}), template.get("annotations", {})
        assert found["labels"] == {MANAGED_BY: "adobe-ims-operator", "theirs": "1", **labels}  # type: ignore[dict-item]
        theirs = {key: value for key, value in found["annotations"].items() if not key.startswith("adobe-ims.dev/")}
        assert theirs == {"theirs": "2", **annotations}  # type: ignore[dict-item]
        assert bool(found.get("ownerReferences")) is ("deletionPolicy" not in template)
    after = ready.secret()
    assert after is not None
    assert after["data"] == before["data"]
    ready.kill_operators()
    ready.operator()
    ready.credential("other")
    ready.wait_ready("other")
    assert ready.ims.requests().total == 2, "one of each credential, and none after the restart"
    ready.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    assert ready.wait_rotations(2)["rotations"] == 2


def test_retain_given_at_last_leaves_the_secret(ready: Scene) -> None:
    ready.credential(secret={**TEMPLATE, "deletionPolicy": "Retain"})
    ready.wait_ready()
    wait_for("the ownerReference to go", lambda: "ownerReferences" not in metadata(ready))
    ready.api.delete(ready.path("lightroom"))
    ready.credential("other")
    ready.wait_ready("other")
    ready.api.delete(ready.path("other"))
    wait_for("the other's Secret to go", lambda: ready.secret("other") is None)
    assert ready.secret() is not None
    assert ready.ims.requests().total == 2


@contextmanager
def undone(scene: Scene) -> Iterator[None]:
    """While somebody changes the label whenever it is as it should be."""
    stop = threading.Event()

    def fight() -> None:
        while not stop.wait(0.05):
            if metadata(scene)["labels"].get("team") == "photos":
                scene.patch("lightroom", {"metadata": {"labels": {"team": "theirs"}}}, "secrets")

    thread = threading.Thread(target=fight)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_who_fights_over_the_metadata_is_answered_slowly_and_reported(ready: Scene) -> None:
    mark = ready.audited_from()

    def contested() -> Object:
        found = ready.condition("RotationFailing")
        assert found["reason"] == "SecretMetadataContested", found
        return found

    with undone(ready):
        message = wait_for("the fight to be reported", contested, 60)["message"]
        assert ready.requests_since(mark)["patch", "secrets"] < 10
    for word in ("Secret lightroom", "label team", "last changed by"):
        assert word in message
    assert ready.condition("Ready")["status"] == "True"
    assert ready.ims.requests().total == 1
    ready.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    ready.wait_rotations(2)
    assert metadata(ready)["labels"]["team"] == "photos", "a rotation does not wait for the end of a fight"


def test_metadata_that_the_api_server_refuses_is_reported_and_written_later(ready: Scene) -> None:
    allow(ready.api, ready.namespace, "secrets", ["get", "list", "watch", "create", "delete"])
    drift(ready)
    message = ready.wait_condition("RotationFailing", "True", "SecretWriteRefused")["message"]
    assert "labels, annotations and ownerReferences of Secret lightroom" in message
    ready.wait_condition("Ready", "True", "Rotated")
    allow(ready.api, ready.namespace, "secrets", ["get", "list", "watch", "create", "delete", "patch"])
    wait_for("the metadata to be written", lambda: "team" in metadata(ready)["labels"], 60)
    ready.wait_condition("RotationFailing", "False", "Rotated")
    assert ready.ims.requests().total == 1
