"""Each alert of the chart, tried by promtool: it fires when it should, and is silent when it should be."""

from pathlib import Path
from typing import Any

import pytest

from chart.alerting import CREDENTIAL, NEXT_POD, NO_LEADER, POD, Case, found_wrong
from chart.objects import EVERYTHING, alerts, one
from testbed.binaries import REPOSITORY
from testbed.helm import template
from testbed.monitoring import rules, run_rule_tests

RUNBOOKS = REPOSITORY / "docs" / "runbooks" / "alerts.md"
WITHOUT, SOON, FAILING = "CredentialWithoutToken", "TokenExpiresSoon", "RotationFailing"
RESTART, FALLBACK = "RestartFailing", "FallbackClientSecret"
HOUR = 3600


def credential(metric: str, values: str, pod: str = POD, **labels: str) -> dict[str, str]:
    """The series of a metric of the credential, as a pod tells it: a value for each minute, in promtool's notation."""
    text = ",".join(f'{name}="{value}"' for name, value in {**CREDENTIAL, "pod": pod, **labels}.items())
    return {"series": f"adobe_ims_credential_{metric}{{{text}}}", "values": values}


def leader(values: str, pod: str = POD) -> dict[str, str]:
    labels = f'namespace="adobe-ims-operator",pod="{pod}"'
    return {"series": f"adobe_ims_operator_leader{{{labels}}}", "values": values}


GOOD = [credential("token_valid", "1x400"), credential("suspended", "0x400"), credential("rotation_failing", "0x400")]
CASES = [
    Case(
        "a token that is gone",
        WITHOUT,
        [credential("token_valid", "1x5 0x20"), credential("failing_reason", "1x30", reason="InvalidClient")],
        {7: False, 9: True},
        "InvalidClient",
    ),
    Case(
        "a token that expired where the operator tells no more of it than before",
        WITHOUT,
        [*GOOD[:1], credential("expiration_timestamp_seconds", f"{HOUR}x400")],
        {61: False, 64: True},
    ),
    Case(
        "a new credential whose first token is on its way", WITHOUT, [credential("token_valid", "0x1 1x9")], {2: False}
    ),
    Case(
        "a suspended credential whose token expired",
        WITHOUT,
        [
            credential("token_valid", "0x400"),
            credential("suspended", "1x400"),
            credential("expiration_timestamp_seconds", f"{HOUR}x400"),
        ],
        {10: False, 90: False},
    ),
    Case(
        "a restart of the operator, whose next pod tells the same",
        WITHOUT,
        [credential("token_valid", "1x5 stale"), credential("token_valid", "_x8 1x20", NEXT_POD)],
        {6: False, 8: False, 10: False, 15: False},
    ),
    Case(
        "a token that can't be replaced, half an hour before the end",
        SOON,
        [
            credential("rotation_failing", "1x400"),
            credential("failing_reason", "1x400", reason="IMSUnavailable"),
            credential("expiration_timestamp_seconds", f"{2 * HOUR}x400"),
            credential("next_rotation_timestamp_seconds", f"{9 * HOUR}x400"),
        ],
        {94: False, 96: True, 121: False},
        "IMSUnavailable",
        {"{{ $value | humanizeDuration }}": "24m 0s"},
    ),
    Case(
        "a token that nobody replaces though it is time",
        SOON,
        [
            *GOOD,
            credential("expiration_timestamp_seconds", f"{2 * HOUR}x400"),
            credential("next_rotation_timestamp_seconds", f"{HOUR}x400"),
        ],
        {70: False, 94: False, 96: True},
        more={"{{ $value | humanizeDuration }}": "24m 0s"},
    ),
    Case(
        "a token that is replaced later than that on purpose",
        SOON,
        [
            *GOOD,
            credential("expiration_timestamp_seconds", f"{2 * HOUR}x400"),
            credential("next_rotation_timestamp_seconds", f"{2 * HOUR - 120}x400"),
        ],
        {96: False, 110: False, 117: False},
    ),
    Case(
        "a suspended credential whose token expires",
        SOON,
        [
            credential("rotation_failing", "0x400"),
            credential("suspended", "1x400"),
            credential("expiration_timestamp_seconds", f"{2 * HOUR}x400"),
            credential("next_rotation_timestamp_seconds", f"{HOUR}x400"),
        ],
        {100: False},
    ),
    Case("a new credential without a token", SOON, [credential("rotation_failing", "1x400")], {100: False}),
    Case(
        "a restart of the operator after which the token is replaced",
        SOON,
        [
            credential("rotation_failing", "0x92 stale"),
            credential("expiration_timestamp_seconds", f"{2 * HOUR}x92 stale"),
            credential("next_rotation_timestamp_seconds", f"{HOUR}x92 stale"),
            credential("rotation_failing", "_x96 0x20", NEXT_POD),
            credential("expiration_timestamp_seconds", f"_x96 {26 * HOUR}x20", NEXT_POD),
            credential("next_rotation_timestamp_seconds", f"_x96 {25 * HOUR}x20", NEXT_POD),
        ],
        {95: False, 97: False, 105: False},
    ),
    Case(
        "a rotation that fails for long",
        FAILING,
        [credential("rotation_failing", "0x1 1x30"), credential("failing_reason", "_x2 1x9", reason="InvalidScope")],
        {10: False, 16: False, 18: True},
    ),
    Case(
        "a rotation that fails for a while",
        FAILING,
        [credential("rotation_failing", "1x10 0x30")],
        {10: False, 20: False},
    ),
    Case(
        "a rotation whose reason changes",
        FAILING,
        [
            credential("rotation_failing", "1x30"),
            credential("failing_reason", "1x9 stale", reason="IMSUnavailable"),
            credential("failing_reason", "_x10 1x30", reason="IMSRateLimited"),
        ],
        {14: False, 16: True},
        "IMSRateLimited",
    ),
    Case("a suspended credential", FAILING, [*GOOD[2:], credential("suspended", "1x400")], {60: False}),
    Case("a new credential without a token", FAILING, [*GOOD[2:], credential("token_valid", "0x400")], {60: False}),
    Case(
        "a restart of the operator after which it goes on to fail",
        FAILING,
        [credential("rotation_failing", "1x9 stale"), credential("rotation_failing", "_x11 1x30", NEXT_POD)],
        {16: False, 25: False, 27: True},
    ),
    Case("workloads that are not rolled", RESTART, [credential("restart_failing", "1x30")], {14: False, 16: True}),
    Case(
        "workloads that are rolled again", RESTART, [credential("restart_failing", "1x9 0x30")], {9: False, 16: False}
    ),
    Case(
        "a fallback for more than a day",
        FALLBACK,
        [credential("fallback_client_secret", "1x1500")],
        {23 * 60: False, 24 * 60 + 1: True},
    ),
    Case(
        "two client secrets that overlap",
        FALLBACK,
        [credential("fallback_client_secret", "1x600 0x900")],
        {1441: False},
    ),
    Case("a replica that waits forever", NO_LEADER, [leader("1x5 0x30")], {10: False, 12: True}),
    Case(
        "another replica that takes over",
        NO_LEADER,
        [leader("1x5 0x30"), leader("0x7 1x30", NEXT_POD)],
        {12: False, 20: False},
    ),
    Case(
        "a restart of the operator",
        NO_LEADER,
        [leader("1x5 stale"), leader("_x8 1x30", NEXT_POD)],
        {8: False, 12: False},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.what}")
def test_an_alert_fires_when_it_should_and_is_silent_when_it_should_be(case: Case, tmp_path: Path) -> None:
    assert found_wrong(case, tmp_path) == ""


def test_no_pod_of_the_operator_is_as_bad_as_none_that_leads(tmp_path: Path) -> None:
    rule = alerts(EVERYTHING)["AdobeIMSOperatorNoLeader"]
    labels = {**rule["labels"], "namespace": "adobe-ims-operator"}
    fired = [{"exp_labels": labels, "exp_annotations": rule["annotations"]}]
    test = {
        "interval": "1m",
        "input_series": [leader("1x5 stale")],
        "alert_rule_test": [
            {"eval_time": f"{minutes}m", "alertname": rule["alert"], "exp_alerts": alerts_then}
            for minutes, alerts_then in ((10, []), (12, fired))
        ],
    }
    assert run_rule_tests(one(template(EVERYTHING), "PrometheusRule")["spec"], [test], tmp_path) == ""


def test_an_outage_and_what_comes_right_before_it_are_critical_and_the_rest_is_a_warning() -> None:
    found = {name: (rule["labels"]["severity"], rule["for"]) for name, rule in alerts(EVERYTHING).items()}
    assert found == {
        "AdobeIMSCredentialWithoutToken": ("critical", "2m"),
        "AdobeIMSTokenExpiresSoon": ("critical", "5m"),
        "AdobeIMSRotationFailing": ("warning", "15m"),
        "AdobeIMSRestartFailing": ("warning", "15m"),
        "AdobeIMSFallbackClientSecret": ("warning", "1d"),
        "AdobeIMSTwoClientSecrets": ("warning", "1d"),
        "AdobeIMSOldClientSecretInUse": ("warning", "14d"),
        "AdobeIMSCredentialMismatch": ("warning", "15m"),
        "AdobeIMSManagementNotPermitted": ("warning", "15m"),
        "AdobeIMSAddedClientSecretNotKept": ("warning", "5m"),
        "AdobeIMSClientSecretLost": ("critical", "5m"),
        "AdobeIMSClientSecretExpiresSoon": ("warning", "1h"),
        "AdobeIMSClientSecretFailing": ("warning", "1d"),
        "AdobeIMSOperatorNoLeader": ("critical", "5m"),
    }


def rule_values(**given: Any) -> dict[str, Any]:
    return {"metrics": {"prometheusRule": {"enabled": True, **given}}}


def test_severity_duration_and_labels_of_an_alert_can_be_set_and_it_can_be_switched_off() -> None:
    changed = {"severity": "page", "for": "3h", "labels": {"team": "photos"}}
    values = rule_values(
        alertLabels={"team": "platform", "tier": "one"},
        alerts={
            "rotationFailing": changed,
            "restartFailing": {"enabled": False},
            "tokenExpiresSoon": {"withinSeconds": 60},
        },
    )
    found = alerts(values)
    assert found["AdobeIMSRotationFailing"]["for"] == "3h"
    assert found["AdobeIMSRotationFailing"]["labels"] == {"severity": "page", "team": "photos", "tier": "one"}
    assert found["AdobeIMSOperatorNoLeader"]["labels"] == {"severity": "critical", "team": "platform", "tier": "one"}
    assert "< 60)" in found["AdobeIMSTokenExpiresSoon"]["expr"]
    assert alerts(rule_values()).keys() - found.keys() == {"AdobeIMSRestartFailing"}
    assert len(found) == 5


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings of one word, as a forge makes them."""
    return {line.lstrip("# ").strip("`").lower() for line in page.read_text().splitlines() if line.startswith("#")}


def test_each_alert_on_the_objects_themselves_has_a_section_too() -> None:
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/alerts.md#{rule['alert'].lower()}"
        assert rule["alert"].lower() in headings(RUNBOOKS)


def test_each_alert_has_a_section_in_the_runbooks() -> None:
    found = alerts({**EVERYTHING, **rule_values(runbookUrl="https://docs.example.com/alerts")})
    assert len(found) == 14
    for name, rule in found.items():
        base, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (base, anchor) == ("https://docs.example.com/alerts", name.lower())
        assert anchor in headings(RUNBOOKS)
    assert not [name for name, rule in alerts(rule_values()).items() if "runbook_url" in rule["annotations"]]
