"""What the object of a workload says of its pods, also where anybody may have written anything into it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Workload
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.workload_state import pending, restart_at, started_with
from unit.worlds import NOW

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")
WAITS: dict[str, Any] = {"secretRef": {"name": "token"}}

anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just("token")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "status",
                    "template",
                    "containers",
                    "env",
                    "envFrom",
                    "valueFrom",
                    "secretKeyRef",
                    "volumes",
                    "secret",
                    "projected",
                    "sources",
                    "updateStrategy",
                    "rollingUpdate",
                    "partition",
                    "paused",
                    "restartAt",
                    "creationTimestamp",
                    "generation",
                    "observedGeneration",
                    "name",
                    "optional",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), anything), st.sampled_from(KINDS))
def test_no_object_is_too_odd(body: dict[str, Any], kind: Any) -> None:
    assert pending(Workload(kind, "web"), body, NOW) is None or kind != "Rollout" or restart_at(body) is not None
    assert started_with(body, "token", NOW, HOUR) in (True, False)


def body(pod: dict[str, Any], age: timedelta = timedelta(0), generation: int = 1) -> dict[str, Any]:
    created = to_rfc3339(NOW - age)
    return {
        "metadata": {"creationTimestamp": created, "generation": generation},
        "spec": {"template": {"spec": pod}},
    }


def reads(**source: Any) -> dict[str, Any]:
    return {"containers": [{"name": "app", "envFrom": [source]}]}


@pytest.mark.parametrize(
    ("pod", "needs"),
    [
        (reads(**WAITS), True),
        (reads(secretRef={"name": "token", "optional": False}), True),
        (reads(secretRef={"name": "token", "optional": True}), False),
        (reads(secretRef={"name": "other"}), False),
        (reads(configMapRef={"name": "token"}), False),
        ({"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "token", "key": "a"}}}]}]}, True),
        ({"initContainers": [{"envFrom": [WAITS]}], "containers": [{}]}, True),
        ({"volumes": [{"secret": {"secretName": "token"}}]}, True),
        ({"volumes": [{"secret": {"secretName": "token", "optional": True}}]}, False),
        ({"volumes": [{"projected": {"sources": [{"secret": {"name": "token"}}]}}]}, True),
        # One container waits for the variable, and the other starts without it.
        (
            {"containers": [{"envFrom": [WAITS]}, {"envFrom": [{"secretRef": {"name": "token", "optional": True}}]}]},
            False,
        ),
        # The volume holds up the whole pod.
        (
            {
                "containers": [{"envFrom": [{"secretRef": {"name": "token", "optional": True}}]}],
                "volumes": [{"secret": {"secretName": "token"}}],
            },
            True,
        ),
        ({"containers": [{}]}, False),
    ],
)
def test_only_a_pod_that_can_not_start_without_the_secret_waits_for_it(pod: dict[str, Any], needs: bool) -> None:
    assert started_with(body(pod), "token", NOW, HOUR) is needs


@given(st.integers(0, 4000), st.integers(0, 3600))
@example(9, 10)
@example(9, 11)
def test_a_workload_that_may_be_older_than_the_absence_of_the_secret_is_rolled(age: int, absent: int) -> None:
    started = started_with(body(reads(**WAITS), age * SECOND), "token", NOW, absent * SECOND)
    # Both moments may be anywhere in their seconds.
    assert started is (age + 1 < absent)


def test_a_workload_that_was_changed_since_it_was_made_is_rolled() -> None:
    assert not started_with(body(reads(**WAITS), generation=2), "token", NOW, HOUR)


def changed(kind: str, spec: dict[str, Any], **status: int) -> str | None:
    stored = {"metadata": {"generation": 2}, "spec": spec, "status": {"observedGeneration": 1, **status}}
    return pending(Workload(kind, "web"), stored, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        ("Deployment", {"paused": True}, "is paused"),
        ("Deployment", {"paused": True, "replicas": 0}, None),
        ("Deployment", {"paused": False}, None),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 2}}}, "the partition 2"),
        ("StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 0}}}, None),
        ("Rollout", {"paused": True}, None),
        ("Rollout", {"restartAt": to_rfc3339(NOW)}, None),
        ("Rollout", {"restartAt": to_rfc3339(NOW + SECOND)}, to_rfc3339(NOW + SECOND)),
    ],
)
def test_pods_that_wait_for_somebody_are_told(kind: str, spec: dict[str, Any], said: str | None) -> None:
    why = changed(kind, spec)
    assert (why is None) is (said is None)
    assert why is None or said is None or (said in why and f"{kind} web" in why)


def test_pods_that_somebody_replaced_wait_no_more() -> None:
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    assert changed("StatefulSet", by_hand, observedGeneration=2, replicas=3, updatedReplicas=2)
    assert changed("StatefulSet", by_hand, observedGeneration=2, replicas=3, updatedReplicas=3) is None
    assert changed("StatefulSet", by_hand, observedGeneration=1, replicas=3, updatedReplicas=3)
    assert changed("DaemonSet", by_hand, observedGeneration=2, desiredNumberScheduled=2, updatedNumberScheduled=1)
    assert not changed("DaemonSet", by_hand, observedGeneration=2, desiredNumberScheduled=2, updatedNumberScheduled=2)
