"""The console API refuses, throttles or is away: the status says so, it recovers by itself, and requests are paced."""

import time
from pathlib import Path
from typing import Any

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CREDENTIAL, SAMPLE_ORGANIZATION
from integration.ports import Ports
from integration.replacing import HOUR, MINUTE, OTHER_CREDENTIAL, Replacing
from testbed.api import wait_for

UNAVAILABLE = "ConsoleUnavailable"


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"behaviour": "error", "status": 401}, "ManagementNotPermitted"),
        ({"behaviour": "error", "status": 403}, "ManagementNotPermitted"),
        ({"behaviour": "error", "status": 404}, "CredentialMismatch"),
        ({"behaviour": "server_error", "status": 500}, UNAVAILABLE),
        ({"behaviour": "server_error"}, UNAVAILABLE),
        ({"behaviour": "reset"}, UNAVAILABLE),
        ({"behaviour": "truncated"}, UNAVAILABLE),
        ({"behaviour": "not_json"}, "ConsoleResponseInvalid"),
        ({"behaviour": "redirect", "location": "https://example.com"}, "ConsoleResponseInvalid"),
        ({"behaviour": "rate_limited", "retry_after": 120}, "ConsoleRateLimited"),
    ],
    ids=lambda each: str(each.get("status", each["behaviour"])) if isinstance(each, dict) else "",
)
def test_a_console_api_in_trouble_is_reported_paced_and_recovered_from(
    replacing: Replacing, rule: dict[str, Any], reason: str
) -> None:
    scene = replacing.scene
    scene.client_secret()
    scene.rules({**rule, "request": "console"})
    replacing.operator()
    replacing.apply()
    replacing.fails(reason)
    assert replacing.status()["failures"] >= 1
    replacing.wait("Ready", "False", "ClientSecretMissing")
    asked, tokens = replacing.asked(), scene.ims.requests().total
    for _ in range(6):
        replacing.poke()
        time.sleep(0.3)
    assert replacing.asked() - asked <= 1, "backoff of 5 s at least"
    assert scene.ims.requests().total - tokens <= 1
    scene.ims.clear_rules()
    replacing.settle("it to be taken over", lambda: replacing.says("Ready", "True", "InPlace"))
    assert replacing.status()["failures"] == 0
    replacing.check()


def test_a_client_that_ims_throttles_takes_no_turn_of_others(replacing: Replacing, tmp_path: Path) -> None:
    scene = replacing.scene
    scene.client_secret()
    scene.rules({"behaviour": "rate_limited", "retry_after": 3600})
    replacing.operator("--ims-qps=0.01")
    replacing.apply()
    assert "throttles" in replacing.fails("IMSRateLimited")
    other = Replacing(scene, tmp_path, "other", replacing.clocks)
    other.apply(credentialId=OTHER_CREDENTIAL, secret={"name": "other-client"})
    other.fails("IMSRateLimited")
    assert scene.ims.requests().total == 1


def test_a_client_without_the_scopes(replacing: Replacing) -> None:
    ims = replacing.scene.ims
    ims.credentials({})
    replacing.scene.client_secret()
    replacing.operator()
    replacing.apply()
    message = replacing.fails("ManagementNotPermitted")
    assert "manage_client_secrets" in message
    assert replacing.asked() == 0
    ims.credentials({(SAMPLE_ORGANIZATION, SAMPLE_CREDENTIAL): SAMPLE_CLIENT_ID})
    replacing.settle("it to be taken over", lambda: replacing.says("Ready", "True", "InPlace"))


def test_scopes_that_are_taken_away_later_stop_nothing_that_works(replacing: Replacing) -> None:
    replacing.begin()
    ims = replacing.scene.ims
    ims.credentials({})
    replacing.add()
    replacing.settle("it to be seen", lambda: replacing.condition("RotationFailing")["status"] == "True", 1300)
    assert replacing.wait("Ready", "True", "InPlace")
    assert replacing.condition("RotationFailing")["reason"] == "ManagementNotPermitted"
    ims.credentials({(SAMPLE_ORGANIZATION, SAMPLE_CREDENTIAL): SAMPLE_CLIENT_ID})
    replacing.settle("one to be added", lambda: replacing.done("add") == 1)
    replacing.prove()
    replacing.check()


def test_a_console_api_that_is_away_for_days_while_the_old_one_drains(replacing: Replacing) -> None:
    replacing.begin()
    replacing.replace()
    replacing.scene.rules({"request": "console", "behaviour": "server_error"})
    replacing.live(8)
    replacing.fails(UNAVAILABLE)
    replacing.wait("Ready", "True", "InPlace")
    assert replacing.known().deleted == ()
    replacing.scene.ims.clear_rules()
    replacing.live(8, lambda: replacing.known().deleted)
    replacing.wait_phase("Steady")
    replacing.check()


def test_ims_that_is_away_while_a_new_one_is_proved(replacing: Replacing) -> None:
    replacing.begin()
    replacing.add()
    replacing.wait_phase("Proving")
    replacing.scene.rules({"behaviour": "server_error"})
    replacing.settle("it to be seen", lambda: replacing.failing("IMSUnavailable"), 10)
    assert replacing.phase() == "Proving"
    replacing.check()
    replacing.scene.ims.clear_rules()
    replacing.settle("it to be in place", lambda: replacing.phase() == "Draining")
    replacing.check()


def test_a_new_one_that_is_accepted_an_hour_late(replacing: Replacing) -> None:
    replacing.begin()
    replacing.scene.ims.settings(acceptance_delay=5400)
    replacing.add()
    replacing.wait_phase("Proving")
    replacing.settle("it to be reported", lambda: replacing.failing("NextClientSecretRefused"), 31)
    replacing.check()
    replacing.settle("it to be in place", lambda: replacing.phase() == "Draining", 31)
    replacing.check()
    assert replacing.done("add") == 1


def test_a_list_that_is_not_of_this_moment_is_logged_and_counted_by_itself(replacing: Replacing) -> None:
    ports = Ports()
    operator = replacing.begin(*ports.flags)
    replacing.scene.ims.add_by_hand()
    replacing.pass_time(21 * HOUR)
    replacing.fails("TwoClientSecrets")
    replacing.clocks.set_adobe_off(-HOUR)
    replacing.pass_time(11 * MINUTE)
    message = replacing.fails("ConsoleResponseInvalid")
    assert f"ConsoleResponseInvalid: {message}" in operator.text()
    replacing.fails("TwoClientSecrets")
    series = 'adobe_ims_console_requests_total{{request="list",result="{}"}}'

    def probe() -> bool:
        done, refused = (ports.value(series.format(result)) for result in ("Done", "DateMismatch"))
        assert (done, refused) == (replacing.asked() - 1, 1)
        return True

    wait_for("that list to be counted, and as none that was done", probe)
