"""The arithmetic of the benchmarks: figures, goals and the audit log; what they measure is not tested, it is read."""

import json
import math
from pathlib import Path

import pytest

from bench.audit import AuditLog, count
from bench.table import Figure, Goal, percentile, render

USER = "system:serviceaccount:bench:adobe-ims-operator"


def test_a_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (50, 99, 100)
    assert percentile([7.0], 1) == 7
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("without a goal", 9.0), None),
        (Figure("at most", 4, goal=Goal(4)), True),
        (Figure("more", 4.1, goal=Goal(4)), False),
        (Figure("no token", 0, goal=Goal(0)), True),
        (Figure("a ratio", 12.5, floor=10, same=1, goal=Goal(1.25, "ratio")), True),
        (Figure("a larger ratio", 12.6, floor=10, same=99, goal=Goal(1.25, "ratio")), False),
        (Figure("a ratio to nothing", 0, goal=Goal(1.25, "ratio")), False),
        (Figure("nothing measured", math.nan, goal=Goal(4)), False),
    ],
    ids=lambda value: value.what if isinstance(value, Figure) else "",
)
def test_a_goal_holds_up_to_its_limit(figure: Figure, holds: bool | None) -> None:
    assert figure.holds is holds


def test_a_missed_goal_is_shown_as_such() -> None:
    table = render([Figure("slow", 3.0, "s", floor=2.0, goal=Goal(1.25, "ratio")), Figure("fine", 0, goal=Goal(0))])
    slow, fine = table.splitlines()[2:]
    assert slow.split("|")[1:5] == [" slow ", " 3 s      ", " 2     ", " 1.5   "]
    assert "MISSED" in slow
    assert "holds" in fine


def test_what_was_not_measured_and_what_did_not_happen_are_no_numbers() -> None:
    nothing = Figure("nothing", math.nan, "s")
    never = Figure("never", math.inf, "s", floor=2.0, goal=Goal(1.1, "ratio"))
    rows = [[cell.strip() for cell in row.split("|")[2:5]] for row in render([nothing, never]).splitlines()[2:]]
    assert rows == [["", "", ""], ["never", "2", "never"]]
    assert never.holds is False
    for figure in (nothing, never):
        assert json.loads(json.dumps(figure.to_json(), allow_nan=False))["operator"] is None


def test_the_audit_log_is_followed_into_a_new_file_and_through_half_a_line(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text(line("get", "secrets"))
    audit = AuditLog(log, USER)
    mark, late = audit.mark(), line("patch", "adobeimscredentials", "status")
    append(log, line("create", "secrets") + line("get", "secrets", user="admin") + late[:40])
    assert count(audit.since(mark)) == {("create", "secrets"): 1}
    append(log, late[40:])
    log.rename(tmp_path / "audit-old.jsonl")
    log.write_text(
        line("list", "secrets") + 2 * line("watch", "secrets") + line("watch", "secrets", stage="ResponseStarted")
    )
    assert count(audit.since(mark)) == {
        ("create", "secrets"): 1,
        ("patch", "adobeimscredentials/status"): 1,
        ("list", "secrets"): 1,
        ("watch", "secrets"): 1,
    }
    audit.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def line(verb: str, resource: str, sub: str = "", user: str = USER, stage: str = "ResponseComplete") -> str:
    reference = {"resource": resource} | ({"subresource": sub} if sub else {})
    event = {
        "stage": stage,
        "verb": verb,
        "user": {"username": user},
        "objectRef": reference,
        "responseStatus": {"code": 200},
        "stageTimestamp": "2026-01-01T00:00:00.123456Z",
    }
    return json.dumps(event, separators=(",", ":")) + "\n"
