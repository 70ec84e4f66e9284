"""Failures told apart: what the conditions say, what stays as it is, and when it is tried again."""

import time

import pytest

from adobe_ims_operator.api.times import from_rfc3339
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene


def test_a_wrong_client_secret_is_told_retried_slowly_and_mended_at_once(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-wrong"})
    scene.operator()
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "InvalidClient")
    assert "client secret" in condition["message"]
    status = scene.status()
    wait = from_rfc3339(status["nextRotationTime"]).timestamp() - time.time()
    assert 400 < wait <= 600
    assert status["failures"] == 1
    assert scene.ims.requests().total == 1
    scene.client_secret()
    scene.wait_ready()
    assert scene.status()["failures"] == 0


def test_a_scope_that_the_credential_lacks_is_named(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(scopes=["openid", "no_such_scope"])
    condition = scene.wait_condition("RotationFailing", "True", "InvalidScope")
    assert "openid,no_such_scope" in condition["message"]
    scene.credential()
    scene.wait_ready()


def test_ims_down_at_first_and_back_later(scene: Scene) -> None:
    scene.ims.stop()
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    scene.ims.start()
    status = scene.wait_ready()
    assert status["failures"] == 0
    assert scene.condition("RotationFailing")["status"] == "False"
    assert scene.ims.requests().total == 1


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"behaviour": "server_error"}, "IMSUnavailable"),
        ({"behaviour": "reset"}, "IMSUnavailable"),
        ({"behaviour": "not_json"}, "IMSResponseInvalid"),
        ({"behaviour": "expires_in", "value": 86399000}, "IMSResponseInvalid"),
        ({"behaviour": "redirect", "location": "https://example.com/"}, "IMSResponseInvalid"),
        ({"behaviour": "error", "status": 400, "error": "unauthorized_client"}, "CredentialNotPermitted"),
    ],
)
def test_a_failing_rotation_keeps_the_secret_and_stays_ready(
    scene: Scene, rule: dict[str, object], reason: str
) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    before = scene.secret()
    scene.rules(rule)
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    scene.wait_condition("RotationFailing", "True", reason)
    ready = scene.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Rotated")
    assert "can't be rotated" in ready["message"]
    assert scene.secret() == before
    scene.ims.clear_rules()
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "2"}}})
    scene.wait_condition("RotationFailing", "False", "Rotated")
    assert scene.status()["failures"] == 0


def test_retries_back_off_from_5_s_and_a_good_answer_ends_them(scene: Scene) -> None:
    scene.rules({"behaviour": "server_error", "times": 2})
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    first, second, third = (entry.time for entry in scene.ims.requests().log)
    assert 3.9 < second - first < 6.5
    assert 7.9 < third - second < 12


def test_a_token_that_expires_unrotated_ends_ready(scene: Scene) -> None:
    scene.ims.settings(expires_in=10)
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.rules({"behaviour": "server_error"})
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    assert scene.data() != {}


def test_a_token_that_expired_meanwhile_ends_ready_before_ims_answers(scene: Scene) -> None:
    scene.ims.settings(expires_in=10)
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    expiry = from_rfc3339(scene.wait_ready()["expirationTime"]).timestamp()
    operator.kill()
    scene.ims.settings(latency=60)
    wait_for("the token to expire", lambda: time.time() > expiry)
    scene.operator()
    scene.wait_condition("Ready", "False", "Expired")


def test_a_failure_whose_cause_was_taken_back_counts_no_more(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-wrong"})
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    scene.client_secret()
    scene.wait_condition("RotationFailing", "False", "Rotated")
    scene.rules({"behaviour": "rate_limited", "retry_after": 600})
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}})
    scene.wait_condition("RotationFailing", "True", "IMSRateLimited")
    assert scene.status()["failures"] == 1
    assert scene.ims.requests().total == 3


def test_retry_after_holds_for_the_endpoint_and_not_only_for_the_object(scene: Scene) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 6, "times": 1})
    scene.client_secret()
    scene.operator()
    scene.credential("throttled")
    scene.wait_condition("RotationFailing", "True", "IMSRateLimited", "throttled")
    scene.credential("bystander")
    scene.wait_ready("throttled")
    scene.wait_ready("bystander")
    first, *later = (entry.time for entry in scene.ims.requests().log)
    assert min(later) - first >= 5.9


def test_whoever_waits_long_for_an_endpoint_that_throttles_is_told_so(scene: Scene) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 60, "times": 1})
    scene.client_secret()
    scene.operator()
    scene.credential("throttled")
    scene.wait_condition("RotationFailing", "True", "IMSRateLimited", "throttled")
    scene.credential("bystander")
    condition = scene.wait_condition("RotationFailing", "True", "IMSRateLimited", "bystander")
    assert "throttles this client (HTTP 429)" in condition["message"]
    assert scene.ims.requests().total == 1


def test_a_failure_that_time_mends_is_taken_up_after_a_restart(scene: Scene) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 600})
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "IMSRateLimited")
    before = scene.status()
    operator.kill()
    logged = len(scene.log.read_text())
    scene.operator()
    looked_at = f"{scene.namespace}/lightroom: IMSRateLimited; looking again"
    wait_for("it to be looked at", lambda: looked_at in scene.log.read_text()[logged:])
    assert scene.ims.requests().total == 1
    assert scene.status() == before


def test_an_endpoint_that_is_not_allowed_is_never_asked(scene: Scene) -> None:
    scene.client_secret()
    scene.operator("--endpoint", "https://ims-na1.adobelogin.com")
    scene.credential(endpoint=scene.ims.url)
    condition = scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed")
    assert scene.ims.url in condition["message"]
    assert "--endpoint" in condition["message"]
    assert scene.ims.requests().total == 0


def test_one_failing_credential_disturbs_no_other(scene: Scene) -> None:
    scene.ims.clients([(SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET)])
    scene.client_secret("bad", {"client_id": "0" * 32, "client_secret": "p8e-wrong"})
    scene.client_secret()
    scene.operator()
    for number in range(20):
        scene.credential(f"failing-{number}", client={"secretRef": {"name": "bad"}})
    scene.credential("healthy")
    scene.wait_ready("healthy")
    scene.wait_condition("RotationFailing", "True", "InvalidClient", "failing-0")


def test_a_secret_type_that_kubernetes_refuses_is_told(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(secret={"type": "kubernetes.io/tls"})
    condition = scene.wait_condition("RotationFailing", "True", "SecretWriteRefused")
    assert "type" in condition["message"]
    assert "data[tls.crt]: Required value" in condition["message"]
