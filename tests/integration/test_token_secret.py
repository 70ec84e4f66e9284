"""The token Secret: healed, owned, adopted, renamed and removed as the contract says."""

import base64
import time
from datetime import timedelta
from typing import Any

import pytest

from adobe_ims_operator.api.resource import Key, parse_credential
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.model import Attempts, Endpoint, HeldToken, Observed, Token
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.core.policy import FRESH
from adobe_ims_operator.kube import token_secret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.secret_metadata import observe_secret
from testbed.api import Object, wait_for
from testbed.operator_process import grants
from testbed.scene import Scene
from unit.worlds import NOW, facts

FOREIGN = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "lightroom"}, "stringData": {"mine": "1"}}


@pytest.fixture
def ready(scene: Scene) -> Scene:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    return scene


def test_a_deleted_token_secret_is_healed(ready: Scene) -> None:
    ready.api.delete(ready.path("lightroom", "secrets"))
    token = wait_for("the Secret to be there again", lambda: ready.data().get("access_token"))
    assert ready.ims.issued(token)
    assert ready.wait_ready()["rotations"] >= 1


@pytest.mark.parametrize(
    "data",
    [
        {"access_token": base64.b64encode(b"forged").decode()},
        {"access_token": None},
        {"intruder": base64.b64encode(b"x").decode()},
    ],
)
def test_an_edited_token_secret_is_healed(ready: Scene, data: dict[str, Any]) -> None:
    ready.patch("lightroom", {"data": data}, "secrets")
    ready.wait_rotations(2)
    found = ready.data()
    assert found.keys() == {"access_token"}
    assert ready.ims.issued(found["access_token"])


def test_edited_facts_are_healed(ready: Scene) -> None:
    ready.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/expires-at": "never"}}}, "secrets")

    def probe() -> bool:
        secret = ready.secret()
        return secret is not None and secret["metadata"]["annotations"]["adobe-ims.dev/expires-at"] != "never"

    wait_for("the facts to be true again", probe)


def test_an_edit_while_the_operator_was_down_is_healed(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    operator.kill()
    scene.patch("lightroom", {"data": {"access_token": base64.b64encode(b"forged").decode()}}, "secrets")
    scene.operator()
    scene.wait_rotations(2)


def test_a_foreign_secret_is_refused_and_not_touched(scene: Scene) -> None:
    before = scene.api.apply(FOREIGN, namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "SecretNotOwned")
    assert "somebody with tests" in condition["message"]
    assert "spec.secret.adopt" in condition["message"]
    assert scene.secret() == before
    assert scene.ims.requests().total == 0


def seen(scene: Scene, secret: Object | None) -> tuple[Observed, HeldToken]:
    """What the operator would see of the credential with that Secret, and a token to write into it."""
    store = Store(lambda _key, _after: None)
    credential = parse_credential(scene.credential())
    store.upsert_credential(credential)
    if secret is not None:
        store.upsert_secret(Key(scene.namespace, "lightroom"), observe_secret(secret["metadata"]))
    around = store.surroundings(credential.key, NOW)
    assert around is not None
    observed = observe(around, Attempts(credential.uid), Endpoint(scene.ims.url, allowed=True))
    known = facts(NOW, credential_uid=credential.uid)
    return observed, HeldToken(
        Token("a-token", "bearer", timedelta(days=1)), "id", known, observed.inputs, "openid", FRESH
    )


async def test_a_secret_that_somebody_made_meanwhile_is_not_written_into(scene: Scene, kube: Kube) -> None:
    observed, held = seen(scene, None)
    before = scene.api.apply(FOREIGN, namespace=scene.namespace)
    with pytest.raises(ApiError) as caught:
        await token_secret.write(kube, observed, held, None)
    assert caught.value.status == 409
    assert scene.secret() == before


@pytest.mark.parametrize("made_again", [False, True])
async def test_a_secret_that_somebody_changed_meanwhile_is_not_written_into(
    scene: Scene, kube: Kube, made_again: bool
) -> None:
    observed, held = seen(scene, scene.api.apply(FOREIGN, namespace=scene.namespace))
    if made_again:
        scene.api.delete(scene.path("lightroom", "secrets"))
    changed = {**FOREIGN, "stringData": {"mine": "2"}}
    before = scene.api.apply(changed, namespace=scene.namespace)
    with pytest.raises(ApiError) as caught:
        await token_secret.write(kube, observed, held, None)
    assert caught.value.status == 409
    assert scene.secret() == before


def test_adopt_takes_a_foreign_secret_over(scene: Scene) -> None:
    # One key has the very value that the template gives it: a write that changes nothing, which must not look like
    # an edit by somebody else forever.
    scene.api.apply({**FOREIGN, "stringData": {"mine": "1", "fixed": "same"}}, namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    scene.credential(
        secret={"adopt": True, "dropOtherKeys": True, "data": {"access_token": "$(access_token)", "fixed": "same"}}
    )
    scene.wait_ready()
    assert scene.data().keys() == {"access_token", "fixed"}
    secret = scene.secret()
    assert secret is not None
    assert secret["metadata"]["ownerReferences"][0]["name"] == "lightroom"
    scene.credential("other")
    scene.wait_ready("other")
    assert scene.ims.requests().total <= 3


def test_a_foreign_secret_that_goes_away_makes_room(scene: Scene) -> None:
    scene.api.apply(FOREIGN, namespace=scene.namespace)
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "SecretNotOwned")
    scene.api.delete(scene.path("lightroom", "secrets"))
    scene.wait_ready()


def test_of_two_credentials_with_one_secret_name_the_older_has_it(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential("elder", secret={"name": "shared"})
    scene.wait_ready("elder")
    time.sleep(1.1)  # creation times have whole seconds
    scene.credential("younger", secret={"name": "shared"})
    condition = scene.wait_condition("RotationFailing", "True", "SecretNotOwned", "younger")
    assert "belongs to AdobeIMSCredential elder" in condition["message"]
    assert scene.ims.requests().total == 1
    scene.patch("elder", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    scene.wait_rotations(2, "elder")
    scene.api.delete(scene.path("elder"))
    scene.wait_ready("younger")


def test_a_new_name_leaves_no_orphan(ready: Scene) -> None:
    ready.credential(secret={"name": "renamed"})
    ready.wait_ready()
    wait_for("the old Secret to go", lambda: ready.secret("lightroom") is None)
    assert ready.ims.issued(ready.data("renamed")["access_token"])


def test_the_old_secret_stays_until_there_is_a_new_one(ready: Scene) -> None:
    before = ready.secret()
    ready.rules({"behaviour": "server_error", "times": 1})
    ready.credential(secret={"name": "renamed"})
    ready.wait_condition("RotationFailing", "True", "IMSUnavailable")
    assert ready.secret() == before
    ready.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    ready.wait_ready()
    wait_for("the old Secret to go", lambda: ready.secret() is None)


def test_only_a_secret_that_it_owns_is_deleted_and_none_while_it_is_suspended(ready: Scene) -> None:
    ready.credential(suspend=True)
    ready.wait_condition("Ready", "True", "Suspended")
    secret = ready.secret()
    assert secret is not None
    for name, owners in (("forged", []), ("old", secret["metadata"]["ownerReferences"])):
        annotations = {**secret["metadata"]["annotations"], "adobe-ims.dev/secret": f"{ready.namespace}/{name}"}
        metadata: Object = {"name": name, "annotations": annotations, "ownerReferences": owners}
        ready.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}, namespace=ready.namespace)
    ready.credential("other")
    ready.wait_ready("other")
    assert ready.secret("old") is not None
    ready.credential(suspend=False)
    wait_for("the old Secret to go", lambda: ready.secret("old") is None)
    assert ready.secret("forged") is not None


def test_a_new_name_given_while_the_operator_was_down_leaves_no_orphan(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    operator.kill()
    scene.credential(secret={"name": "renamed"})
    scene.operator()
    scene.wait_ready()
    wait_for("the old Secret to go", lambda: scene.secret("lightroom") is None)


def test_a_copy_of_a_token_secret_is_nobodys_orphan(ready: Scene) -> None:
    secret = ready.secret()
    assert secret is not None
    metadata = {"name": "copy", "annotations": secret["metadata"]["annotations"]}
    copy = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": secret["data"]}
    ready.api.apply(copy, namespace=ready.namespace)
    ready.credential(secret={"name": "renamed"})
    ready.wait_ready()
    wait_for("the old Secret to go", lambda: ready.secret("lightroom") is None)
    assert ready.secret("copy") is not None


def test_a_mirror_of_a_token_secret_in_another_namespace_is_left_alone(scene: Scene) -> None:
    elsewhere = scene.api.create_namespace()
    for manifest in grants(elsewhere, scene.namespace):
        scene.api.apply(manifest)
    scene.client_secret()
    scene.operator("--namespace", elsewhere)
    scene.credential()
    scene.wait_ready()
    original = scene.secret()
    assert original is not None
    metadata = {"name": "lightroom", "annotations": original["metadata"]["annotations"]}
    mirror = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": original["data"]}
    before = scene.api.apply(mirror, namespace=elsewhere)
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    scene.wait_rotations(2)
    assert scene.api.get(f"/api/v1/namespaces/{elsewhere}/secrets/lightroom") == before


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "", "\u0661"])
def test_a_secret_with_absurd_facts_stops_nothing(scene: Scene, moment: str) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    secret = scene.secret()
    assert secret is not None
    facts = {**secret["metadata"]["annotations"], "adobe-ims.dev/secret": f"{scene.namespace}/trap"}
    trap = {"name": "trap", "annotations": {**facts, "adobe-ims.dev/issued-at": moment}}
    scene.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": trap}, namespace=scene.namespace)
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/issued-at": moment}}}, "secrets")
    scene.credential("other")
    scene.wait_ready("other")

    def probe() -> bool:
        healed = scene.secret()
        return healed is not None and healed["metadata"]["annotations"]["adobe-ims.dev/issued-at"] != moment

    wait_for("the facts to be true again", probe)


def test_deleting_the_credential_removes_its_secret(ready: Scene) -> None:
    ready.api.delete(ready.path("lightroom"))
    wait_for("the Secret to go", lambda: ready.secret() is None)
    ready.credential("other")
    ready.wait_ready("other")
    assert ready.secret() is None
    assert ready.ims.requests().total == 2


def test_a_foreground_deletion_ends(ready: Scene) -> None:
    ready.api.delete(ready.path("lightroom") + "?propagationPolicy=Foreground")
    wait_for("the credential to go", lambda: ready.api.get_or_none(ready.path("lightroom")) is None)
    wait_for("the Secret to go", lambda: ready.secret() is None)
    assert ready.ims.requests().total == 1


def test_retain_leaves_the_secret_and_a_new_credential_of_that_name_takes_it_up(ready: Scene) -> None:
    ready.credential(secret={"deletionPolicy": "Retain"})
    ready.wait_ready()
    ready.credential("other")
    ready.wait_ready("other")
    for name in ("lightroom", "other"):
        ready.api.delete(ready.path(name))
    wait_for("the other's Secret to go", lambda: ready.secret("other") is None)
    assert ready.secret() is not None
    ready.credential(secret={"deletionPolicy": "Retain"})
    ready.wait_ready()


def test_a_namespace_with_credentials_goes_away_although_the_operator_is_gone(scene: Scene) -> None:
    namespace = scene.api.create_namespace()
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    assert operator.stop() == 0
    for each in (scene.namespace, namespace):
        scene.api.delete(f"/api/v1/namespaces/{each}")
        path = f"/api/v1/namespaces/{each}"
        wait_for("the namespace to go", lambda path=path: scene.api.get_or_none(path) is None, 60)  # type: ignore[misc]
    scene.namespace = scene.api.create_namespace()
