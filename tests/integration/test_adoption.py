"""Secrets that somebody else made, or the operator for another credential: refused, explained or taken over."""

import base64
import json
from typing import Any

import pytest

from testbed.api import Object, wait_for
from testbed.operator_process import grants
from testbed.scene import Scene

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OLD_TOKEN = "eyJ-the-old-token"


def theirs(scene: Scene, keys: dict[str, str], **metadata: Any) -> Object:
    """A Secret of the credential's name as a person made it with kubectl."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
    annotations = {LAST_APPLIED: json.dumps({"data": data}), **metadata.pop("annotations", {})}
    body: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "lightroom", "annotations": annotations, **metadata},
        "data": data,
    }
    return scene.api.apply(body, namespace=scene.namespace)


def refused(scene: Scene, reason: str, *words: str) -> str:
    message: str = scene.wait_condition("RotationFailing", "True", reason)["message"]
    for word in words:
        assert word in message
    return message


def warnings(scene: Scene) -> list[str]:
    items = scene.api.get(f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events")["items"]
    return [each["reason"] for each in items if each["type"] == "Warning"]


@pytest.fixture
def operated(scene: Scene) -> Scene:
    scene.client_secret()
    scene.operator()
    return scene


class TestAdopt:
    def test_refuses_to_delete_keys_names_ten_of_them_and_shows_no_value(self, operated: Scene) -> None:
        before = theirs(operated, {"access_token": OLD_TOKEN, **{f"key-{n:02}": f"value-{n}" for n in range(12)}})
        operated.credential(secret={"adopt": True})
        message = refused(operated, "AdoptionDropsKeys", "key-00, key-01", "and 2 more", "spec.secret.dropOtherKeys")
        assert "key-10" not in message
        assert "access_token" not in message
        assert "value-" not in json.dumps(operated.status()) + operated.log.read_text()
        assert operated.secret() == before
        assert operated.ims.requests().total == 0
        data = {"access_token": "$(access_token)"} | {f"key-{n:02}": "kept" for n in range(12)}
        operated.credential(secret={"adopt": True, "data": data})
        operated.wait_ready()
        assert operated.data().keys() == data.keys()

    def test_deletes_keys_where_the_spec_says_so_and_no_copy_of_the_old_token_stays(self, operated: Scene) -> None:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}
        uid = operated.api.apply(config, namespace=operated.namespace)["metadata"]["uid"]
        other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "web", "uid": uid}
        theirs(operated, {"access_token": OLD_TOKEN, "mine": "1"}, ownerReferences=[other], labels={"theirs": "1"})
        operated.credential(secret={"adopt": True})
        refused(operated, "AdoptionDropsKeys", "mine")
        operated.credential(secret={"adopt": True, "dropOtherKeys": True})
        operated.wait_ready()
        secret = operated.secret()
        assert secret is not None
        assert operated.data().keys() == {"access_token"}
        assert LAST_APPLIED not in secret["metadata"]["annotations"]
        assert base64.b64encode(OLD_TOKEN.encode()).decode() not in json.dumps(secret)
        assert secret["metadata"]["labels"]["theirs"] == "1"
        assert sorted(each["name"] for each in secret["metadata"]["ownerReferences"]) == ["lightroom", "web"]
        assert operated.ims.requests().total == 1

    @pytest.mark.parametrize(
        ("annotation", "value", "who"),
        [
            ("meta.helm.sh/release-name", "photos", "Helm's release photos"),
            ("argocd.argoproj.io/tracking-id", "web:/Secret:ns/lightroom", "Argo CD's application web"),
        ],
    )
    def test_warns_of_who_manages_the_secret_too_until_that_is_taken_away(
        self, operated: Scene, annotation: str, value: str, who: str
    ) -> None:
        theirs(operated, {"access_token": OLD_TOKEN}, annotations={annotation: value})
        operated.credential(secret={"adopt": True})
        operated.wait_ready()
        assert f"{who} manages it too" in operated.condition("Ready")["message"]
        wait_for("a warning", lambda: warnings(operated) == ["SecretManagedTwice"])
        operated.patch("lightroom", {"metadata": {"annotations": {annotation: None}}}, "secrets")
        wait_for("the warning to go", lambda: "manages it too" not in operated.condition("Ready")["message"])
        assert operated.ims.requests().total == 1


class TestWhatWasWrittenForAnother:
    def test_a_secret_left_by_a_credential_of_another_name_says_so_and_is_adopted(self, operated: Scene) -> None:
        operated.credential("earlier", secret={"name": "lightroom", "deletionPolicy": "Retain"})
        operated.wait_ready("earlier")
        operated.api.delete(operated.path("earlier"))
        operated.credential()
        refused(operated, "SecretNotOwned", "was written for AdobeIMSCredential earlier, which is gone", "adopt")
        operated.credential(secret={"adopt": True})
        operated.wait_ready()
        assert operated.ims.requests().total == 2

    def test_a_secret_without_its_annotations_and_owner_says_what_happened(self, operated: Scene) -> None:
        operated.credential()
        operated.wait_ready()
        secret = operated.secret()
        assert secret is not None
        ours = [key for key in secret["metadata"]["annotations"] if key.startswith("adobe-ims.dev/")]
        stripped = {"annotations": dict.fromkeys(ours), "ownerReferences": None}
        operated.patch("lightroom", {"metadata": stripped}, "secrets")
        refused(operated, "SecretNotOwned", "somebody removed the annotations", "delete it")
        operated.api.delete(operated.path("lightroom", "secrets"))
        operated.wait_ready()


def restore(scene: Scene, secret: Object, namespace: str, name: str = "lightroom", *owners: Object) -> Object:
    """Write Secret and credential into another namespace, as a backup restores them, and go on there."""
    metadata = {key: secret["metadata"][key] for key in ("labels", "annotations")}
    metadata |= {"name": name, "ownerReferences": list(owners)}
    body: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": secret["data"]}
    copy = scene.api.apply(body, namespace=namespace)
    scene.namespace = namespace
    scene.client_secret()
    scene.credential(secret={"name": name})
    return copy


class TestARestoreIntoAnotherNamespace:
    @pytest.fixture
    def elsewhere(self, scene: Scene) -> str:
        namespace = scene.api.create_namespace()
        for manifest in grants(namespace, scene.namespace):
            scene.api.apply(manifest)
        scene.client_secret()
        scene.operator("--namespace", namespace)
        scene.credential()
        scene.wait_ready()
        return namespace

    @pytest.fixture
    def secret(self, scene: Scene, elsewhere: str) -> Object:  # noqa: ARG002 - once there is one
        found = scene.secret()
        assert found is not None
        return found

    def test_takes_the_secret_along_where_nobody_has_the_original(
        self, scene: Scene, elsewhere: str, secret: Object
    ) -> None:
        scene.api.delete(scene.path("lightroom"))
        wait_for("the Secret to go", lambda: scene.secret() is None)
        copy = restore(scene, secret, elsewhere)
        scene.wait_ready()
        after = scene.secret()
        assert after is not None
        assert after["metadata"]["uid"] == copy["metadata"]["uid"]
        assert after["metadata"]["annotations"]["adobe-ims.dev/secret"] == f"{elsewhere}/lightroom"
        assert scene.ims.requests().total == 2

    def test_heals_what_kubernetes_takes_for_garbage_by_its_owner_reference(
        self, scene: Scene, elsewhere: str, secret: Object
    ) -> None:
        scene.api.delete(scene.path("lightroom"))
        wait_for("the Secret to go", lambda: scene.secret() is None)
        copy = restore(scene, secret, elsewhere, "lightroom", *secret["metadata"]["ownerReferences"])

        def probe() -> bool:
            found = scene.secret()
            return found is not None and found["metadata"]["uid"] != copy["metadata"]["uid"]

        wait_for("the Secret to be made again", probe)
        scene.wait_ready()
        assert scene.ims.requests().total <= 3

    def test_leaves_a_mirror_alone_and_says_what_it_is(self, scene: Scene, elsewhere: str, secret: Object) -> None:
        original = f"{scene.namespace}/lightroom"
        copy = restore(scene, secret, elsewhere)
        words = (f"copy of Secret {original}", f"written for AdobeIMSCredential {original}", "delete it", "adopt")
        refused(scene, "SecretNotOwned", *words, "find out who copies it")
        assert scene.secret() == copy
        assert scene.ims.requests().total == 1
        scene.api.delete(scene.path("lightroom", "secrets"))
        scene.wait_ready()

    def test_under_another_name_is_explained_and_adopted(self, scene: Scene, elsewhere: str, secret: Object) -> None:
        original = f"{scene.namespace}/lightroom"
        restore(scene, secret, elsewhere, "renamed")
        refused(scene, "SecretNotOwned", f"copy of Secret {original}", "spec.secret.adopt")
        scene.credential(secret={"name": "renamed", "adopt": True})
        scene.wait_ready()
        assert scene.ims.requests().total == 2
