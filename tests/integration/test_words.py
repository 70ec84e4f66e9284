"""A Secret that is refused: the API server's words are shown where they are about dummy data, and nowhere else."""

import base64
import json
import time
from typing import Any

import pytest

from testbed.api import wait_for
from testbed.scene import Scene
from testbed.webhook import Webhook

ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def refusal(scene: Scene) -> str:
    message: str = scene.wait_condition("RotationFailing", "True", "SecretWriteRefused")["message"]
    return message


def no_more_secrets(scene: Scene) -> str:
    """Have a quota refuse each new Secret beside the client Secret; its path."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}}
    scene.api.apply({**quota, "spec": {"hard": {"count/secrets": "1"}}}, namespace=scene.namespace)
    path = f"/api/v1/namespaces/{scene.namespace}/resourcequotas/few"
    wait_for("the quota to count", lambda: scene.api.get(path).get("status", {}).get("used"))
    return path


def test_a_quota_is_named(scene: Scene) -> None:
    scene.client_secret()
    path = no_more_secrets(scene)
    scene.operator()
    scene.credential()
    message = refusal(scene)
    assert "(403 Forbidden)" in message
    assert 'secrets "lightroom" is forbidden: exceeded quota: few' in message
    items = scene.api.get(f"/api/v1/namespaces/{scene.namespace}/secrets")["items"]
    assert [each["metadata"]["name"] for each in items] == ["oauth"], "a dry run stores nothing"
    scene.api.delete(path)
    scene.wait_ready()


def test_who_edits_all_the_time_what_a_quota_refuses_costs_few_requests(scene: Scene) -> None:
    scene.client_secret()
    path = no_more_secrets(scene)
    scene.operator()
    scene.credential()
    refusal(scene)
    mark, asked = scene.audited_from(), scene.ims.requests().total
    for number in range(30):
        scene.credential(secret={"data": {"access_token": f"$(access_token) {number}"}})
        time.sleep(1)
    posts = scene.requests_since(mark).get(("create", "secrets"), 0)
    # Three at once and those that were due; no dry run, as nothing of it has changed.
    assert posts <= 6
    assert scene.ims.requests().total - asked <= 5
    message = refusal(scene)
    assert 'secrets "lightroom" is forbidden: exceeded quota: few' in message
    scene.api.delete(path)
    wait_for("it to be written", lambda: scene.data() or None, 90)


def test_a_policy_is_named_as_it_says_itself(scene: Scene) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
    constraints = {
        "resourceRules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
    }
    validation = {"expression": "'team' in object.metadata.labels", "message": "each Secret needs the label team"}
    spec: dict[str, Any] = {"failurePolicy": "Fail", "matchConstraints": constraints, "validations": [validation]}
    root = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": scene.namespace}}
    binding = {"policyName": scene.namespace, "validationActions": ["Deny"]}
    scene.client_secret()
    scene.api.apply({**root, "kind": "ValidatingAdmissionPolicy", "spec": spec})
    scene.api.apply({**root, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding})
    try:
        wait_for("the policy to be in force", lambda: not _is_taken(scene))
        scene.operator()
        scene.credential()
        assert "each Secret needs the label team" in refusal(scene)
        scene.credential(secret={"labels": {"team": "photos"}})
        scene.wait_ready()
    finally:
        scene.api.delete(f"{ADMISSION}/validatingadmissionpolicybindings/{scene.namespace}")
        scene.api.delete(f"{ADMISSION}/validatingadmissionpolicies/{scene.namespace}")


def _is_taken(scene: Scene) -> bool:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe", "labels": {}}}
    try:
        scene.api.post(f"/api/v1/namespaces/{scene.namespace}/secrets?dryRun=All", body)
    except Exception:  # noqa: BLE001 - whatever refuses it
        return False
    return True


def test_a_refused_change_is_never_tried_on_the_secret_itself_nor_explained_by_what_does_not_refuse_a_new_one(
    scene: Scene,
) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.patch("lightroom", {"immutable": True}, "secrets")
    with Webhook(scene.api, scene.namespace, "secrets") as hook:

        def is_asked() -> bool:
            scene.client_secret("probe", {"number": str(len(hook.objects))})
            return bool(hook.objects)

        wait_for("the webhook to be asked", is_asked)
        hook.objects.clear()
        token = scene.data()["access_token"]
        scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
        assert "dummy data" not in refusal(scene)
        seen = json.dumps(hook.objects)
    assert "generateName" in seen, "the dry run"
    assert token not in seen
    assert base64.b64encode(token.encode()).decode() not in json.dumps(
        [each for each in hook.objects if each["metadata"].get("generateName")]
    )


@pytest.mark.parametrize("code", [400, 403])
def test_a_webhook_that_remembers_the_token_is_not_quoted(scene: Scene, code: int) -> None:
    scene.client_secret()
    with Webhook(scene.api, scene.namespace, "secrets") as hook:

        def is_asked() -> bool:
            scene.client_secret("probe", {"number": str(len(hook.objects))})
            return bool(hook.objects)

        wait_for("the webhook to be asked", is_asked)
        hook.remember("lightroom", code)
        scene.operator()
        scene.credential()
        message = refusal(scene)
    token = next(each["data"]["access_token"] for each in hook.objects if each["metadata"]["name"] == "lightroom")
    assert "dummy data" not in message
    assert token not in message
    assert base64.b64decode(token).decode() not in message
