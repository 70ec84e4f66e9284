"""What others wrote is quoted in messages and log lines as text, and can neither end a line nor colour a terminal."""

from testbed.scene import Scene, manifest

ODD = "one\r\n2026-11-24T10:00:00.000Z ERROR   forged\x1b[31m\u202e"
ASCII = ODD.removesuffix("\u202e")
"""Facts are ASCII, or damaged."""
SAID = "one  2026-11-24T10:00:00.000Z ERROR   forged [31m "


def lines_are_ours(scene: Scene) -> bool:
    shown = scene.log.read_bytes().decode().removesuffix("\n").split("\n")
    return all(line.isprintable() and not line.startswith("2026-11-24T10:00:00.000Z") for line in shown)


def test_the_name_of_an_owner(scene: Scene) -> None:
    owner = {"apiVersion": "example.com/v1", "kind": "Thing", "name": ODD, "uid": "7", "controller": True}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "lightroom", "ownerReferences": [owner]}}
    scene.api.post(scene.path("", "secrets").rstrip("/"), secret)
    scene.client_secret()
    scene.operator("--log-format", "text")
    scene.credential()
    message = scene.wait_condition("RotationFailing", "True", "SecretNotOwned")["message"]
    assert SAID in message
    assert lines_are_ours(scene)


def test_the_facts_of_a_token(scene: Scene) -> None:
    scene.client_secret()
    scene.operator("--log-format", "text")
    scene.credential()
    scene.wait_ready()
    facts = (scene.secret() or {})["metadata"]["annotations"]
    forged = {
        **facts,
        "adobe-ims.dev/credential": ASCII,
        "adobe-ims.dev/secret": f"{scene.namespace}/oauth",
    }
    scene.patch("oauth", {"metadata": {"annotations": forged}}, "secrets")
    scene.api.apply(manifest("second"), namespace=scene.namespace)
    condition = scene.wait_condition("RotationFailing", "True", "ClientSecretNotAllowed", "second")
    assert condition["message"].isprintable()
    assert lines_are_ours(scene)
