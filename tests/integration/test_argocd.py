"""What Argo CD shows of live credentials, and what its actions do to them."""

from pathlib import Path
from typing import Any

from adobe_ims_operator.core.stalled import PATIENCE
from integration.lua import act, actions, health
from integration.replacing import Replacing
from testbed.api import Object, wait_for
from testbed.scene import CLIENT, Scene

WRONG = {**CLIENT, "client_secret": "p8e-wrong"}


def live(scene: Scene, name: str = "lightroom") -> Object:
    return scene.api.get(scene.path(name))


def wait_health(scene: Scene, state: str, words: str, name: str = "lightroom") -> None:
    def probe() -> bool:
        found, message = health(live(scene, name))
        assert found == state, f"{found}: {message}"
        assert words in message
        return True

    wait_for(f"{name} to be {state}", probe, PATIENCE.total_seconds() + 30)


def run(scene: Scene, action: str, name: str = "lightroom") -> None:
    """Run an action as Argo CD does: by a merge patch of what it changed."""
    before = live(scene, name)
    after = act(before, action)
    scene.patch(name, changes(before, after))


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and (isinstance(old, dict) or old is None):
            if inner := changes(old or {}, value):
                found[key] = inner
        elif value not in (old, {}):
            found[key] = value
    return found


def test_one_that_nobody_looks_at_is_progressing_and_so_is_a_changed_one(scene: Scene) -> None:
    scene.client_secret()
    scene.credential()
    assert health(live(scene))[0] == "Progressing"
    scene.operator()
    wait_health(scene, "Healthy", "holds a valid token")
    scene.kill_operators()
    scene.credential(scopes=["openid"])
    assert health(live(scene))[0] == "Progressing"


def test_what_time_may_mend_is_progressing_until_a_token_was_lost(scene: Scene) -> None:
    scene.operator()
    scene.credential()
    wait_health(scene, "Progressing", "there is no Secret oauth")
    scene.client_secret()
    wait_health(scene, "Healthy", "holds a valid token")
    scene.rules({"behaviour": "server_error"})
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "now"}}})
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    wait_health(scene, "Healthy", "but it can't be rotated")
    scene.api.delete(scene.path("lightroom", "secrets"))
    wait_health(scene, "Degraded", "there is no Secret lightroom")


def test_what_only_a_person_can_mend_is_degraded_and_so_is_an_expired_token_without_an_operator(scene: Scene) -> None:
    scene.client_secret("wrong", WRONG)
    scene.client_secret()
    scene.ims.settings(expires_in=12)
    scene.operator()
    scene.credential("stuck", client={"secretRef": {"name": "wrong"}})
    scene.credential()
    wait_health(scene, "Healthy", "holds a valid token")
    wait_health(scene, "Progressing", "not accept the client secret", "stuck")
    scene.api.delete(scene.path("oauth", "secrets"))
    wait_health(scene, "Degraded", "expired at")
    wait_health(scene, "Degraded", "not accept the client secret", "stuck")
    scene.kill_operators()
    # Nobody says any more that it expired: the script knows by the clock.
    scene.api.patch(f"{scene.path('lightroom')}/status", {"status": ready(scene)})
    state, message = health(live(scene))
    assert state == "Degraded"
    assert "expired at" in message


def ready(scene: Scene) -> dict[str, Any]:
    """The status of before the token expired, as a dead operator leaves it."""
    condition = {**scene.condition("Ready"), "status": "True", "reason": "Rotated", "message": "holds a valid token"}
    return {"conditions": [condition]}


def test_the_actions_suspend_resume_and_rotate(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(secret={"labels": {}})
    scene.wait_ready()
    assert actions(live(scene)) == {"rotate", "suspend"}
    run(scene, "rotate")
    scene.wait_rotations(2)
    run(scene, "suspend")
    wait_health(scene, "Suspended", "rotation is suspended")
    assert actions(live(scene)) == {"resume"}
    run(scene, "resume")
    wait_health(scene, "Healthy", "holds a valid token")
    assert scene.status()["rotations"] == 2


def test_one_that_takes_a_token_is_not_rotated() -> None:
    taker = {"spec": {"tokenFrom": {"namespace": "photos", "name": "lightroom"}}}
    assert actions(taker) == {"suspend"}


def test_one_that_is_suspended_without_a_token_is_degraded(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(suspend=True)
    wait_health(scene, "Degraded", "rotation is suspended")


def wait_client_secret(replacing: Replacing, state: str, words: str) -> None:
    def probe() -> bool:
        found, message = health(replacing.scene.api.get(replacing.path))
        assert found == state, f"{found}: {message}"
        assert words in message
        return True

    wait_for(f"the AdobeIMSClientSecret to be {state}", probe, PATIENCE.total_seconds() + 30)


def test_a_client_secret_is_progressing_until_it_is_looked_at_healthy_then_and_suspended(
    scene: Scene, tmp_path: Path
) -> None:
    replacing = Replacing(scene, tmp_path)
    replacing.apply()
    wait_client_secret(replacing, "Progressing", "--client-secrets")
    replacing.operator()
    wait_client_secret(replacing, "Progressing", "there is no")
    scene.client_secret()
    wait_client_secret(replacing, "Healthy", "holds the client")
    replacing.apply(suspend=True)
    wait_client_secret(replacing, "Suspended", "")


def test_a_client_secret_that_only_a_person_can_mend_is_degraded(scene: Scene, tmp_path: Path) -> None:
    replacing = Replacing(scene, tmp_path)
    scene.client_secret(data=WRONG)
    replacing.operator()
    replacing.apply()
    wait_client_secret(replacing, "Progressing", "client secret")
    wait_client_secret(replacing, "Degraded", "client secret")
