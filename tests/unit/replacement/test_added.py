"""What Adobe gave comes into the Secret that it is for, and into no other."""

from datetime import timedelta

from adobe_ims_operator.api.client_secret import ManagedSecretRef
from adobe_ims_operator.api.client_secret_ledger import Orphaned
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement import attempts
from adobe_ims_operator.core.replacement.decision import Add, Deed
from adobe_ims_operator.core.replacement.status import problem_of
from unit.replacement.adobe import Late
from unit.replacement.walks import is_a, taken_over, until
from unit.replacement.world import Cluster, Fault, cluster_at, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def remade(**changes: object) -> Cluster:
    """The object was deleted and made again while Adobe's answer to POST was on its way."""
    cluster = taken_over()
    cluster.take(until(cluster, is_a(Add)), Fault.NONE)
    assert cluster.memory.added is not None
    before = cluster.memory
    cluster.make_object()
    cluster.memory = attempts.begin(cluster.resource.uid, before, cluster.bootstrap_version)
    cluster.edit(overlap=DAY, interval=10 * DAY, **changes)
    return cluster


def taken_over_from(adobe: Late) -> Cluster:
    cluster = cluster_at(adobe)
    cluster.edit(overlap=DAY, interval=10 * DAY)
    cluster.settle()
    return cluster


def test_what_was_given_for_another_credential_stays_in_memory_until_it_has_a_place() -> None:
    cluster = remade(credential_id="999999", secret=ManagedSecretRef("other"))
    former, cluster.secret = cluster.secret, None
    cluster.adobe.delete("uuid-1")
    run([cluster], 12 * DAY)
    assert cluster.ledger is not None
    assert cluster.ledger.credential.credential_id == "999999"
    assert cluster.deeds.count("POST") == 1, "another answer would take its place"
    problem = problem_of(cluster.observe(), cluster.settle(), cluster.now)
    assert problem is not None
    assert problem.reason is Reason.ADDED_CLIENT_SECRET_NOT_KEPT
    assert "436084" in problem.message
    assert "uuid-1" in problem.message
    before = cluster.memory
    cluster.make_object()
    cluster.memory = attempts.begin(cluster.resource.uid, before, cluster.bootstrap_version)
    assert former is not None
    cluster.store(former.annotations, former.data)
    cluster.settle()
    assert Deed.KEEP_NEXT in cluster.deeds


def test_one_that_ims_and_the_lists_both_know_late_is_not_dropped() -> None:
    late = timedelta(minutes=40)
    adobe = Late(hides=late, spreads=late)
    cluster = taken_over_from(adobe)
    cluster.take(until(cluster, is_a(Add)), Fault.NONE)
    run([cluster], 2 * HOUR)
    assert Deed.DROP_NEXT not in cluster.deeds
    assert cluster.secret is not None
    assert cluster.secret.data["client_secret"] == "value-1"
    assert cluster.deeds.count("POST") == 1


def test_one_list_that_is_late_does_not_forget_a_post_without_an_answer() -> None:
    adobe = Late(hides=timedelta(0))
    cluster = taken_over_from(adobe)
    add = until(cluster, is_a(Add))
    adobe.hides = timedelta(minutes=12)
    cluster.take(add, Fault.CRASH_AFTER)
    run([cluster], HOUR)
    assert cluster.ledger is not None
    assert isinstance(cluster.ledger.phase, Orphaned)
    run([cluster], 6 * DAY)
    assert adobe.all["uuid-1"].deleted_at is not None, "it is known as ours"
