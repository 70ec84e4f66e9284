"""What becomes of takers when something happens to their source: each keeps its token, or takes the next."""

import base64
import time
from typing import Any

import pytest

from adobe_ims_operator.api.digests import digest_data
from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from integration.teams import SOURCE, Team, asked, flags, one_taker, rotate, share, source_token, wait_taken
from testbed.api import wait_for
from testbed.scene import Scene, allow

SETTLE_SECONDS = 3.0
"""In which the operator would have done what it is not to do."""
READ_ONLY = ["get", "list", "watch"]
WRITE = [*READ_ONLY, "create", "patch", "delete"]


def delete_source(scene: Scene) -> None:
    """Delete the source, and wait until it and its Secret are gone."""
    scene.api.delete(scene.path(SOURCE))
    wait_for("the source to be gone", lambda: scene.api.get_or_none(scene.path(SOURCE)) is None)
    wait_for("its Secret to be gone", lambda: scene.secret(SOURCE) is None)


def test_a_kill_between_the_write_of_the_source_and_those_of_its_takers_loses_nothing(scene: Scene) -> None:
    teams = [Team(scene) for _ in range(3)]
    scene.client_secret()
    share(scene, teams)
    for team in teams:
        team.take()
    operator = scene.operator(*flags(*teams))
    first = wait_taken(scene, *teams)
    for team in teams:
        allow(scene.api, team.namespace, "secrets", READ_ONLY)
    rotate(scene)
    teams[0].wait("RotationFailing", "True", "SecretWriteRefused")
    operator.kill()
    assert {team.token() for team in teams} == {first}
    for team in teams:
        allow(scene.api, team.namespace, "secrets", WRITE)
    scene.operator(*flags(*teams))
    assert wait_taken(scene, *teams) != first
    for team in teams:
        team.wait("RotationFailing", "False", "Rotated")
    assert asked(scene) == 2


def test_a_source_that_is_deleted_and_made_again_is_followed(scene: Scene) -> None:
    team, first = one_taker(scene)
    delete_source(scene)
    team.wait("RotationFailing", "True", "SourceNotShared")
    assert (team.token(), team.condition("Ready")["status"]) == (first, "True")
    share(scene, [])
    scene.wait_ready(SOURCE)
    time.sleep(SETTLE_SECONDS)
    assert team.token() == first, "the consent of the one before is none of this one"
    share(scene, [team])
    assert wait_taken(scene, team) != first
    assert asked(scene) == 2


def test_a_suspended_source_gives_what_it_has_until_that_expires(scene: Scene) -> None:
    team, late = Team(scene), Team(scene)
    scene.client_secret()
    scene.ims.settings(expires_in=30)
    share(scene, [team, late])
    team.take()
    scene.operator(*flags(team, late))
    first = wait_taken(scene, team)
    share(scene, [team, late], suspend=True)
    late.take()
    assert wait_taken(scene, late) == first
    found = team.wait("RotationFailing", "True", "SourceNotReady")
    assert "its owner has suspended it" in found["message"]
    assert team.condition("Ready")["status"] == "True", "it is said before the token expires"
    team.wait("Ready", "False", "Expired")
    share(scene, [team, late])
    wait_for("the source to rotate", lambda: source_token(scene) != first)
    wait_taken(scene, team, late)
    team.wait("Ready", "True", "Rotated")


def test_another_name_and_type_of_the_secret_of_a_source_is_followed(scene: Scene) -> None:
    team, first = one_taker(scene)
    share(scene, [team], secret={"name": "other", "type": "example.com/token", "data": {"key": "$(access_token)"}})

    def followed() -> bool:
        token = scene.data("other").get("key")
        return token is not None and token != first and team.token() == token

    wait_for("the token of the other Secret to be taken", followed)
    assert asked(scene) == 2


def test_what_a_person_writes_into_the_secret_of_a_source_is_not_taken(scene: Scene) -> None:
    team, late = Team(scene), Team(scene)
    scene.client_secret()
    share(scene, [team, late])
    team.take()
    scene.operator(*flags(team, late))
    first = wait_taken(scene, team)
    scene.patch(SOURCE, {"data": {"access_token": "ZWRpdGVk"}}, "secrets")
    wait_for("the source to be healed", lambda: source_token(scene) not in (first, "edited"))
    late.take()
    wait_taken(scene, team, late)
    assert asked(scene) == 2


def test_a_source_whose_secrets_may_not_be_listed_is_not_waited_for_in_silence(scene: Scene) -> None:
    source, team = Team(scene), Team(scene)
    source.share(team)
    team.take(of=source.namespace)
    allow(scene.api, source.namespace, "secrets", ["get"])
    scene.operator(*flags(source, team))
    team.wait("RotationFailing", "True", "SourceNotWatched")
    allow(scene.api, source.namespace, "secrets", WRITE)
    wait_for("the token to be taken", team.token, 60)
    team.wait("RotationFailing", "False", "Rotated")


def forged(scene: Scene, token: str, **facts: str) -> dict[str, Any]:
    """A patch of the Secret of the source that fits its own digest, as who knows how it is made can write it."""
    found = scene.secret(SOURCE)
    assert found is not None
    annotations = found["metadata"]["annotations"]
    data = {"access_token": base64.b64encode(token.encode()).decode()}
    seconds = annotations["adobe-ims.dev/rotation-id"].partition("-")[0]
    digest = digest_data(annotations["adobe-ims.dev/credential-uid"], data)
    written = {"data-digest": digest, "rotation-id": f"{seconds}-f00d", **facts}
    changed = {f"adobe-ims.dev/{name}": text for name, text in written.items()}
    return {"data": data, "metadata": {"annotations": changed}}


@pytest.mark.parametrize(
    ("token", "facts", "why"),
    [
        ("x" * 300_000, {}, "has no key that holds a token"),
        ('a"b', {}, "has no key that holds a token"),
        ("token", {"token-type": "Basic"}, "of a type that is not bearer"),
        ("token", {"client-id": "a\nb"}, "names a client id that none can be"),
        ("token", {"client-id": '", "endpoint": "https://example.com'}, "names a client id that none can be"),
        ("token", {"expires-at": "2099-01-01T00:00:00Z"}, "lives for another time than IMS gives"),
    ],
)
def test_what_is_forged_is_held_to_what_an_answer_of_ims_is_held_to(
    scene: Scene, token: str, facts: dict[str, str], why: str
) -> None:
    team = Team(scene)
    scene.client_secret()
    share(scene, [team])
    texts = {f"key-{number}": "$(access_token)" * 2 for number in range(30)}
    team.take(secret={"data": {"access_token": "$(access_token)", **texts}})
    scene.operator(*team.flags)
    first = wait_taken(scene, team)
    team.wait("RotationFailing", "False", "Rotated")
    scene.patch(SOURCE, forged(scene, token, **facts), "secrets")
    found = team.wait("RotationFailing", "True", "SourceNotReady")
    assert why in found["message"]
    assert (team.token(), team.condition("Ready")["status"]) == (first, "True")
    rotate(scene)
    wait_taken(scene, team)
    team.wait("RotationFailing", "False", "Rotated")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("first_gone", ["source", "taker"])
def test_namespaces_are_deleted_in_either_order(scene: Scene, first_gone: str) -> None:
    source, team, other = Team(scene), Team(scene), Team(scene)
    source.share(team, other)
    team.take(of=source.namespace)
    other.take(of=source.namespace)
    operator = scene.operator(*flags(source, team, other))
    first = wait_for("the token to be taken", team.token)
    wait_for("the token to be taken by both", other.token)
    if first_gone == "source":
        source.delete()
        wait_for("the taker to say so", lambda: team.condition("RotationFailing").get("status") == "True")
        assert team.condition("RotationFailing")["reason"] in ("SourceNotShared", "SourceNotWatched")
        assert (team.token(), team.condition("Ready")["status"]) == (first, "True")
        team.delete()
    else:
        team.delete()
        source.scene.api.patch(source.path(SOURCE), {"metadata": {"annotations": {ROTATE_ANNOTATION: "now"}}})
        wait_for("the other to follow", lambda: other.token() not in (None, first))
        source.delete()
    assert "a defect of the operator" not in operator.text()
    assert asked(scene) == (1 if first_gone == "source" else 2)
