"""Admission webhooks: what they answer reaches the status in words of our own, and never what they quote."""

import base64
import contextlib
import json
from collections.abc import Iterator

import pytest

from testbed.api import ApiError, wait_for
from testbed.scene import Scene, workload
from testbed.webhook import Webhook

ROTATE = "adobe-ims.dev/rotate"


@pytest.fixture
def webhook(scene: Scene) -> Iterator[Webhook]:
    """One for the Secrets of the scene, which is known to be asked."""
    with Webhook(scene.api, scene.namespace, "secrets") as hook:

        def is_asked() -> bool:
            scene.client_secret("probe", {"number": str(len(hook.objects))})
            return bool(hook.objects)

        wait_for("the webhook to be asked", is_asked)
        yield hook


def request_rotation(scene: Scene, value: str) -> None:
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE: value}}})


def read_by_people(scene: Scene) -> str:
    secret = scene.secret() or {"metadata": {}}
    events = scene.api.get(f"/api/v1/namespaces/{scene.namespace}/events")
    credential = scene.api.get(scene.path("lightroom"))
    return json.dumps([credential, secret["metadata"], events]) + scene.log.read_text()


@pytest.mark.parametrize("code", [400, 403, 409, 422, 500])
def test_what_a_webhook_quotes_in_reason_or_message_is_shown_to_nobody(
    scene: Scene, webhook: Webhook, code: int
) -> None:
    scene.client_secret()
    scene.operator()
    webhook.deny(code, reason="{object}", message="{object}")
    scene.credential()
    scene.wait_condition(
        "RotationFailing", "True", "SecretWriteRefused" if code in (400, 403, 422) else "SecretWriteFailed"
    )
    quoted = next(each for each in reversed(webhook.objects) if each["metadata"]["name"] == "lightroom")
    token = quoted["data"]["access_token"]
    wait_for("the Event", lambda: "SecretWrite" in read_by_people(scene))
    seen = read_by_people(scene)
    assert token not in seen
    assert base64.b64decode(token).decode() not in seen


def test_a_webhook_that_is_away_is_reported_within_seconds_and_the_expiry_when_it_comes(
    scene: Scene, webhook: Webhook
) -> None:
    scene.ims.settings(expires_in=20)
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    webhook.go_away()
    condition = scene.wait_condition("RotationFailing", "True", "SecretWriteFailed")
    assert "admission webhooks" in condition["message"]
    assert scene.status()["failures"] >= 1
    scene.wait_condition("Ready", "False", "Expired")
    asked = scene.ims.requests().total
    webhook.come_back()
    scene.wait_ready()
    scene.wait_condition("RotationFailing", "False", "Rotated")
    assert scene.ims.requests().total <= asked + 1  # the token that was held, or one in place of it once that was due


def test_a_new_credential_does_not_stay_without_a_status(scene: Scene, webhook: Webhook) -> None:
    scene.client_secret()
    scene.operator()
    webhook.go_away()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "SecretWriteFailed")
    scene.wait_condition("Ready", "False", "TokenMissing")
    webhook.come_back()
    scene.wait_ready()
    assert scene.ims.requests().total == 1


def test_a_conflict_that_persists_costs_few_writes(scene: Scene, webhook: Webhook) -> None:
    scene.client_secret()
    scene.operator()
    webhook.deny(409)
    mark = scene.audited_from()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "SecretWriteFailed")
    wait_for("three writes", lambda: scene.requests_since(mark).get(("create", "secrets"), 0) >= 3)
    assert scene.status()["failures"] >= 2
    webhook.allow()
    scene.wait_ready()
    assert scene.requests_since(mark)["create", "secrets"] <= 8


def test_an_immutable_secret_that_a_person_deletes_is_written_again_at_once(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.patch("lightroom", {"immutable": True}, "secrets")
    request_rotation(scene, "1")
    scene.wait_condition("RotationFailing", "True", "SecretWriteRefused")
    wait_for("a long wait", lambda: scene.status().get("failures", 0) >= 5, 90)
    scene.api.delete(scene.path("lightroom", "secrets"))
    wait_for("the Secret to be there", lambda: scene.data() or None, 8)


@pytest.mark.parametrize("code", [403, 409, 500, 503])
def test_a_workload_that_can_not_be_restarted_keeps_no_status_from_being_written(scene: Scene, code: int) -> None:
    scene.client_secret()
    for name in ("web", "locked"):
        scene.api.apply(workload("Deployment", name), namespace=scene.namespace)
    with Webhook(scene.api, scene.namespace, "deployments") as hook:
        hook.deny(code)
        path = f"/apis/apps/v1/namespaces/{scene.namespace}/deployments/web"

        def is_asked() -> bool:
            annotations = {"probe": str(len(hook.objects))}
            with contextlib.suppress(ApiError):
                scene.api.patch(path, {"metadata": {"annotations": annotations}})
            return bool(hook.objects)

        wait_for("the webhook to be asked", is_asked)
        scene.operator()
        scene.credential(restart=[{"kind": "Deployment", "name": "web"}])
        scene.wait_ready()
        reason = "RestartRefused" if code == 403 else "RestartFailed"
        condition = scene.wait_condition("WorkloadsRestarted", "False", reason)
        assert ("permissions" in condition["message"]) is (code == 403)
        hook.allow()
        scene.wait_condition("WorkloadsRestarted", "True", "Restarted")
