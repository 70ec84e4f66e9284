"""The alerts on AdobeIMSClientSecrets, fed by what the operator exports of their status."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from adobe_ims_operator.api.client_secret import parse_client_secret
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.manager.client_secret_metrics import ClientSecretMetrics
from chart.alerting import CREDENTIAL, NEXT_POD, POD, Case, found_wrong
from chart.objects import EVERYTHING, alerts

TWO, OLD, MISMATCH = "TwoClientSecrets", "OldClientSecretInUse", "CredentialMismatch"
NOT_PERMITTED, LOST = "ManagementNotPermitted", "ClientSecretLost"
NOT_KEPT = "AddedClientSecretNotKept"
EXPIRES, REPLACEMENT = "ClientSecretExpiresSoon", "ClientSecretFailing"
DOWN = "ConsoleUnavailable"
STEP = 4
"""Minutes from one sample to the next; Prometheus forgets a series after five."""
HOUR = 60
DAY = 24 * HOUR
"""In minutes."""
METADATA = {
    **CREDENTIAL,
    "uid": "u",
    "generation": 1,
    "resourceVersion": "7",
    "creationTimestamp": "1970-01-01T00:00:00Z",
}
SPEC = {"organizationId": "23294", "credentialId": "436084", "bootstrap": {"secretRef": {"name": "oauth"}}}

Status = Mapping[str, Any]


def status(failing: str = "", *, lost: bool = False, old_in_use: bool = False, ends: int | None = None) -> Status:
    """A status as it stands in the API server.

    Args:
        failing: the reason of RotationFailing, which is False without one.
        lost: whether Ready is False.
        ends: when Adobe ends the client secret in use, in minutes of the epoch.
    """
    said = {
        "Ready": ("False", failing) if lost else ("True", "InPlace"),
        "RotationFailing": ("True", failing) if failing else ("False", "InPlace"),
        "OldClientSecretInUse": ("True", OLD) if old_in_use else ("False", "Draining"),
    }
    moment = "1970-01-01T00:00:00Z"
    conditions = [
        {"type": kind, "status": value, "reason": reason, "message": "m", "lastTransitionTime": moment}
        for kind, (value, reason) in said.items()
    ]
    in_use = {"uuid": "a", "role": "Current"}
    if ends is not None:
        in_use["expiresAt"] = datetime.fromtimestamp(60 * ends, UTC).isoformat()
    return {"observedGeneration": 1, "conditions": conditions, "clientSecrets": [in_use]}


def exported(said: Status | None, pod: str) -> dict[str, str]:
    """The value of each series that a pod exports of an object with that status; None where no pod is there."""
    if said is None:
        return {}
    replacements = Replacements(enqueue=lambda _: None)
    replacements.upsert(parse_client_secret({"metadata": METADATA, "spec": SPEC, "status": said}))
    registry = CollectorRegistry()
    registry.register(ClientSecretMetrics(replacements, lambda: True))
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.replace("}", f',pod="{pod}"}}'): value for name, value in pairs}


def series(*told: tuple[Status | None, int], pod: str = POD, step: int = STEP) -> list[dict[str, str]]:
    """What Prometheus scrapes of a pod that tells one status after the other, each for so many minutes."""
    spans = [(exported(said, pod), minutes // step) for said, minutes in told]
    names = {name: None for values, _ in spans for name in values}

    def span(name: str, values: Mapping[str, str], count: int) -> str:
        if name not in values:
            return "stale" if count == 1 else f"stale _x{count - 1}"
        return f"{values[name]}x{count - 1}"

    return [
        {"series": name, "values": " ".join(span(name, values, count) for values, count in spans)} for name in names
    ]


FINE = status()
CASES: Sequence[Case] = [
    *(
        Case(
            f"{reason} for long, and then not any more",
            reason,
            series((FINE, 4 * step), (status(reason), minutes + 6 * step), (FINE, minutes + 12 * HOUR), step=step),
            {3 * step: False, 3 * step + minutes: False, 7 * step + minutes: True, clear: False},
            step=f"{step}m",
        )
        for reason, minutes, step, clear in (
            (TWO, DAY, 4, DAY + 7 * HOUR),
            (MISMATCH, 15, 1, 40),
            (NOT_PERMITTED, 15, 1, 40),
            (NOT_KEPT, 5, 1, 20),
        )
    ),
    Case(
        "two client secrets, with a console that is away for hours in between",
        TWO,
        series((status(TWO), 20 * HOUR), (status(DOWN), 5 * HOUR), (status(TWO), 5 * HOUR)),
        {23 * HOUR: False, DAY + 8: True, DAY + 3 * HOUR: True},
        step="4m",
    ),
    Case(
        "two client secrets for an hour, and then an outage",
        TWO,
        series((status(TWO), HOUR), (status(DOWN), 2 * DAY)),
        {DAY + 8: False, 2 * DAY: False},
        step="4m",
    ),
    Case(
        "an old client secret that is in use for two weeks, with an outage and a restart in between",
        OLD,
        [
            *series((status(old_in_use=True), 6 * DAY), (status(DOWN, old_in_use=True), 2 * DAY), (None, 13 * DAY)),
            *series((None, 8 * DAY + 20), (status(old_in_use=True), 7 * DAY), pod=NEXT_POD),
        ],
        {13 * DAY: False, 14 * DAY - 8: False, 14 * DAY + 8: True},
        step="4m",
    ),
    Case(
        "an old client secret that is in use for a week",
        OLD,
        series((status(old_in_use=True), 7 * DAY), (status(), 9 * DAY)),
        {7 * DAY: False, 15 * DAY: False},
        step="4m",
    ),
    Case(
        "a client whose last client secret is gone",
        LOST,
        series((FINE, 4), (status(LOST, lost=True), 20), (FINE, 20), step=1),
        {4: False, 8: False, 10: True, 23: True, 25: False},
    ),
    Case("a client that is lost and works all the same", LOST, series((status(LOST), 60), step=1), {50: False}),
    Case("one that is not ready for another reason", LOST, series((status(DOWN, lost=True), 60), step=1), {50: False}),
    Case(
        "a client secret that Adobe ends in two weeks",
        EXPIRES,
        series((status(ends=14 * DAY + 2 * HOUR), 4 * HOUR)),
        {120: False, 176: False, 188: True},
        more={"{{ $value | humanizeDuration }}": "13d 22h 52m 0s"},
        step="4m",
    ),
    Case(
        "a client secret that Adobe has ended, as nothing could be added",
        EXPIRES,
        series((status(DOWN, ends=HOUR), 4 * HOUR)),
        {120: True},
        DOWN,
        more={"{{ $value | humanizeDuration }}": "-1h 0m 0s"},
        step="4m",
    ),
    Case(
        "a client secret that is replaced before that",
        EXPIRES,
        series((status(ends=14 * DAY + 2 * HOUR), 160), (status(ends=90 * DAY), 240)),
        {160: False, 200: False, 240: False},
        step="4m",
    ),
    Case("a client secret that never ends", EXPIRES, series((FINE, 4 * HOUR)), {200: False}, step="4m"),
    Case(
        "a replacement that fails for more than a day, whatever for",
        REPLACEMENT,
        series((status("LedgerDamaged"), DAY - HOUR), (status(DOWN), 5 * HOUR)),
        {DAY - 8: False, DAY + 8: True},
        DOWN,
        step="4m",
    ),
    Case(
        "a replacement that fails for a reason that this version does not know",
        REPLACEMENT,
        series((status("SomethingNew"), 2 * DAY)),
        {DAY + 8: True},
        "Unknown",
        step="4m",
    ),
    Case(
        "a replacement that fails twice for a while",
        REPLACEMENT,
        series((status(DOWN), 13 * HOUR), (FINE, 2 * HOUR), (status(DOWN), 20 * HOUR)),
        {DAY + 8: False, 34 * HOUR: False},
        step="4m",
    ),
    *(
        Case(
            f"a replacement that fails where another alert says why: {reason}",
            REPLACEMENT,
            series((status(reason, lost=reason == LOST), 30 * HOUR)),
            {DAY + 8: False, 29 * HOUR: False},
            step="4m",
        )
        for reason in (TWO, MISMATCH, NOT_PERMITTED, NOT_KEPT, LOST)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.what}")
def test_an_alert_fires_when_it_should_and_is_silent_when_it_should_be(case: Case, tmp_path: Path) -> None:
    assert found_wrong(case, tmp_path) == ""


def test_there_are_alerts_on_client_secrets_only_where_they_are_served() -> None:
    said = alerts(EVERYTHING).keys() - alerts({**EVERYTHING, "clientSecrets": {"enabled": False}}).keys()
    assert said == {
        f"AdobeIMS{name}" for name in (TWO, OLD, MISMATCH, NOT_PERMITTED, NOT_KEPT, LOST, EXPIRES, REPLACEMENT)
    }


def test_each_series_that_an_alert_asks_for_is_exported() -> None:
    text = "\n".join(rule["expr"] + str(rule["annotations"]) for rule in alerts(EVERYTHING).values())
    asked = set(re.findall(r"adobe_ims_client_secret_\w+", text))
    everything = exported(status(DOWN, old_in_use=True, ends=DAY), POD)
    assert asked
    assert asked - {name.partition("{")[0] for name in everything} == set()
