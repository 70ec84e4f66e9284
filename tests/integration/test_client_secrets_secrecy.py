"""No client secret and no token in what people read beside the data of Secrets, through a replacement with failures."""

import base64
import json

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.resource import API_VERSION, GROUP
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.ports import Ports
from integration.replacing import MANAGED, Replacing

METRICS = ("ready", "rotation_failing", "old_in_use", "next_rotation_timestamp_seconds", "failures")


def test_nothing_shows_a_client_secret_or_a_token(replacing: Replacing) -> None:
    scene, ports = replacing.scene, Ports()
    scene.ims.settings(client_secret_lifetime=86400 * 90)
    scene.credential(client={"secretRef": {"name": MANAGED}, "secretKeys": ["client_secret", "client_secret_previous"]})
    operator = replacing.begin(*ports.flags, interval="240h")
    scene.wait_ready()
    values = {SAMPLE_CLIENT_SECRET, scene.data()["access_token"]}
    seen: list[str] = []

    def look() -> None:
        values.update(replacing.data().values())
        root = f"/apis/{API_VERSION}/namespaces/{scene.namespace}/{CLIENT_SECRET_PLURAL}"
        metadata = [
            each["metadata"] for each in scene.api.get(f"/api/v1/namespaces/{scene.namespace}/secrets")["items"]
        ]
        events = scene.api.get(f"/api/v1/namespaces/{scene.namespace}/events")["items"]
        seen.extend(json.dumps(each) for each in (scene.api.get(root), metadata, events, scene.api.table(root)))
        seen.append(ports.ask("/metrics")[1])

    look()
    for behaviour in ("not_json", "truncated", "server_error", "not_object", "redirect"):
        extra = {"location": "https://example.com"} if behaviour == "redirect" else {}
        scene.rules({"behaviour": behaviour, "request": "console", "times": 2, **extra})
        replacing.pass_time(660)
        look()
    scene.rules({"behaviour": "body", "request": "add", "text": '{"client_secret": "p8e-half', "times": 1})
    replacing.add()
    replacing.settle("it to be lost", lambda: replacing.phase() == "Orphaned")
    look()
    replacing.live(8, lambda: replacing.done("add") == 2)
    replacing.wait_phase("Proving")
    look()
    scene.rules({"behaviour": "error", "status": 401, "times": 1})
    replacing.settle("it to be in place", lambda: replacing.phase() == "Draining")
    look()
    scene.rules({"behaviour": "lost", "request": "delete", "times": 1})
    replacing.live(8, lambda: replacing.done("delete") == 2)
    replacing.settle("it to be gone", lambda: replacing.phase() == "Steady")
    look()
    labels = f'name="lightroom",namespace="{scene.namespace}"'
    for metric in METRICS:
        assert any(f"adobe_ims_client_secret_{metric}{{{labels}" in text for text in seen), metric
    (row,) = scene.api.table(f"/apis/{API_VERSION}/namespaces/{scene.namespace}/{CLIENT_SECRET_PLURAL}")
    assert list(row)[:7] == ["Name", "Ready", "Status", "Secret", "Replaced", "Next", "Old Used"]
    assert (row["Name"], row["Ready"], row["Status"]) == ("lightroom", "True", "InPlace")
    assert row["Next"] == replacing.status()["nextRotationTime"]
    assert operator.stop() == 0
    everything = "\n".join([operator.text(), *seen])
    assert "wrote Secret" in everything
    assert GROUP in everything
    values |= {scene.data()["access_token"]}
    values.discard(replacing.data()["client_id"])
    assert len(values) >= 4
    for private in values:
        for form in (private, base64.b64encode(private.encode()).decode()):
            assert form not in everything
    assert "p8e-" not in everything
    assert "eyJ" not in everything
