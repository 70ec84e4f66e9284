"""What an alert of the chart is tried with: series by the minute, when it fires, and what it says then."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chart.objects import EVERYTHING, Object, alerts, one
from testbed.helm import template
from testbed.monitoring import run_rule_tests

POD, NEXT_POD = "adobe-ims-operator-5c4f9-abcde", "adobe-ims-operator-5c4f9-fghij"
CREDENTIAL = {"namespace": "photos", "name": "lightroom"}
NO_LEADER = "OperatorNoLeader"


@dataclass(frozen=True)
class Case:
    what: str
    alert: str
    series: Sequence[Mapping[str, str]]
    fires: Mapping[int, bool]
    """By minutes, whether it does."""
    reason: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """What stands in the expected annotations in place of other templates."""
    step: str = "1m"
    """From one value of a series to the next; Prometheus forgets a series after five minutes."""


def found_wrong(case: Case, folder: Path) -> str:
    """What promtool finds wrong with what is expected; "" where that is right."""
    rule = alerts(EVERYTHING)[f"AdobeIMS{case.alert}"]
    test = {
        "interval": case.step,
        "input_series": list(case.series),
        "alert_rule_test": [
            {
                "eval_time": f"{minutes}m",
                "alertname": f"AdobeIMS{case.alert}",
                "exp_alerts": [_expected(case, rule)] if fires else [],
            }
            for minutes, fires in case.fires.items()
        ],
    }
    (group,) = one(template(EVERYTHING), "PrometheusRule")["spec"]["groups"]
    # Without the other rules, which promtool would evaluate as often: no alert is made of another.
    return run_rule_tests({"groups": [{**group, "rules": [rule]}]}, [test], folder, case.step)


def _expected(case: Case, rule: Object) -> dict[str, Any]:
    labels = {} if case.alert == NO_LEADER else CREDENTIAL
    why = "" if case.reason is None else f" The reason is {case.reason}."
    values = {f"{{{{ $labels.{name} }}}}": value for name, value in CREDENTIAL.items()} | dict(case.more)
    annotations = {}
    for name, text in rule["annotations"].items():
        said = re.sub(r"\{\{ with .*\{\{ end \}\}", why, text)
        for placeholder, value in values.items():
            said = said.replace(placeholder, value)
        annotations[name] = said
    return {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": annotations}
