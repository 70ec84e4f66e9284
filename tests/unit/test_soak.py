"""The arithmetic of the soak: the rules that a history is held against, and growth; each rule is broken once."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import GROUP
from bench.audit import AuditLog, Request
from bench.history import Findings, HistoryError, Version, Write, examine, join
from bench.soak import alarms
from bench.usage import Sample, sum_up
from bench.versions import Versions

BIRTH = 1_800_000_000.0
LIFE, DUE, LATENCY = 60, 40.0, 0.15
"""Seconds."""

LATE = st.lists(st.floats(0, 1.9), min_size=1, max_size=20)


def history(born: float, late: list[float]) -> list[Write]:
    """A faultless one: each token is asked for so late after it was due, and written when IMS has answered."""
    writes: list[Write] = []
    asked = born
    for number, seconds in enumerate([*late, 0.0], start=1):
        issued = float(int(asked))
        writes.append(Write(Version(number, number, issued, issued + LIFE), asked + LATENCY))
        asked = issued + DUE + seconds
    return writes


def look(*histories: list[Write], ended: float | None = None) -> Findings:
    last = max(writes[-1].answered for writes in histories)
    return examine(histories, LATENCY, last if ended is None else ended)


def faults(findings: Findings) -> tuple[int, int, int]:
    return findings.expired, findings.early, findings.out_of_step


BORN = st.floats(BIRTH, BIRTH + 100)


@given(BORN, LATE)
def test_a_faultless_history_has_no_fault(born: float, late: list[float]) -> None:
    findings = look(history(born, late))
    assert faults(findings) == (0, 0, 0)
    assert findings.rotations == len(late)
    assert findings.late == pytest.approx([seconds + LATENCY for seconds in late], abs=1e-5)
    assert findings.left == pytest.approx([LIFE - DUE - seconds for seconds in findings.late])


@given(BORN, LATE, st.data())
def test_each_fault_is_counted_where_it_is(born: float, late: list[float], data: st.DataObject) -> None:
    writes = history(born, late)
    number = data.draw(st.integers(1, len(writes) - 1))
    old, new = writes[number - 1].version, writes[number]

    def faults_with(other: Write) -> tuple[int, int, int]:
        # What comes after is left out, as it would be judged by the broken one.
        return faults(look([*writes[:number], other], ended=BIRTH))

    expired = new._replace(answered=old.expires_at + data.draw(st.floats(0.001, 1000)))
    assert faults_with(expired) == (1, 0, 0)
    early = new.version._replace(issued_at=old.issued_at + data.draw(st.integers(0, 39)))
    assert faults_with(new._replace(version=early)) == (0, 1, 0)
    too_soon = old.issued_at + DUE + LATENCY - data.draw(st.floats(0.001, 50))
    assert faults_with(new._replace(answered=too_soon)) == (0, 1, 0)
    step = data.draw(st.integers(-5, 5).filter(lambda step: step != 1))
    assert faults_with(new._replace(version=new.version._replace(rotations=old.rotations + step))) == (0, 0, 1)


def test_a_token_that_nothing_follows_must_outlive_the_run() -> None:
    writes = history(BIRTH, [0.0])
    expires_at = writes[-1].version.expires_at
    assert faults(look(writes, ended=expires_at)) == (0, 0, 0)
    assert faults(look(writes, ended=expires_at + 0.1)) == (1, 0, 0)


def test_a_first_version_counts_one() -> None:
    assert look(history(BIRTH, [0.0, 0.0])[1:]).out_of_step == 1


def test_the_faults_of_all_secrets_are_added() -> None:
    good, bad = history(BIRTH, [0.0] * 3), history(BIRTH, [0.0] * 3)
    del bad[2]
    assert look(good, bad, good).out_of_step == 1
    assert look(good, bad, good).rotations == 8
    assert examine([[], good], LATENCY, BIRTH).rotations == 3


def test_versions_and_writes_are_told_apart_only_where_there_is_one_for_each() -> None:
    versions = [write.version for write in history(BIRTH, [0.0, 0.0])]
    assert [write.answered for write in join("a", versions, [3.0, 1.0, 2.0])] == [1.0, 2.0, 3.0]
    with pytest.raises(HistoryError, match="Secret a: 3 versions were seen, and 2 were written"):
        join("a", versions, [1.0, 2.0])
    with pytest.raises(HistoryError, match="in order"):
        join("a", [versions[0], *versions[:2]], [1.0, 2.0, 3.0])


def event(kind: str, name: str, version: int, rotations: int = 1) -> dict[str, Any]:
    moment = datetime.fromtimestamp(BIRTH, UTC).isoformat().replace("+00:00", "Z")
    times = {f"{GROUP}/{each}": moment for each in ("issued-at", "expires-at")}
    annotations = times | {f"{GROUP}/rotations": str(rotations)}
    return {
        "type": kind,
        "object": {"metadata": {"name": name, "resourceVersion": str(version), "annotations": annotations}},
    }


def listed(**versions: int) -> list[dict[str, Any]]:
    return [event("", name, version)["object"] for name, version in versions.items()]


def test_what_a_watch_shows_of_token_secrets_is_kept() -> None:
    versions = Versions("bench", ["a", "b"])
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    events = [event("ADDED", "a", 5), event("ADDED", "another", 6), event("MODIFIED", "a", 7, 2), bookmark]
    assert [versions.note(each) for each in events] == ["5", "6", "7", "9"]
    assert versions.of("a") == [Version(5, 1, BIRTH, BIRTH), Version(7, 2, BIRTH, BIRTH)]
    assert versions.of("b") == []


def test_a_gap_in_a_watch_is_noticed() -> None:
    versions = Versions("bench", ["a", "b"])
    versions.note(event("ADDED", "a", 5))
    assert versions.reach(listed(a=5, other=6))
    assert not versions.reach(listed(a=7))
    assert not versions.reach(listed(a=5, b=6))
    assert not versions.reach(listed())
    with pytest.raises(HistoryError, match="too old"):
        versions.note({"type": "ERROR", "object": {"message": "too old resource version"}})
    with pytest.raises(HistoryError, match="deleted"):
        versions.note(event("DELETED", "a", 8))


def test_the_audit_log_tells_which_secret_was_written(tmp_path: Path) -> None:
    line = {
        "stage": "ResponseComplete",
        "verb": "create",
        "user": {"username": "operator"},
        "objectRef": {"resource": "secrets", "namespace": "bench", "name": "a"},
        "responseStatus": {"code": 201},
        "stageTimestamp": "2026-01-01T00:00:00.123456Z",
    }
    log = tmp_path / "audit.jsonl"
    log.touch()
    audit = AuditLog(log, "operator")
    log.write_text(json.dumps(line, separators=(",", ":")) + "\n")
    assert [(each.name, each.answered) for each in audit.since(0)] == [("a", 1767225600.123456)]
    audit.close()


ROTATION = Request("patch", "secrets", 200, 0.0)


def samples(kib_each_second: int, seconds: int = 300) -> list[Sample]:
    """One request a second; one was answered before the first sample, which is no part of what is counted."""
    return [
        Sample(
            second=100 + second,
            cpu=second * 0.003,
            rss=80_000 + second * kib_each_second,
            files=20 + (second == 3) + 2 * (second == seconds),
            threads=4,
            requests=1 + second,
        )
        for second in range(seconds + 1)
    ]


@pytest.mark.parametrize("kib", [0, 3, -1])
def test_growth_is_told_by_rotation(kib: int) -> None:
    usage = sum_up(samples(kib), [ROTATION] * 301, day=60)
    assert usage.rotations == 300
    assert usage.rss_slope == pytest.approx(kib)
    assert usage.rss_slope_late == pytest.approx(kib)
    assert usage.rss_last - usage.rss_first == pytest.approx(kib * 241)
    assert usage.cpu_each == pytest.approx(0.003)
    assert (usage.files, usage.threads) == (1, 0)
    assert usage.requests == {("patch", "secrets"): 300}


def test_growth_that_fades_is_told_from_a_leak() -> None:
    fading = [replace(each, rss=min(each.rss, 80_100)) for each in samples(1)]
    usage = sum_up(fading, [ROTATION] * 301, day=60)
    assert usage.rss_slope > 0.1
    assert usage.rss_slope_late == pytest.approx(0)


def test_only_a_write_that_succeeded_is_a_rotation() -> None:
    others = [Request("patch", "secrets", 409, 0.0), Request("get", "secrets", 200, 0.0)]
    asked = [ROTATION, *others, *[ROTATION] * 298]
    usage = sum_up(samples(0), asked, day=60)
    assert usage.rotations == 298
    assert usage.requests == {("patch", "secrets"): 299, ("get", "secrets"): 1}


def test_no_growth_is_told_of_too_little() -> None:
    with pytest.raises(ValueError, match="do not overlap"):
        sum_up(samples(0, seconds=119), [ROTATION] * 301, day=60)
    with pytest.raises(ValueError, match="nothing was rotated"):
        sum_up(samples(0), [], day=60)


def test_what_is_no_routine_line_of_the_log_is_an_alarm() -> None:
    lines = [json.dumps({"level": level}) for level in ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")]
    others = ["Traceback (most recent call last):", "[]", "7", "{}"]
    assert alarms("\n".join([*lines, *others]) + "\n") == [*lines[2:], *others]
