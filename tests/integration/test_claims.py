"""Several credentials that name one Secret: who has it keeps it, and nobody hurts anybody by naming it."""

import time
from typing import Any

import pytest

from adobe_ims_operator.api.resource import PLURAL, ROTATE_ANNOTATION
from testbed.api import Object, wait_for
from testbed.scene import Scene, allow


@pytest.fixture
def elder_and_younger(scene: Scene) -> Scene:
    """An operator, and two credentials that each have a Secret of their own."""
    scene.client_secret()
    scene.operator()
    scene.credential("elder")
    scene.wait_ready("elder")
    time.sleep(1.1)  # creation times have whole seconds
    scene.credential("younger", secret={"name": "shared"})
    scene.wait_ready("younger")
    return scene


def owner(scene: Scene, name: str = "shared") -> str | None:
    """Whose a Secret is."""
    secret = scene.secret(name)
    return secret["metadata"]["annotations"]["adobe-ims.dev/credential"].partition("/")[2] if secret else None


def refused(scene: Scene, name: str, reason: str = "SecretNotOwned") -> str:
    """Wait until a credential is refused in its present generation; the message."""

    def probe() -> str:
        found = scene.api.get(scene.path(name))
        condition = scene.condition("RotationFailing", name)
        assert (condition.get("reason"), condition.get("observedGeneration")) == (
            reason,
            found["metadata"]["generation"],
        ), condition
        return str(condition["message"])

    return wait_for(f"{name} to be refused because of {reason}", probe)


def is_made_again(scene: Scene, name: str, before: Object | None) -> None:
    def probe() -> bool:
        secret = scene.secret(name)
        assert before is not None
        return secret is not None and secret["metadata"]["uid"] != before["metadata"]["uid"]

    wait_for(f"Secret {name} to be made again", probe)


@pytest.mark.parametrize("adopt", [False, True])
def test_an_older_credential_takes_no_secret_from_a_younger_one(elder_and_younger: Scene, adopt: bool) -> None:
    scene = elder_and_younger
    scene.credential("elder", secret={"name": "shared", "adopt": adopt})
    assert "belongs to AdobeIMSCredential younger" in refused(scene, "elder")
    scene.patch("younger", {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
    scene.wait_rotations(2, "younger")
    before = scene.secret("shared")
    scene.api.delete(scene.path("shared", "secrets"))
    is_made_again(scene, "shared", before)
    scene.wait_ready("younger")
    assert owner(scene) == "younger"


def test_an_older_credential_without_a_client_secret_blocks_nobody(elder_and_younger: Scene) -> None:
    scene = elder_and_younger
    scene.credential("elder", client={"secretRef": {"name": "missing"}}, secret={"name": "shared"})
    refused(scene, "elder")
    scene.patch("younger", {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
    scene.wait_rotations(2, "younger")
    assert scene.condition("RotationFailing", "younger")["status"] == "False"


def test_who_had_a_secret_makes_it_again_after_a_restart(elder_and_younger: Scene) -> None:
    scene = elder_and_younger
    scene.credential("elder", secret={"name": "shared"})
    refused(scene, "elder")
    scene.rules({"behaviour": "server_error", "times": 1})
    before = scene.secret("shared")
    scene.api.delete(scene.path("shared", "secrets"))
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable", "younger")
    scene.kill_operators()
    scene.operator()
    is_made_again(scene, "shared", before)
    assert owner(scene) == "younger"


@pytest.mark.parametrize("adopt", [False, True])
def test_a_secret_is_not_taken_from_a_credential_of_another_operator(scene: Scene, adopt: bool) -> None:
    scene.client_secret()
    scene.operator("--selector", "team=one")
    scene.operator("--selector", "team=two", log=scene.log.with_name("two.log"))
    scene.credential("holder", secret={"name": "shared", "deletionPolicy": "Retain" if adopt else "Delete"})
    scene.patch("holder", {"metadata": {"labels": {"team": "one"}}})
    scene.wait_ready("holder")
    before = scene.secret("shared")
    mark = scene.audited_from()
    scene.credential("other", secret={"name": "shared", "adopt": adopt})
    scene.patch("other", {"metadata": {"labels": {"team": "two"}}})
    assert "belongs to AdobeIMSCredential holder" in refused(scene, "other")
    time.sleep(2)
    assert scene.requests_since(mark)["get", PLURAL] == 1
    assert scene.secret("shared") == before
    scene.api.delete(scene.path("holder"))
    if not adopt:
        scene.wait_ready("other")
        assert owner(scene) == "other"


def test_a_lookup_that_is_forbidden_leaves_the_secret_where_it_is(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential("holder", secret={"name": "shared"})
    scene.wait_ready("holder")
    operator.kill()
    before = scene.secret("shared")
    scene.patch("holder", {"metadata": {"labels": {"team": "one"}}})
    allow(scene.api, scene.namespace, PLURAL, ["list", "watch"])
    scene.operator("--selector", "team!=one")
    scene.credential("other", secret={"name": "shared"})
    message = refused(scene, "other")
    assert "holder" in message
    assert "the verb get on adobeimscredentials" in message
    assert scene.secret("shared") == before


@pytest.mark.parametrize("change", ["deleted", "renamed"])
def test_a_secret_that_its_holder_no_longer_has_is_for_who_names_it(elder_and_younger: Scene, change: str) -> None:
    scene = elder_and_younger
    scene.credential("elder", secret={"name": "shared"})
    refused(scene, "elder")
    if change == "deleted":
        scene.api.delete(scene.path("younger"))
    else:
        scene.credential("younger", secret={"name": "renamed"})
        scene.wait_ready("younger")
    scene.wait_ready("elder")
    assert owner(scene) == "elder"


class TestANameOfATokenSecretAndOfAClientSecret:
    def test_is_the_older_ones_client_secret(self, scene: Scene) -> None:
        scene.client_secret()
        scene.operator()
        scene.credential("elder", client={"secretRef": {"name": "shared"}})
        time.sleep(1.1)
        scene.credential("younger", secret={"name": "shared"})
        assert "client Secret that the older AdobeIMSCredential elder names" in refused(scene, "younger")
        assert scene.ims.requests().total == 0
        scene.client_secret("shared")
        scene.wait_ready("elder")

    def test_is_the_older_ones_token_secret(self, scene: Scene) -> None:
        scene.operator()
        scene.credential("elder", secret={"name": "shared"})
        time.sleep(1.1)
        scene.credential("younger", client={"secretRef": {"name": "shared"}})
        assert "AdobeIMSCredential elder puts its token" in refused(scene, "younger", "ClientSecretNotAllowed")
        scene.client_secret()
        scene.wait_ready("elder")

    def test_is_no_way_to_keep_who_had_it_from_healing_it(self, elder_and_younger: Scene) -> None:
        scene = elder_and_younger
        spec: dict[str, Any] = {"client": {"secretRef": {"name": "shared"}}}
        scene.credential("elder", **spec)
        refused(scene, "elder", "ClientSecretNotAllowed")
        before = scene.secret("shared")
        scene.api.delete(scene.path("shared", "secrets"))
        is_made_again(scene, "shared", before)
        scene.wait_ready("younger")
