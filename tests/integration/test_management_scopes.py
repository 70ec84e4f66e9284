"""No token that can replace client secrets is asked for or handed on, unless the operator is told to."""

from integration.teams import SOURCE, Team, asked, one_taker, share, source_token, wait_taken
from testbed.scene import Scene

MANAGING = ["openid", "AdobeID", "manage_client_secrets"]
FLAG = "--allow-management-scopes"


def test_the_token_of_such_a_credential_stays_after_an_upgrade_and_no_other_comes(scene: Scene) -> None:
    team = Team(scene)
    scene.client_secret()
    share(scene, [team], scopes=MANAGING)
    team.take()
    allowing = scene.operator(*team.flags, FLAG)
    token = wait_taken(scene, team)
    team.wait("Ready", "True", "Rotated")
    allowing.stop()
    scene.operator(*team.flags)
    message = scene.wait_condition("RotationFailing", "True", "ScopeNotAllowed")["message"]
    assert "manage_client_secrets" in message
    assert FLAG in message
    assert f"{scene.namespace}/{SOURCE}" in team.wait("RotationFailing", "True", "ScopeNotAllowed")["message"]
    scene.patch(SOURCE, {"metadata": {"annotations": {"adobe-ims.dev/rotate": "now"}}})
    scene.credential("another", scopes=["READ_CLIENT_SECRET"])
    scene.wait_condition("RotationFailing", "True", "ScopeNotAllowed", "another")
    team.take("second")
    team.wait("RotationFailing", "True", "ScopeNotAllowed", "second")
    assert (source_token(scene), team.token(), scene.secret("another"), team.secret("second")) == (
        token,
        token,
        None,
        None,
    )
    assert scene.condition("Ready")["status"] == team.condition("Ready")["status"] == "True"
    assert asked(scene) == 1


def test_without_the_scope_the_token_comes_at_once(scene: Scene) -> None:
    team, _ = one_taker(scene)
    share(scene, [team], scopes=MANAGING)
    scene.wait_condition("RotationFailing", "True", "ScopeNotAllowed")
    team.wait("RotationFailing", "True", "ScopeNotAllowed")
    share(scene, [team], scopes=["openid"])
    scene.wait_condition("RotationFailing", "False", "Rotated")
    team.wait("RotationFailing", "False", "Rotated")
    wait_taken(scene, team)
    assert asked(scene) == 2
