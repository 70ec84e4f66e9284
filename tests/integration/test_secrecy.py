"""Secrets stay secret: nothing that people read beside the data of the Secret holds a token or a client secret."""

import base64
import json
from pathlib import Path

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene

ODD_SECRET = "p8e-odd +&=%/?#\"'\\ secret"


def test_no_token_or_client_secret_in_logs_status_metadata_or_events(scene: Scene) -> None:
    scene.ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET), (SAMPLE_CLIENT_ID, ODD_SECRET)])
    scene.client_secret(data={**CLIENT, "client_secret": ODD_SECRET})
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    tokens = {scene.data()["access_token"]}
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-wrong-one"})
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    scene.client_secret()
    scene.wait_condition("RotationFailing", "False", "Rotated")
    for behaviour in ("not_json", "truncated", "reset", "empty_token", "server_error"):
        scene.rules({"behaviour": behaviour, "times": 1})
        annotations = {"adobe-ims.dev/rotate": behaviour}
        scene.patch("lightroom", {"metadata": {"annotations": annotations}})
        wait_for(behaviour, lambda answer=behaviour: scene.ims.requests().by_answer.get(answer))  # type: ignore[misc]
    scene.ims.clear_rules()
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "last"}}})
    scene.wait_condition("RotationFailing", "False", "Rotated")
    scene.credential("another")
    scene.wait_ready("another")
    tokens |= {scene.data()["access_token"], scene.data("another")["access_token"]}
    assert operator.stop() == 0
    secret = scene.secret()
    assert secret is not None
    events = scene.api.get(f"/api/v1/namespaces/{scene.namespace}/events")
    seen = "\n".join(
        [
            operator.text(),
            json.dumps(scene.api.get(scene.path("lightroom"))),
            json.dumps(secret["metadata"]),
            str(events),
        ]
    )
    assert "wrote Secret" in seen
    for private in {*tokens, SAMPLE_CLIENT_SECRET, ODD_SECRET, "p8e-wrong-one"}:
        for form in (private, base64.b64encode(private.encode()).decode(), json.dumps(private)[1:-1]):
            assert form not in seen


def test_no_key_or_certificate_of_a_kubeconfig_stays_on_disk(scene: Scene, tmp_path: Path) -> None:
    scene.client_secret()
    folder = tmp_path / "temporary"
    folder.mkdir()
    scene.operator(environment={"TMPDIR": str(folder)})
    scene.credential()
    scene.wait_ready()
    assert list(folder.iterdir()) == []
