"""Where the tests of replacement begin, how they come to the moment that each is about, and what they look at."""

from collections.abc import Callable
from datetime import timedelta

from adobe_ims_operator.api.client_secret_ledger import Draining, Origin, Slot
from adobe_ims_operator.api.client_secret_status import ClientSecretStatus, client_secret_status_to_json
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.replacement.decision import Decision, Deed, Write
from unit.replacement.adobe import CLIENT_ID, Adobe, Proxied
from unit.replacement.world import Cluster, cluster_at, first_cluster, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def taken_over(**adobe: object) -> Cluster:
    """A cluster whose first client secret was taken over: it is replaced every ten days, with an overlap of one."""
    cluster = first_cluster(**adobe)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    cluster.settle()
    return cluster


def draining(**adobe: object) -> Cluster:
    """The same, an hour after it was replaced."""
    cluster = taken_over(**adobe)
    come_to_drain(cluster)
    run([cluster], HOUR)
    return cluster


def replace_once(cluster: Cluster) -> str:
    """Have its client secret replaced, with an overlap of a day; the uuid of the old one."""
    cluster.edit(overlap=DAY, interval=10 * DAY)
    return come_to_drain(cluster)


def come_to_drain(cluster: Cluster) -> str:
    """Let time pass until a client secret was just replaced; the uuid of the old one."""
    until(cluster, lambda _: cluster.ledger is not None and isinstance(cluster.ledger.phase, Draining))
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Draining)
    return cluster.ledger.phase.previous.uuid


def until(cluster: Cluster, fits: Callable[[Decision], bool]) -> Decision:
    """Let time pass until it decides what fits, which is not done yet."""
    decision = cluster.come_to(fits, 60 * DAY)
    assert decision is not None, cluster.deeds
    return decision


def is_a(kind: type[Decision]) -> Callable[[Decision], bool]:
    return lambda decision: isinstance(decision, kind)


def is_write(deed: Deed) -> Callable[[Decision], bool]:
    return lambda decision: isinstance(decision, Write) and decision.deed is deed


def proxied(**adobe: object) -> tuple[Proxied, Cluster]:
    """A cluster at an Adobe whose lists can be changed."""
    made = Proxied(**adobe)  # type: ignore[arg-type]
    cluster = cluster_at(made)
    cluster.edit(overlap=7 * DAY, interval=20 * DAY)
    return made, cluster


def mistaken(adobe: Adobe) -> Cluster:
    """A person gave value-0, which was deleted a moment ago; Adobe lists uuid-1 alone, which is somebody else's."""
    dead, theirs = adobe.add(), adobe.add()
    assert dead is not None
    assert theirs is not None
    adobe.token(theirs.value)
    adobe.now += 20 * DAY
    adobe.delete(dead.uuid)
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": dead.value}, reports=True)
    cluster.edit(interval=4 * DAY, overlap=DAY)
    return cluster


def give(cluster: Cluster, value: str) -> None:
    """A person puts a value into the bootstrap Secret."""
    cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": value}
    cluster.bootstrap_version += 1


def write_by_hand(cluster: Cluster, **values: str) -> None:
    """A person writes the managed Secret."""
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {"client_id": CLIENT_ID, **values})


def origin(cluster: Cluster) -> Origin:
    assert cluster.ledger is not None
    return cluster.ledger.current.origin


def reason(cluster: Cluster) -> Reason:
    """What it finds now."""
    return cluster.settle().finding.reason


def held(cluster: Cluster) -> dict[str, str]:
    """The values in the managed Secret, by key."""
    assert cluster.secret is not None
    return {slot: cluster.secret.data[slot] for slot in Slot if slot in cluster.secret.data}


def uuids(cluster: Cluster) -> list[str]:
    """The valid client secrets at Adobe."""
    return [value.uuid for value in cluster.adobe.live]


def report(cluster: Cluster, users: tuple[Key, ...] = ()) -> ClientSecretStatus:
    """The status after a turn, which the object has from then on."""
    status = cluster.report(cluster.settle(), users)
    assert "value-" not in str(client_secret_status_to_json(status))
    return status


def brief(status: ClientSecretStatus) -> dict[str, tuple[str, str]]:
    """The status and reason of each condition."""
    return {condition.type: (condition.status, condition.reason) for condition in status.conditions}
