"""One token for several namespaces: what a source shares its takers take, and IMS is asked once."""

import asyncio
import json
import threading
import time

import pytest
from aiohttp import web

from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from integration.teams import SOURCE, Team, asked, flags, one_taker, rotate, share, source_token, wait_taken
from testbed.api import wait_for
from testbed.control_plane import ControlPlane
from testbed.scene import CLIENT, Scene, allow
from testbed.stale_api import StaleApi

TEAMS = 20
SETTLE_SECONDS = 3.0
"""In which the operator would have done what it is not to do."""


@pytest.mark.timeout(300)
def test_twenty_takers_in_twenty_namespaces_cost_one_token_and_follow_each_rotation(scene: Scene) -> None:
    teams = [Team(scene) for _ in range(TEAMS)]
    scene.client_secret()
    share(scene, teams)
    for team in teams[:-1]:
        team.take()
    operator = scene.operator(*flags(*teams))
    first = wait_taken(scene, *teams[:-1], seconds=60)
    for team in teams[:-1]:
        team.wait("Ready", "True", "Rotated")
    assert asked(scene) == 1

    scene.patch(SOURCE, {"metadata": {"annotations": {ROTATE_ANNOTATION: "now"}}})
    wait_for("the source to rotate", lambda: source_token(scene) != first)
    second = wait_taken(scene, *teams[:-1])
    teams[-1].take()
    assert wait_taken(scene, *teams) == second, "one that comes later takes what is there"
    assert asked(scene) == 2

    operator.kill()
    teams[0].scene.api.delete(teams[0].path("taken", "secrets"))
    scene.operator(*flags(*teams))
    wait_taken(scene, teams[0])
    time.sleep(SETTLE_SECONDS)
    assert asked(scene) == 2, "healing and starting ask for nothing"
    assert {team.status()["rotations"] for team in teams[1:-1]} == {2}, "a start writes nothing"


def test_a_taker_has_all_that_a_credential_has_with_the_values_of_its_source(scene: Scene) -> None:
    team = Team(scene)
    scene.client_secret()
    template = {"b": "Bearer $(access_token)", "access_token": "$(access_token)"}
    share(scene, [team], scopes=["openid", "AdobeID"], secret={"data": template})
    names = ("access_token", "token_type", "expires_at", "issued_at", "expires_in", "client_id", "scope")
    data = {name: f"$({name})" for name in names}
    team.take(secret={"name": "other", "labels": {"team": "a"}, "data": data})
    scene.operator(*team.flags)
    team.wait("Ready", "True", "Rotated")
    secret, source = team.secret("other"), scene.secret(SOURCE)
    assert secret is not None
    assert source is not None
    found = team.data("other")
    annotations = source["metadata"]["annotations"]
    assert found["access_token"] == source_token(scene)
    assert found["scope"] == "openid,AdobeID"
    assert found["client_id"] == CLIENT["client_id"]
    assert (found["expires_at"], found["issued_at"]) == (
        annotations["adobe-ims.dev/expires-at"],
        annotations["adobe-ims.dev/issued-at"],
    )
    assert secret["metadata"]["labels"]["team"] == "a"
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("AdobeIMSCredential", "taken")
    status = team.status()
    assert (status["source"], status["secretName"]) == (f"{scene.namespace}/{SOURCE}", "other")
    assert "clientSecretKey" not in status
    assert "nextRotationTime" not in status
    assert "source" not in scene.status(SOURCE)

    team.patch("other", {"data": {"access_token": "ZWRpdGVk"}}, "secrets")
    wait_for("the edit to be undone", lambda: team.token("other") == source_token(scene))
    assert asked(scene) == 1
    lines = [json.loads(line) for line in scene.log.read_text().splitlines() if line.startswith("{")]
    of_taker = [line for line in lines if line.get("namespace") == team.namespace]
    assert any("wrote Secret other" in line["message"] for line in of_taker)
    assert [line for line in of_taker if "endpoint" in line] == []


def test_the_consent_of_one_side_alone_does_nothing(scene: Scene) -> None:
    named, unnamed = Team(scene), Team(scene)
    scene.client_secret()
    share(scene, [named])
    unnamed.take()
    unnamed.take("of-none", source="nobody")
    scene.operator(*flags(named, unnamed))
    scene.wait_ready(SOURCE)
    found = unnamed.wait("RotationFailing", "True", "SourceNotShared")
    of_none = unnamed.wait("RotationFailing", "True", "SourceNotShared", "of-none")
    assert found["message"].replace(SOURCE, "nobody") == of_none["message"], "whether it exists is not said"
    time.sleep(SETTLE_SECONDS)
    assert (named.secret(), unnamed.secret(), unnamed.secret("of-none")) == (None, None, None)
    assert unnamed.condition("Stalled") == {}

    share(scene, [named, unnamed])
    named.take()
    wait_taken(scene, named, unnamed)
    unnamed.wait("RotationFailing", "False", "Rotated")
    assert asked(scene) == 1


def test_who_is_no_longer_named_keeps_the_token_that_is_there_and_gets_no_other(scene: Scene) -> None:
    leaves, stays = Team(scene), Team(scene)
    scene.client_secret()
    share(scene, [leaves, stays])
    leaves.take()
    stays.take()
    scene.operator(*flags(leaves, stays))
    first = wait_taken(scene, leaves, stays)
    leaves.wait("Ready", "True", "Rotated")
    share(scene, [stays])
    leaves.wait("RotationFailing", "True", "SourceNotShared")
    assert leaves.condition("Ready")["status"] == "True"
    scene.patch(SOURCE, {"metadata": {"annotations": {ROTATE_ANNOTATION: "now"}}})
    wait_for("the source to rotate", lambda: source_token(scene) != first)
    wait_taken(scene, stays)
    time.sleep(SETTLE_SECONDS)
    assert leaves.token() == first


def test_a_taker_does_not_outlive_the_token_that_it_keeps(scene: Scene) -> None:
    team = Team(scene)
    scene.client_secret()
    scene.ims.settings(expires_in=20)
    share(scene, [team])
    team.take()
    scene.operator(*team.flags)
    wait_taken(scene, team)
    share(scene, [])
    team.wait("RotationFailing", "True", "SourceNotShared")
    team.wait("Ready", "False", "Expired")


def test_a_request_to_rotate_a_taker_is_refused(scene: Scene) -> None:
    team, _ = one_taker(scene)
    team.wait("Ready", "True", "Rotated")
    team.patch("taken", {"metadata": {"annotations": {ROTATE_ANNOTATION: "now"}}})
    wait_for("the request to be answered", lambda: team.status().get("lastHandledRotateRequest") == "now")
    words = f"the token is that of AdobeIMSCredential {scene.namespace}/{SOURCE}; ask for a rotation of that"
    assert words in team.condition("Ready")["message"]

    def event() -> bool:
        events = scene.api.get(f"/apis/events.k8s.io/v1/namespaces/{team.namespace}/events")["items"]
        return [each["reason"] for each in events if words in each.get("note", "")] == ["RequestRefused"]

    wait_for("an Event to say so", event)
    assert (asked(scene), team.status()["rotations"]) == (1, 1)
    assert team.condition("RotationFailing")["status"] == "False"


def test_a_source_that_is_not_watched_shares_nothing(scene: Scene) -> None:
    source, team = Team(scene), Team(scene)
    source.share(team)
    team.take(of=source.namespace)
    operator = scene.operator(*flags(source, team))
    first = wait_for("the token to be taken", team.token)
    operator.kill()
    scene.operator(*team.flags)
    found = team.wait("RotationFailing", "True", "SourceNotWatched")
    assert f"does not watch namespace {source.namespace}" in found["message"]
    assert (team.token(), asked(scene)) == (first, 1)


def test_a_source_whose_secrets_can_not_be_read_is_not_watched(scene: Scene) -> None:
    source, team = Team(scene), Team(scene)
    source.share(team)
    team.take(of=source.namespace)
    allow(scene.api, source.namespace, "secrets", ["create"])
    scene.operator(*flags(source, team))
    team.wait("RotationFailing", "True", "SourceNotWatched")
    allow(scene.api, source.namespace, "secrets", ["get", "list", "watch", "create", "patch", "delete"])
    wait_for("the token to be taken", team.token, 60)
    team.wait("RotationFailing", "False", "Rotated")


class SlowApi(StaleApi):
    """An API server that answers slowly to who reads one Secret, as of when the answer comes."""

    slow = ""
    """The end of the path of that Secret."""

    def __init__(self, control_plane: ControlPlane) -> None:
        super().__init__(control_plane)
        self.asked, self.answers = threading.Event(), threading.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.slow and request.method == "GET" and request.path.endswith(self.slow):
            self.asked.set()
            await asyncio.to_thread(self.answers.wait, 20)
        return await super().answer(request)


def test_a_token_that_was_read_before_consent_was_withdrawn_is_not_written_after_it(scene: Scene) -> None:
    team = Team(scene)
    scene.client_secret()
    share(scene, [team])
    team.take()
    with SlowApi(scene.control_plane) as api:
        scene.operator_by(api, *team.flags)
        first = wait_taken(scene, team)
        team.wait("Ready", "True", "Rotated")
        api.slow = f"/{scene.namespace}/secrets/{SOURCE}"
        rotate(scene)
        assert api.asked.wait(20)
        share(scene, [])
        time.sleep(1)  # in which the watch brings it
        api.answers.set()
        team.wait("RotationFailing", "True", "SourceNotShared")
        assert team.token() == first


def test_a_source_without_the_labels_of_the_selector_is_not_found(scene: Scene) -> None:
    team = Team(scene)
    scene.client_secret()
    share(scene, [team])
    team.take()
    team.patch("taken", {"metadata": {"labels": {"served": "yes"}}})
    scene.operator(*team.flags, "--selector", "served=yes")
    found = team.wait("RotationFailing", "True", "SourceNotShared")
    assert "as far as this operator watches" in found["message"]
    assert (team.secret(), asked(scene)) == (None, 0)


def test_the_youngest_credentials_beyond_the_limit_of_a_namespace_are_not_served(scene: Scene) -> None:
    scene.client_secret()
    scene.credential("old")
    time.sleep(1.1)  # ages have whole seconds
    scene.credential("young")
    scene.operator("--max-credentials-per-namespace", "1")
    scene.wait_ready("old")
    found = scene.wait_condition("RotationFailing", "True", "TooManyCredentials", "young")
    assert "--max-credentials-per-namespace" in found["message"]
    assert asked(scene) == 1
    scene.api.delete(scene.path("old"))
    scene.wait_ready("young")
    assert asked(scene) == 2
