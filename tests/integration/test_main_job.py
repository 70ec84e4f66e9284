"""The main job: a credential becomes a Secret with a token, which rotates, cheaply, and survives restarts."""

import json
import re
import subprocess
import time
from datetime import timedelta

from adobe_ims_operator.api.times import from_rfc3339
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene


def test_a_credential_becomes_a_secret_with_a_token_of_ims(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    data = scene.data()
    assert data.keys() == {"access_token"}
    assert scene.ims.issued(data["access_token"])
    asked = scene.ims.requests()
    assert (asked.total, asked.in_query) == (1, 0)
    assert list(asked.log[0].scopes) == ["openid", "AdobeID", "read_organizations"]


def test_the_secret_looks_as_its_template_says(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    template = {
        "name": "lightroom-token",
        "type": "example.com/token",
        "labels": {"team": "photos"},
        "annotations": {"example.com/note": "kept"},
        "data": {
            "LR_FF_SERVICES_ACCESS_TOKEN": "$(access_token)",
            "authorization": "Bearer $(access_token)",
            "config.json": '{"clientId": "$(client_id)",\n "expiresAt": "$(expires_at)", "price": "$$5"}\n',
        },
    }
    scene.credential(secret=template)
    status = scene.wait_ready()
    secret, data = scene.secret("lightroom-token"), scene.data("lightroom-token")
    assert secret is not None
    assert secret["type"] == "example.com/token"
    assert secret["metadata"]["labels"]["team"] == "photos"
    assert secret["metadata"]["annotations"]["example.com/note"] == "kept"
    token = data["LR_FF_SERVICES_ACCESS_TOKEN"]
    assert scene.ims.issued(token)
    assert data["authorization"] == f"Bearer {token}"
    config = json.loads(data["config.json"])
    assert (config["expiresAt"], config["price"]) == (status["expirationTime"], "$5")
    assert status["secretName"] == "lightroom-token"


def test_the_next_rotation_of_a_token_of_a_day_is_23_hours_after_the_last(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    status = scene.wait_ready()
    last, following, expiry = (
        from_rfc3339(status[field]) for field in ("lastRotationTime", "nextRotationTime", "expirationTime")
    )
    assert following - last == timedelta(hours=23)
    assert expiry - last == timedelta(seconds=86399)
    assert (status["rotations"], status["failures"], status["clientSecretKey"]) == (1, 0, "client_secret")


def test_a_token_counts_as_old_as_the_request_for_it_however_late_the_answer(scene: Scene) -> None:
    scene.ims.settings(latency=1.1)
    scene.client_secret()
    scene.operator()
    scene.credential()
    rotated = from_rfc3339(scene.wait_ready()["lastRotationTime"])
    assert rotated.timestamp() <= scene.ims.requests().log[0].time


def test_tokens_rotate_by_themselves_before_they_expire(scene: Scene) -> None:
    scene.ims.settings(expires_in=10)
    scene.client_secret()
    scene.operator()
    scene.credential()
    seen: dict[str, float] = {}
    while len(seen) < 3:
        status = scene.wait_rotations(len(seen) + 1)
        token = scene.data()["access_token"]
        assert from_rfc3339(status["expirationTime"]).timestamp() > time.time() - 1
        seen.setdefault(token, time.time())
    assert scene.ims.requests().issued in (3, 4)
    assert all(scene.ims.issued(token) for token in seen)


def test_a_routine_rotation_costs_three_requests(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    wait_for("the first Event, which ends the first rotation", lambda: ("create", "events") in scene.requests_since(0))
    mark = scene.audited_from()
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    scene.wait_rotations(2)
    scene.patch("lightroom", {"metadata": {"annotations": {"unrelated": "1"}}})
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "2"}}})
    scene.wait_rotations(3)

    def probe() -> bool:
        assert scene.requests_since(mark) == {
            ("get", "secrets"): 2,
            ("patch", "secrets"): 2,
            ("patch", "adobeimscredentials/status"): 2,
            ("create", "events"): 2,  # as somebody asked for them
        }
        return True

    wait_for("three requests for each of two rotations, and an answer to who asked", probe)


def test_a_restart_with_a_hundred_valid_objects_asks_for_no_token_and_writes_nothing(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator("--ims-qps", "500")
    names = [f"credential-{number}" for number in range(100)]
    for name in names:
        scene.credential(name)
    for name in names:
        scene.wait_ready(name)
    operator.kill()
    scene.ims.reset()
    mark, logged = scene.audited_from(), len(scene.log.read_text())
    scene.operator("--ims-qps", "500")
    looked_at = re.compile(rf"{scene.namespace}/(credential-\d+): Rotated; looking again")
    wait_for("all to be looked at", lambda: set(looked_at.findall(scene.log.read_text()[logged:])) == set(names))
    requests = scene.requests_since(mark)
    assert scene.ims.requests().total == 0
    assert {key for key in requests if key[0] not in ("get", "list", "watch")} == set()
    assert ("get", "secrets") not in requests


def test_an_object_gets_no_finalizer_and_no_annotation(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    metadata = scene.api.get(scene.path("lightroom"))["metadata"]
    assert "finalizers" not in metadata
    assert "annotations" not in metadata


def kubectl_get(scene: Scene, *arguments: str) -> list[str]:
    plane = scene.control_plane
    command = [str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", "-n", scene.namespace, "get", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_kubectl_shows_what_a_person_wants_to_know(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    status = scene.wait_ready()
    header, row = kubectl_get(scene, "imscred", "-o", "wide")
    columns = ["NAME", "READY", "STATUS", "SECRET", "EXPIRES", "AGE", "LAST ROTATION", "NEXT ROTATION", "MESSAGE"]
    starts = [header.index(column) for column in columns]
    assert starts == sorted(starts)
    assert row.split()[:4] == ["lightroom", "True", "Rotated", "lightroom"]
    assert status["nextRotationTime"] in row
    assert row.endswith("Secret lightroom holds a valid token")
    assert kubectl_get(scene, "adobe", "-o", "name") == ["adobeimscredential.adobe-ims.dev/lightroom"]


def test_kubectl_shows_who_is_sick_within_80_columns(scene: Scene) -> None:
    scene.client_secret()
    scene.client_secret("replaced")
    scene.client_secret("wrong", {**CLIENT, "client_secret": "p8e-wrong"})
    scene.operator()
    scene.credential("lightroom", client={"secretRef": {"name": "replaced"}}, secret={"name": "lightroom-token"})
    scene.credential("firefly", secret={"name": "firefly-token"})
    scene.credential("photoshop", client={"secretRef": {"name": "wrong"}}, secret={"name": "photoshop-token"})
    scene.wait_ready("lightroom")
    scene.wait_ready("firefly")
    scene.wait_condition("RotationFailing", "True", "InvalidClient", "photoshop")
    scene.client_secret("replaced", {**CLIENT, "client_secret": "p8e-wrong"})
    scene.wait_condition("RotationFailing", "True", "InvalidClient", "lightroom")
    lines = kubectl_get(scene, "imscred")
    rows = {row.split()[0]: row.split()[1:3] for row in lines[1:]}
    assert rows == {
        "lightroom": ["True", "InvalidClient"],
        "firefly": ["True", "Rotated"],
        "photoshop": ["False", "TokenMissing"],
    }
    assert lines[0].split() == ["NAME", "READY", "STATUS", "SECRET", "EXPIRES", "AGE"]
    assert lines[0].index("AGE") + len("23h") <= 80


def test_rotate_by_annotation_rotates_once_for_each_value(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    for count, value in enumerate(["monday", "tuesday"], start=2):
        scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": value}}})
        scene.wait_rotations(count)
    operator.kill()
    logged = len(scene.log.read_text())
    scene.operator()
    looked_at = f"{scene.namespace}/lightroom: Rotated; looking again"
    wait_for("it to be looked at", lambda: looked_at in scene.log.read_text()[logged:])
    assert scene.ims.requests().total == 3


def test_a_suspended_credential_is_left_as_it_is(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.credential(suspend=True)
    condition = scene.wait_condition("Ready", "True", "Suspended")
    assert "suspended" in condition["message"]
    assert "nextRotationTime" not in scene.status()
    scene.api.delete(scene.path("lightroom", "secrets"))
    scene.wait_condition("Ready", "False", "Suspended")
    assert scene.ims.requests().total == 1
    scene.credential(suspend=False)
    wait_for("the Secret to be there again", lambda: scene.data() or None)
    assert scene.ims.requests().total == 2
