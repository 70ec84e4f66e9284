"""The fields of the log lines of a real operator, by which a person finds all that is about one credential."""

import json
from typing import Any

from testbed.api import wait_for
from testbed.scene import CLIENT, Scene

SPARE = "p8e-spare"


def lines(scene: Scene, reason: str) -> list[dict[str, Any]]:
    """The lines above debug with that reason; each line of the log has to be JSON."""
    found = [json.loads(line) for line in scene.log.read_text().splitlines()]
    return [line for line in found if line.get("reason") == reason and line["level"] != "DEBUG"]


def test_each_line_about_a_credential_has_its_facts_as_fields_and_none_has_a_token(scene: Scene) -> None:
    scene.client_secret()
    scene.client_secret("wrong", {**CLIENT, "client_secret": SPARE})
    scene.operator()
    scene.credential("lightroom", secret={"name": "lightroom-token"})
    status = scene.wait_ready()
    about = {"namespace": scene.namespace, "name": "lightroom"}
    asked = {**about, "endpoint": scene.ims.url}
    (written,) = lines(scene, "SecretMissing")
    assert written["logger"].startswith("adobe_ims_operator.")
    assert written.items() >= {**asked, "secret": "lightroom-token", "expires_at": status["expirationTime"]}.items()
    tokens = {scene.data("lightroom-token")["access_token"]}

    scene.rules({"behaviour": "debug_id", "value": "0123-of-this-answer"})
    scene.patch("lightroom", {"spec": {"client": {"secretRef": {"name": "wrong"}}}})
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    (refused,) = lines(scene, "InvalidClient")
    expected = {"secret": "wrong", "expires_at": status["expirationTime"], "x-debug-id": "0123-of-this-answer"}
    assert refused.items() >= {**asked, **expected}.items()

    scene.patch("lightroom", {"spec": {"client": {"secretRef": {"name": "absent"}}}})
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound")
    wait_for("the line of the Event", lambda: lines(scene, "ClientSecretNotFound"))
    assert lines(scene, "ClientSecretNotFound")[0].items() >= about.items()

    scene.ims.clear_rules()
    scene.patch("lightroom", {"spec": {"client": {"secretRef": {"name": "oauth"}}, "secret": {"name": "moved"}}})
    scene.wait_condition("Ready", "True", "Rotated")
    wait_for("the new Secret", lambda: scene.secret("moved"))
    scene.wait_ready()
    tokens.add(scene.data("moved")["access_token"])
    wait_for("the old Secret to go", lambda: scene.secret("lightroom-token") is None)
    text = scene.log.read_text()
    (deleted,) = [line for line in map(json.loads, text.splitlines()) if "deleted Secret" in line["message"]]
    assert deleted.items() >= {**about, "secret": "lightroom-token"}.items()
    assert not [hidden for hidden in (*tokens, SPARE, CLIENT["client_secret"]) if hidden in text]
