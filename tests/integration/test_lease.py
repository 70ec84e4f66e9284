"""The Lease by itself, on a real API server and by a clock that the test turns."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotLeadingError
from adobe_ims_operator.kube.lease import LEASE_DURATION, RENEW_DEADLINE, WRITE_DEADLINE, LeaderElector
from adobe_ims_operator.kube.login import load_configuration
from testbed.scene import Scene

PATH = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/it"


class Clock:
    """Seconds that go on when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Replica:
    """A part in the Lease `it`, with what it was told."""

    def __init__(self, kube: Kube, namespace: str, name: str, clock: Clock) -> None:
        self.heard: list[str] = []
        self.lease = LeaderElector(
            kube,
            Key(namespace, "it"),
            name,
            monotonic=clock,
            now=lambda: datetime.now(UTC),
            on_started_leading=self._gained,
            on_stopped_leading=lambda: self.heard.append("lost"),
            on_restored=lambda: self.heard.append("restored"),
        )

    def _gained(self, *, another_led: bool) -> None:
        self.heard.append("took over" if another_led else "went on")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replica(scene: Scene, kube: Kube, clock: Clock) -> Callable[[str], Replica]:
    return lambda name: Replica(kube, scene.namespace, name, clock)


async def test_the_first_that_comes_leads_and_kubectl_shows_it(scene: Scene, replica: Callable[[str], Replica]) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    await other.lease.attempt()
    assert (one.lease.leading, other.lease.leading) == (True, False)
    assert (one.heard, other.heard) == (["took over"], [])
    spec = scene.api.get(PATH.format(scene.namespace))["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("one", 15, 0)
    assert spec["acquireTime"] == spec["renewTime"]


async def test_a_lease_that_is_renewed_is_not_taken(replica: Callable[[str], Replica], clock: Clock) -> None:
    one, other = replica("one"), replica("other")
    for _ in range(30):
        await one.lease.attempt()
        await other.lease.attempt()
        clock.now += 2
    assert one.lease.leading
    assert other.heard == []


async def test_a_lease_that_nobody_renews_is_taken_when_its_leader_has_long_stopped_to_write(
    scene: Scene, replica: Callable[[str], Replica], clock: Clock
) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    led_until = taken_at = clock.now
    while not other.lease.leading:
        await other.lease.attempt()
        taken_at = clock.now
        clock.now += 0.5
        if one.lease.leading:
            led_until = clock.now + one.lease.time_left()
    assert led_until < taken_at
    assert taken_at - 100 <= LEASE_DURATION + 0.5
    spec = scene.api.get(PATH.format(scene.namespace))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("other", 1)


async def test_who_could_not_renew_writes_nothing(replica: Callable[[str], Replica], clock: Clock) -> None:
    one = replica("one")
    with pytest.raises(NotLeadingError):
        one.lease.time_left()
    await one.lease.attempt()
    clock.now += RENEW_DEADLINE - 0.1
    assert 0 < one.lease.time_left() < LEASE_DURATION - RENEW_DEADLINE + 0.1
    clock.now += 0.1
    with pytest.raises(NotLeadingError):
        one.lease.time_left()


async def test_a_leader_that_was_frozen_does_not_take_the_lease_back(
    replica: Callable[[str], Replica], clock: Clock
) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    await other.lease.attempt()
    for _ in range(2):
        clock.now += 8
        await other.lease.attempt()
    await one.lease.attempt()
    assert (one.lease.leading, other.lease.leading) == (False, True)
    assert one.heard == ["took over", "lost"]
    await one.lease.attempt()
    assert other.lease.leading


async def test_who_could_not_look_at_the_lease_leaves_it_to_the_leader_of_before(
    replica: Callable[[str], Replica], clock: Clock
) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    await other.lease.attempt()
    clock.now += 120  # in which the API server answered neither
    await other.lease.attempt()
    assert not other.lease.leading
    await one.lease.attempt()
    assert one.lease.leading
    assert one.heard[-1] == "went on"


async def test_a_lease_that_was_released_is_taken_at_once(
    scene: Scene, replica: Callable[[str], Replica], clock: Clock
) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    await other.lease.attempt()
    await one.lease.release()
    assert scene.api.get(PATH.format(scene.namespace))["spec"]["holderIdentity"] == ""
    with pytest.raises(NotLeadingError):
        one.lease.time_left()
    clock.now += 2
    await other.lease.attempt()
    assert other.heard == ["took over"]


async def test_a_lease_of_another_is_not_released(scene: Scene, replica: Callable[[str], Replica]) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    scene.api.patch(PATH.format(scene.namespace), {"spec": {"holderIdentity": "other"}})
    await one.lease.release()
    await other.lease.release()
    assert scene.api.get(PATH.format(scene.namespace))["spec"]["holderIdentity"] == "other"


async def test_a_change_of_the_lease_by_somebody_else_costs_no_leadership(
    scene: Scene, replica: Callable[[str], Replica], clock: Clock
) -> None:
    one = replica("one")
    await one.lease.attempt()
    scene.api.patch(PATH.format(scene.namespace), {"metadata": {"labels": {"team": "platform"}}})
    clock.now += 2
    await one.lease.attempt()
    assert one.heard == ["took over"]
    clock.now += RENEW_DEADLINE - 1
    assert one.lease.leading
    lease = scene.api.get(PATH.format(scene.namespace))
    assert lease["metadata"]["labels"] == {"team": "platform"}


async def test_a_lease_that_was_deleted_is_made_again_by_who_held_it(
    scene: Scene, replica: Callable[[str], Replica], clock: Clock
) -> None:
    one = replica("one")
    await one.lease.attempt()
    scene.api.delete(PATH.format(scene.namespace))
    clock.now += RENEW_DEADLINE - 1
    await one.lease.attempt()
    assert one.heard == ["took over"]
    assert one.lease.time_left() > LEASE_DURATION - RENEW_DEADLINE
    assert scene.api.get(PATH.format(scene.namespace))["spec"]["holderIdentity"] == "one"


async def test_a_lease_that_another_took_after_it_was_deleted_is_lost(
    scene: Scene, replica: Callable[[str], Replica]
) -> None:
    one, other = replica("one"), replica("other")
    await one.lease.attempt()
    scene.api.delete(PATH.format(scene.namespace))
    await other.lease.attempt()
    await one.lease.attempt()
    assert (one.heard, other.heard) == (["took over", "lost"], ["took over"])


async def test_a_renewal_during_a_slow_look_counts_from_when_it_was_seen(
    replica: Callable[[str], Replica], scene: Scene, clock: Clock
) -> None:
    """Else the other would count the 15 s from before the renewal."""

    class SlowAtFirst(Kube):
        slow = True

        async def get(self, path: str, **options: Any) -> Any:
            if self.slow:
                clock.now += 3.5
                await one.lease.attempt()
                self.slow = False
            return await super().get(path, **options)

    connection = SlowAtFirst(await load_configuration(), 4, load_configuration)
    one, other = replica("one"), Replica(connection, scene.namespace, "other", clock)
    await one.lease.attempt()
    await other.lease.attempt()
    writes_until = clock.now + one.lease.time_left()
    while not other.lease.leading:
        clock.now += 1
        await other.lease.attempt()
    await connection.close()
    assert writes_until < clock.now


def test_the_times_leave_room_between_each_other() -> None:
    assert RENEW_DEADLINE + 1 < WRITE_DEADLINE < LEASE_DURATION - 1


async def test_a_lease_without_a_spec_is_free(scene: Scene, replica: Callable[[str], Replica]) -> None:
    scene.api.apply(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "it"}}, namespace=scene.namespace
    )
    one = replica("one")
    await one.lease.attempt()
    assert one.lease.leading


async def test_a_namespace_that_is_missing_is_said(kube: Kube, clock: Clock) -> None:
    with pytest.raises(ApiError, match="namespaces"):
        await Replica(kube, "missing", "one", clock).lease.attempt()


async def test_a_lease_with_its_own_identity_that_it_did_not_write_is_left_for_a_full_duration(
    replica: Callable[[str], Replica], clock: Clock
) -> None:
    """As after a restore: another may have led since that Lease was written."""
    await replica("one").lease.attempt()
    again = replica("one")
    await again.lease.attempt()
    clock.now += 8
    await again.lease.attempt()
    clock.now += LEASE_DURATION - 8.1
    await again.lease.attempt()
    assert not again.lease.leading
    clock.now += 0.2
    await again.lease.attempt()
    assert again.lease.leading


async def test_a_lease_that_went_back_is_reported(scene: Scene, replica: Callable[[str], Replica]) -> None:
    one = replica("one")
    await one.lease.attempt()

    class Restored(Kube):
        """Shows the Lease as at a version before all others."""

        async def replace(self, path: str, body: Any, **options: Any) -> Any:
            answer = await super().replace(path, body, **options)
            return {**answer, "metadata": {**answer["metadata"], "resourceVersion": "1"}}

    connection = Restored(await load_configuration(), 4, load_configuration)
    other = Replica(connection, scene.namespace, "other", Clock())
    await one.lease.release()
    await other.lease.attempt()
    await connection.close()
    assert other.heard == ["restored", "took over"]
    assert other.lease.leading
