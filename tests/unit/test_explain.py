"""What a person is told of a credential: what is next, how it stands, who else keeps it, and whose token is old."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core import status as core_status
from adobe_ims_operator.core.decision import Refuse, Wait
from adobe_ims_operator.core.explain import Action, next_step, summarize
from adobe_ims_operator.core.managers import Manager, managers
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.pods import outdated_containers, token_written
from adobe_ims_operator.core.policy import FRESH, decide, problem
from unit import worlds
from unit.worlds import NOW, credential, facts, observed, token_secret

MINUTE = timedelta(minutes=1)
PROGRAM = "kubectl adobe-ims"


@given(worlds.anything, worlds.instants)
def test_what_is_next_is_what_is_decided(seen: Observed, now: datetime) -> None:
    decision = decide(seen, now)
    step = next_step(seen, decision, now, PROGRAM)
    assert step.message
    assert step.message.isprintable()
    if isinstance(decision, Refuse):
        assert (step.action, step.at) == (Action.NOTHING, None)
        assert decision.finding.message in step.message
    elif isinstance(decision, Wait):
        assert step.at == decision.attempt_at
        assert (step.action is Action.ROTATE) == (decision.finding is FRESH)
    else:
        assert step.at == now
        assert step.reason == decision.need.reason


@given(worlds.anything, worlds.instants)
def test_a_summary_of_what_was_just_reported_says_the_same(seen: Observed, now: datetime) -> None:
    decision = decide(seen, now)
    status = core_status.derive(seen, decision, Status(), now)
    summary = summarize(replace(seen.credential, status=status), now, PROGRAM)
    trouble = problem(seen, decision, now)
    assert summary.ready == status.says("Ready", "True")
    assert summary.well == (summary.ready and trouble is None)
    if trouble is not None:
        assert trouble.message in summary.message


@given(worlds.anything, worlds.instants)
def test_a_token_that_expired_is_never_called_ready(seen: Observed, now: datetime) -> None:
    status = core_status.derive(seen, decide(seen, now), Status(), now)
    later = now + timedelta(days=20)
    assert not summarize(replace(seen.credential, status=status), later, PROGRAM).ready


@pytest.mark.parametrize(
    ("after", "reason", "well"),
    [(timedelta(0), "Rotated", True), (1384 * MINUTE, "Rotated", True), (1386 * MINUTE, "Overdue", False)],
)
def test_an_attempt_that_nobody_reports_is_overdue(after: timedelta, reason: str, well: bool) -> None:
    seen = observed(token_secret(facts()))
    status = core_status.derive(seen, decide(seen, NOW), Status(), NOW)
    summary = summarize(replace(seen.credential, status=status), NOW + after, PROGRAM)
    assert (summary.reason, summary.well) == (reason, well)


def test_a_new_credential_is_given_a_moment_before_the_operator_is_doubted() -> None:
    assert not summarize(credential(created=NOW), NOW + MINUTE, PROGRAM).failing
    late = summarize(credential(created=NOW), NOW + 6 * MINUTE, PROGRAM)
    assert late.failing
    assert "check that the operator runs: kubectl adobe-ims check" in late.message


def test_a_warning_is_told_from_an_outage() -> None:
    ready = Condition("Ready", "True", "Rotated", "Secret lightroom holds a valid token")
    failing = Condition("RotationFailing", "True", "InvalidScope", "a scope is missing")
    status = Status(3, "InvalidScope", next_rotation_time=to_rfc3339(NOW), conditions=(ready, failing))
    summary = summarize(credential(status=status), NOW, PROGRAM)
    assert (summary.ready, summary.failing, summary.message) == (True, True, "a scope is missing")
    assert summary.cause == "InvalidScope"


def pod(started: datetime, **container: Any) -> dict[str, Any]:
    return {
        "spec": {"containers": [{"name": "app", **container}]},
        "status": {"containerStatuses": [{"name": "app", "state": {"running": {"startedAt": to_rfc3339(started)}}}]},
    }


BY_KEY = {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "token", "key": "access_token"}}}]}
ALL_KEYS = {"envFrom": [{"secretRef": {"name": "token"}}]}


@pytest.mark.parametrize("environment", [BY_KEY, ALL_KEYS], ids=["env", "envFrom"])
def test_a_container_that_started_before_the_write_has_the_older_token(environment: dict[str, Any]) -> None:
    assert outdated_containers(pod(NOW - MINUTE, **environment), "token", NOW) == ("app",)
    assert outdated_containers(pod(NOW, **environment), "token", NOW) == ()
    assert outdated_containers(pod(NOW - MINUTE, **environment), "other", NOW) == ()


def test_a_container_restarted_within_its_pod_has_the_new_token_and_one_that_waits_has_none() -> None:
    waiting = pod(NOW - MINUTE, **BY_KEY)
    waiting["status"]["containerStatuses"][0]["state"] = {"waiting": {}}
    assert outdated_containers(waiting, "token", NOW) == ()
    sidecar = {"name": "proxy", "restartPolicy": "Always", **BY_KEY}
    state = {"name": "proxy", "state": {"running": {"startedAt": to_rfc3339(NOW - MINUTE)}}}
    both = {"spec": {"initContainers": [sidecar]}, "status": {"initContainerStatuses": [state]}}
    assert outdated_containers(both, "token", NOW) == ("proxy",)


@pytest.mark.parametrize("odd", [{}, {"spec": [], "status": 3}, {"spec": {"containers": [None, 1]}}, pod(NOW, env=7)])
def test_a_pod_of_any_shape_is_read(odd: dict[str, Any]) -> None:
    assert outdated_containers(odd, "token", NOW) == ()


@pytest.mark.parametrize(
    ("last_write", "written"),
    [
        (None, NOW),
        (NOW + timedelta(seconds=3), NOW + timedelta(seconds=3)),
        (NOW + timedelta(hours=5), NOW),
        (NOW - MINUTE, NOW),
    ],
    ids=["unknown", "the token", "metadata alone", "another clock"],
)
def test_a_later_write_of_metadata_makes_no_pod_old(last_write: datetime | None, written: datetime) -> None:
    assert token_written(NOW, last_write) == written


def entry(manager: str, *fields: str) -> dict[str, Any]:
    return {"manager": manager, "fieldsV1": {"f:spec": {f"f:{name}": {} for name in fields}}}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ()),
        ({"managedFields": [entry("kubectl-edit", "suspend")]}, ()),
        ({"managedFields": [entry("argocd-controller", "suspend")]}, (Manager("Argo CD", sets_field=True),)),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "photos:adobe-ims.dev/X:a/b"}},
            (Manager("Argo CD's application photos", sets_field=False),),
        ),
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                },
                "managedFields": [entry("kustomize-controller", "suspend"), entry("kustomize-controller", "client")],
            },
            (Manager("Flux's Kustomization flux-system/apps", sets_field=True),),
        ),
        (
            {"labels": {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "web"}},
            (Manager("Flux's HelmRelease web/web", sets_field=False),),
        ),
        (
            {"annotations": {"meta.helm.sh/release-name": "web"}, "managedFields": [entry("helm", "suspend")]},
            (Manager("Helm's release web", sets_field=True),),
        ),
        ({"managedFields": [None, {"manager": "helm", "fieldsV1": 4}]}, (Manager("Helm", sets_field=False),)),
    ],
)
def test_who_would_undo_a_change_is_named(metadata: dict[str, Any], expected: tuple[Manager, ...]) -> None:
    assert managers(metadata, "suspend") == expected
