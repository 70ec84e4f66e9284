"""Every loop has a pace: whatever keeps changing, few tokens are asked for and few requests made."""

import time

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.api import wait_for
from testbed.operator_process import grants, rules
from testbed.scene import CLIENT, Scene, allow

FREE = 10
ROTATE = "adobe-ims.dev/rotate"
READS = next(rule["verbs"] for rule in rules() if "secrets" in rule["resources"])


def touch(scene: Scene, name: str, times: int) -> None:
    """Annotate a Secret so many times, as a controller of somebody else's may."""
    for number in range(times):
        scene.patch(name, {"metadata": {"annotations": {"touched": str(number)}}}, "secrets")
        time.sleep(0.1)


def test_a_watch_that_is_refused_is_tried_again_ever_more_slowly(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "secrets", [verb for verb in READS if verb != "watch"])
    mark = scene.audited_from()
    operator = scene.operator()
    wait_for("the operator to say so", lambda: "can't watch Secrets" in operator.text())
    time.sleep(4)
    assert scene.requests_since(mark)["list", "secrets"] <= 6
    assert "deploy/operator.yaml" in operator.text()


@pytest.mark.parametrize("answer", ["invalid_client", "server_error"])
def test_a_client_secret_that_is_only_touched_does_not_end_the_wait(scene: Scene, answer: str) -> None:
    secret = "p8e-wrong" if answer == "invalid_client" else SAMPLE_CLIENT_SECRET
    scene.client_secret(data={**CLIENT, "client_secret": secret})
    if answer == "server_error":
        scene.rules({"behaviour": "server_error"})
    scene.operator()
    scene.credential()
    wait_for("the first attempt", lambda: scene.status().get("failures"))
    touch(scene, "oauth", 20)
    assert scene.ims.requests().total == 1


def test_a_token_that_could_not_be_written_is_kept_while_the_client_secret_is_touched(scene: Scene) -> None:
    allow(scene.api, scene.namespace, "secrets", [verb for verb in READS if verb != "create"])
    scene.client_secret()
    scene.operator()
    scene.credential()
    wait_for("the write to be refused", lambda: scene.status().get("failures"))
    touch(scene, "oauth", 20)
    allow(scene.api, scene.namespace, "secrets", READS)
    scene.wait_ready()
    assert scene.ims.requests().total == 1


def test_a_program_that_keeps_editing_the_token_secret_costs_few_tokens(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    for _ in range(40):
        scene.patch("lightroom", {"data": {"access_token": None}}, "secrets")
        time.sleep(0.1)
    assert scene.ims.requests().total <= FREE + 3
    scene.wait_condition("RotationFailing", "True", "RotatedTooOften")


def test_two_operators_with_other_default_endpoints_do_not_rotate_in_turn(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.operator("--endpoint", "https://127.0.0.1:1", "--endpoint", scene.ims.url)
    time.sleep(3)
    assert scene.ims.requests().total == 1


def test_two_operators_that_both_adopt_one_secret_cost_few_tokens(scene: Scene) -> None:
    scene.client_secret()
    for team in ("one", "two"):
        scene.operator("--selector", f"team={team}")
        scene.credential(team, secret={"name": "contested", "adopt": True})
        scene.patch(team, {"metadata": {"labels": {"team": team}}})
    time.sleep(5)
    assert scene.ims.requests().total <= 2 * (FREE + 3)


def test_a_token_secret_is_no_client_secret(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.credential("chained", client={"secretRef": {"name": "lightroom"}})
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotAllowed", "chained")
    assert scene.ims.requests().total == 1


def test_a_client_secret_of_another_credential_is_not_adopted(scene: Scene) -> None:
    scene.client_secret()
    scene.client_secret("theirs")
    scene.operator()
    scene.credential("victim", client={"secretRef": {"name": "theirs"}})
    scene.wait_ready("victim")
    scene.credential("greedy", secret={"name": "theirs", "adopt": True})
    condition = scene.wait_condition("RotationFailing", "True", "SecretNotOwned", "greedy")
    assert "client Secret of AdobeIMSCredential victim" in condition["message"]
    assert scene.data("theirs") == CLIENT


def test_a_second_request_during_a_throttle_leaves_the_failure_in_sight(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.rules({"behaviour": "rate_limited", "retry_after": 600})
    for value in ("first", "second"):
        scene.patch("lightroom", {"metadata": {"annotations": {ROTATE: value}}})
        scene.wait_condition("RotationFailing", "True", "IMSRateLimited")
        time.sleep(0.5)
    assert scene.condition("RotationFailing")["status"] == "True"
    assert scene.status()["failures"] == 1
    assert scene.ims.requests().total == 2


def test_a_label_on_the_token_secret_does_not_end_ready(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.credential(suspend=True)
    scene.wait_condition("Ready", "True", "Suspended")
    scene.patch("lightroom", {"metadata": {"labels": {"theirs": "1"}}}, "secrets")
    time.sleep(1)
    assert scene.condition("Ready")["status"] == "True"
    operator.kill()
    scene.operator()
    scene.credential("other")
    scene.wait_ready("other")
    assert scene.condition("Ready")["status"] == "True"


def test_a_namespace_that_the_operator_may_not_see_holds_up_no_other(scene: Scene) -> None:
    hidden = scene.api.create_namespace()
    scene.client_secret()
    operator = scene.operator("--namespace", hidden)
    scene.credential()
    scene.wait_ready()
    assert f"can't watch Secrets in namespace {hidden}" in operator.text()
    for manifest in grants(hidden, scene.namespace):
        scene.api.apply(manifest)
    wait_for("the other to be seen too", lambda: f"Secrets in namespace {hidden}, by" in operator.text(), 40)


def test_two_client_secrets_are_both_tried_before_it_waits(scene: Scene) -> None:
    scene.ims.clients([(SAMPLE_CLIENT_ID, "p8e-neither")])
    scene.client_secret(data={**CLIENT, "next": "p8e-next"})
    scene.operator()
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["client_secret", "next"]})
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    assert scene.ims.requests().total == 2
