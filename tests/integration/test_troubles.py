"""What goes wrong elsewhere: a throttled client, a clock, an IMS that hangs; what each costs, and what tells of it."""

import time
from datetime import timedelta

import pytest

from adobe_ims_operator.api.resource import API_VERSION, PLURAL
from adobe_ims_operator.api.times import from_rfc3339
from integration.neighbours import Neighbour, wait_until_asked
from integration.ports import Ports, of
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene

LIFETIME = 15
LONGEST_LATE = 3.0
"""Seconds after its expiry within which a token is reported as expired."""


@pytest.fixture
def ports() -> Ports:
    return Ports()


def seconds(text: str) -> float:
    return from_rfc3339(text).timestamp()


def test_a_token_that_expires_while_ims_is_being_asked_is_reported_at_that_moment(scene: Scene) -> None:
    scene.ims.settings(expires_in=LIFETIME)
    scene.client_secret()
    scene.operator()
    scene.credential()
    status = scene.wait_ready()
    scene.ims.settings(expires_in=86399)
    scene.rules({"behaviour": "slow", "seconds": LIFETIME, "times": 1})
    condition = scene.wait_condition("Ready", "False", "Expired")
    assert status["expirationTime"] in condition["message"]
    late = seconds(condition["lastTransitionTime"]) - seconds(status["expirationTime"])
    assert 0 <= late <= LONGEST_LATE
    assert scene.ims.requests().total == 2, "it is not being asked"
    scene.wait_ready()
    assert scene.ims.requests().total == 2


def test_a_429_to_one_tenant_costs_no_other_one_a_token_and_is_kept_over_a_restart(scene: Scene) -> None:
    secret = CLIENT["client_secret"]
    scene.ims.clients({"throttled": secret, "routine": secret})
    scene.ims.settings(expires_in=LIFETIME)
    scene.rules({"behaviour": "rate_limited", "retry_after": 3600, "client_id": "throttled"})
    one, other = Neighbour(scene), Neighbour(scene)
    watched = [flag for each in (one, other) for flag in ("--namespace", each.namespace)]
    operator = scene.operator(*watched)
    client = one.client("throttled", secret)
    one.credential("first", client)
    other.credential("routine", other.client("routine", secret))
    wait_for("the 429 to be reported", lambda: failing(scene, one, "first") == "IMSRateLimited")
    one.credential("second", client)
    wait_for("the other to be told", lambda: failing(scene, one, "second") == "IMSRateLimited")
    wait_until_asked(scene, "routine", 3)
    assert other.ready("routine")

    operator.kill()
    scene.operator(*watched)
    asked = scene.ims.requests(log=0).by_client["routine"]
    wait_until_asked(scene, "routine", asked + 1)
    one.credential("third", client)
    wait_for("the newcomer to be told", lambda: failing(scene, one, "third") == "IMSRateLimited")
    wait_until_asked(scene, "routine", asked + 2)
    assert other.ready("routine")
    assert scene.ims.requests(log=0).by_client["throttled"] == 1


def failing(scene: Scene, namespace: Neighbour, name: str) -> str | None:
    found = scene.api.get(f"/apis/{API_VERSION}/namespaces/{namespace.namespace}/{PLURAL}/{name}")
    conditions = found.get("status", {}).get("conditions", [])
    failing = (each for each in conditions if each["type"] == "RotationFailing")
    return next((each["reason"] for each in failing if each["status"] == "True"), None)


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_where_clocks_differ_a_token_is_recorded_by_the_earlier_one(scene: Scene, ports: Ports, ahead: int) -> None:
    scene.rules({"behaviour": "clock", "ahead": ahead})
    scene.client_secret()
    scene.operator(*ports.flags)
    before = time.time()
    scene.credential()
    status = scene.wait_ready()
    issued_at = seconds(status["lastRotationTime"]) - min(ahead, 0)
    assert before - 2 <= issued_at <= time.time() + 2
    assert seconds(status["expirationTime"]) - seconds(status["lastRotationTime"]) == 86399
    skew = ports.value(f'adobe_ims_operator_clock_skew_seconds{{endpoint="{scene.ims.url}"}}')
    assert skew == pytest.approx(-ahead, abs=3)


def test_a_clock_by_which_nobody_knows_when_a_token_ends_is_reported_and_ims_is_asked_seldom(
    scene: Scene, ports: Ports
) -> None:
    ahead = timedelta(hours=13).total_seconds()
    scene.rules({"behaviour": "clock", "ahead": ahead})
    scene.client_secret()
    scene.operator(*ports.flags)
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "ClockSkewed")
    assert scene.ims.url in condition["message"]
    assert scene.condition("Ready")["reason"] == "TokenMissing"
    assert seconds(scene.status()["nextRotationTime"]) - time.time() > 400
    skew = ports.value(f'adobe_ims_operator_clock_skew_seconds{{endpoint="{scene.ims.url}"}}')
    assert skew == pytest.approx(-ahead, abs=3)
    scene.patch("lightroom", {"metadata": {"labels": {"touched": "once"}}})
    scene.credential("other")
    scene.wait_condition("RotationFailing", "True", "ClockSkewed", "other")
    assert scene.ims.requests().total == 2
    scene.ims.clear_rules()
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "the clock is right"}}})
    scene.wait_ready()


def test_a_metric_tells_of_a_valid_token_of_an_earlier_spec_and_of_one_that_is_suspended_until_it_expires(
    scene: Scene, ports: Ports
) -> None:
    scene.ims.settings(expires_in=LIFETIME)
    scene.client_secret()
    scene.operator(*ports.flags)
    scene.credential("suspended")
    scene.wait_ready("suspended")
    scene.patch("suspended", {"spec": {"suspend": True}})
    scene.wait_condition("Ready", "True", "Suspended", "suspended")
    wait_for("the metrics of it", lambda: values(scene, ports, "suspended") == (1, 1, 1))
    scene.ims.settings(expires_in=86399)
    scene.credential()
    scene.wait_ready()
    scene.rules({"behaviour": "error", "error": "invalid_scope"})
    scene.patch("lightroom", {"spec": {"scopes": ["no_such_scope"]}})
    scene.wait_condition("RotationFailing", "True", "InvalidScope")
    wait_for("the metrics of the other", lambda: values(scene, ports, "lightroom") == (0, 1, 0))
    expiry = ports.value(of(scene, "expiration_timestamp_seconds", "suspended"))
    assert expiry is not None
    scene.wait_condition("Ready", "False", "Suspended", "suspended")
    assert expiry <= time.time()
    wait_for("the metrics of the end", lambda: values(scene, ports, "suspended") == (0, 0, 1))


def values(scene: Scene, ports: Ports, name: str) -> tuple[float | None, ...]:
    """Whether it is ready, whether its token is valid, and whether it is suspended."""
    return tuple(ports.value(of(scene, metric, name)) for metric in ("ready", "token_valid", "suspended"))
