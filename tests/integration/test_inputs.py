"""The client Secret: its changes take effect within seconds, and what is wrong with it is said."""

import base64
import json

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene

ID, SECRET = SAMPLE_CLIENT_ID.encode(), SAMPLE_CLIENT_SECRET.encode()


def test_a_credential_whose_client_secret_comes_later_waits_for_it(scene: Scene) -> None:
    scene.operator()
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound")
    assert "there is no Secret oauth" in condition["message"]
    assert scene.condition("RotationFailing")["status"] == "True"
    assert scene.ims.requests().total == 0
    scene.client_secret()
    scene.wait_ready()
    assert scene.condition("RotationFailing")["status"] == "False"


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"client_secret": SAMPLE_CLIENT_SECRET}, "client_id"),
        ({"client_id": SAMPLE_CLIENT_ID}, "client_secret"),
        ({"client_id": SAMPLE_CLIENT_ID, "client_secret": "\n"}, "client_secret"),
    ],
)
def test_a_missing_key_is_named_and_mended_at_once(scene: Scene, data: dict[str, str], key: str) -> None:
    scene.client_secret(data=data)
    scene.operator()
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "ClientSecretKeyMissing")
    assert f"under the key {key}" in condition["message"]
    assert scene.ims.requests().total == 0
    scene.client_secret()
    scene.wait_ready()


ODD: dict[str, tuple[bytes, bytes, str]] = {
    "bom": (b"\xef\xbb\xbf" + ID, b"\xef\xbb\xbf" + SECRET + b"\r\n", ""),
    "no-break-space": (ID, b"\xc2\xa0" + SECRET + b"\xc2\xa0", ""),
    "zero-width": (
        ID + b"\xe2\x80\x8b",
        SECRET,
        "a zero-width space under the key client_id; put nothing but the client id",
    ),
    "nul": (ID, SECRET + b"\x00", "a NUL under the key client_secret"),
    "utf-16": (ID.decode().encode("utf-16"), SECRET, "UTF-16 text, where UTF-8 is needed, under the key client_id"),
    "latin-1": (ID, b"p8e-\xe9t\xe9", "bytes that are no UTF-8 text under the key client_secret"),
}


def test_what_no_credential_has_is_never_sent_and_what_editors_add_is_passed_over(scene: Scene) -> None:
    scene.operator()
    for name, (client_id, secret, _) in ODD.items():
        encoded = {"client_id": client_id, "client_secret": secret}
        data = {key: base64.b64encode(value).decode() for key, value in encoded.items()}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-oauth"}, "data": data}
        scene.api.apply(manifest, namespace=scene.namespace)
        scene.credential(name, client={"secretRef": {"name": f"{name}-oauth"}})
    for name, (_, _, words) in ODD.items():
        if words:
            message = scene.wait_condition("RotationFailing", "True", "ClientSecretInvalid", name)["message"]
            assert f"Secret {name}-oauth has {words}" in message
        else:
            scene.wait_ready(name)
    good = sum(not words for _, _, words in ODD.values())
    assert scene.ims.requests().by_answer == {"token": good}


def test_a_client_that_is_not_accepted_is_told_with_all_that_it_is_made_of(scene: Scene) -> None:
    scene.client_secret(data={"client_id": SAMPLE_CLIENT_ID, "client_secret": f'"{SAMPLE_CLIENT_SECRET}"'})
    scene.rules({"behaviour": "debug_id", "value": "0123-of-this-answer"})
    scene.operator()
    scene.credential()
    message = scene.wait_condition("RotationFailing", "True", "InvalidClient")["message"]
    for words in (
        f"{scene.ims.url} does not accept the client secret (Secret oauth, key client_secret)",
        "the value under client_secret stands in quotes",
        "x-debug-id 0123-of-this-answer",
    ):
        assert words in message
        assert words in scene.log.read_text()
    lines = [json.loads(line) for line in scene.log.read_text().splitlines()]
    assert [line["x-debug-id"] for line in lines if "x-debug-id" in line] == ["0123-of-this-answer"]
    assert SAMPLE_CLIENT_SECRET not in scene.log.read_text() + str(scene.status())


def test_a_newline_at_the_end_of_a_value_is_not_part_of_it(scene: Scene) -> None:
    scene.client_secret(data={key: f"{value}\n" for key, value in CLIENT.items()})
    scene.operator()
    scene.credential()
    scene.wait_ready()


def test_a_new_client_secret_proves_itself_at_once(scene: Scene) -> None:
    scene.ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), (SAMPLE_CLIENT_ID, "p8e-the-new-one")])
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-the-new-one"})
    scene.wait_rotations(2)
    assert scene.ims.requests().total == 2


NAMES = ("a", "b", "c")


def wait_looked_at(scene: Scene, name: str, logged: int) -> None:
    """Wait until an operator that began to log there has looked at a credential, and found its token fresh."""
    line = f"{scene.namespace}/{name}: Rotated; looking again"
    wait_for(f"{name} to be looked at", lambda: line in scene.log.read_text()[logged:])


def wait_keys(scene: Scene, key: str) -> None:
    """Wait until each credential says that its client secret is under that key."""
    wait_for(
        f"the client secret to be reported under {key}",
        lambda: {scene.status(name)["clientSecretKey"] for name in NAMES} == {key},
    )


def test_a_client_secret_is_replaced_without_a_token_more_until_the_old_one_is_gone(scene: Scene) -> None:
    old, new = SAMPLE_CLIENT_SECRET, "p8e-the-new-one"
    scene.ims.clients([(SAMPLE_CLIENT_ID, old), (SAMPLE_CLIENT_ID, new)])
    scene.client_secret()
    operator = scene.operator()
    keys = ["client_secret", "client_secret_previous", "client_secret_next"]
    for name in NAMES:
        scene.credential(name, client={"secretRef": {"name": "oauth"}, "secretKeys": keys})
        scene.wait_ready(name)
    mark = scene.audited_from()

    scene.client_secret(data={**CLIENT, "client_secret_next": new})
    scene.client_secret(data={**CLIENT, "client_secret": new, "client_secret_previous": old})
    wait_keys(scene, "client_secret_previous")
    operator.kill()
    looked_from = len(scene.log.read_text())
    scene.operator()
    for name in NAMES:
        wait_looked_at(scene, name, looked_from)
    scene.client_secret(data={**CLIENT, "client_secret_previous": new})
    wait_keys(scene, "client_secret")
    scene.client_secret(data=CLIENT)
    scene.client_secret(data={**CLIENT, "client_secret": new, "client_secret_previous": old})
    wait_keys(scene, "client_secret_previous")
    assert scene.ims.requests().total == 3
    written = {resource for verb, resource in scene.requests_since(mark) if verb not in ("get", "list", "watch")}
    assert "secrets" not in written

    scene.client_secret(data={**CLIENT, "client_secret": new})
    for name in NAMES:
        scene.wait_rotations(2, name)
    wait_keys(scene, "client_secret")
    scene.client_secret(data={**CLIENT, "client_secret": new, "client_secret_previous": "p8e-never-tried"})
    scene.credential("last", client={"secretRef": {"name": "oauth"}})
    scene.wait_ready("last")
    assert scene.ims.requests().total == 7
    assert {scene.status(name)["rotations"] for name in NAMES} == {2}


def test_a_token_of_an_older_version_is_replaced_by_the_first_change_alone(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["client_secret", "next"]})
    scene.wait_ready()
    operator.kill()
    fact = "adobe-ims.dev/client-value-digest"
    scene.patch("lightroom", {"metadata": {"annotations": {fact: None}}}, "secrets")
    logged = len(scene.log.read_text())
    scene.operator()
    wait_looked_at(scene, "lightroom", logged)
    assert scene.ims.requests().total == 1
    scene.client_secret(data={**CLIENT, "next": "p8e-not-known-yet"})
    scene.wait_rotations(2)
    mark = scene.audited_from()
    scene.client_secret(data={**CLIENT, "next": "p8e-another"})
    wait_for("the client Secret to be read", lambda: scene.requests_since(mark).get(("get", "secrets")))
    scene.credential("other")
    scene.wait_ready("other")
    assert scene.status()["rotations"] == 2


def test_a_change_of_the_client_secret_that_is_none_rotates_nothing(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    mark = scene.audited_from()
    scene.patch("oauth", {"metadata": {"labels": {"team": "photos"}}}, "secrets")
    wait_for("the client Secret to be read", lambda: scene.requests_since(mark).get(("get", "secrets")))
    scene.credential("other")
    scene.wait_ready("other")
    assert scene.ims.requests().total == 2
    operator.kill()
    logged = len(scene.log.read_text())
    scene.operator()
    looked_at = f"{scene.namespace}/lightroom: Rotated; looking again"
    wait_for("it to be looked at", lambda: looked_at in scene.log.read_text()[logged:])
    assert scene.ims.requests().total == 2


def test_a_client_secret_that_changed_while_the_operator_was_down_is_noticed(scene: Scene) -> None:
    scene.ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), (SAMPLE_CLIENT_ID, "p8e-the-new-one")])
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    operator.kill()
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-the-new-one"})
    scene.operator()
    scene.wait_rotations(2)


def test_two_client_secrets_overlap_and_the_status_says_which_one_works(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-deleted", "next": SAMPLE_CLIENT_SECRET})
    scene.operator()
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["client_secret", "next"]})
    assert scene.wait_ready()["clientSecretKey"] == "next"
    assert scene.ims.requests().by_answer == {"invalid_client": 1, "token": 1}


@pytest.mark.parametrize("behaviour", ["server_error", "rate_limited", "not_json"])
def test_the_next_client_secret_is_tried_only_where_the_one_before_is_refused(scene: Scene, behaviour: str) -> None:
    scene.rules({"behaviour": behaviour})
    scene.client_secret(data={**CLIENT, "next": SAMPLE_CLIENT_SECRET})
    scene.operator()
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["client_secret", "next"]})
    wait_for("the first attempt to fail", lambda: scene.status().get("failures") == 1)
    assert scene.ims.requests().total == 1


def test_other_keys_than_the_usual_ones_can_be_named(scene: Scene) -> None:
    scene.client_secret(data={"CLIENT_ID": SAMPLE_CLIENT_ID, "SECRET": SAMPLE_CLIENT_SECRET})
    scene.operator()
    scene.credential(client={"secretRef": {"name": "oauth"}, "idKey": "CLIENT_ID", "secretKeys": ["SECRET"]})
    scene.wait_ready()


def test_one_client_serves_a_credential_for_each_organization(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential("without")
    scene.wait_ready("without")
    data = {"token": "$(access_token)", "organization": "$(organization_id)"}
    for name in ("a", "b"):
        client = {"secretRef": {"name": "oauth"}, "organizationId": f"{name}@AdobeOrg"}
        scene.credential(name, client=client, secret={"data": data})
        scene.wait_ready(name)
        assert scene.data(name)["organization"] == f"{name}@AdobeOrg"
        assert annotation(scene, name) == f"{name}@AdobeOrg"
    assert [entry.organization for entry in scene.ims.requests().log] == ["", "a@AdobeOrg", "b@AdobeOrg"]
    scene.credential("b", client={"secretRef": {"name": "oauth"}})
    scene.wait_rotations(2, "b")
    assert scene.ims.requests().log[-1].organization == ""
    assert annotation(scene, "b") is None
    assert annotation(scene, "without") is None


def annotation(scene: Scene, name: str) -> str | None:
    secret = scene.secret(name)
    assert secret is not None
    organization: str | None = secret["metadata"]["annotations"].get("adobe-ims.dev/organization-id")
    return organization


def test_a_change_of_scopes_or_keys_rotates_at_once(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.credential(scopes=["openid", "AdobeID"])
    scene.wait_rotations(2)
    assert list(scene.ims.requests().log[-1].scopes) == ["openid", "AdobeID"]
    scene.credential(scopes=["openid", "AdobeID"], secret={"data": {"token": "$(access_token)"}})
    scene.wait_rotations(3)
    assert scene.data().keys() == {"token"}


def test_a_change_of_the_interval_alone_asks_for_no_token(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    before = scene.wait_ready()
    scene.credential(rotation={"interval": "12h"})
    after = scene.wait_ready()
    assert after["lastRotationTime"] == before["lastRotationTime"]
    assert after["nextRotationTime"] < before["nextRotationTime"]
    assert scene.ims.requests().total == 1
