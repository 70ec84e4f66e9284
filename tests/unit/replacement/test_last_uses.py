"""No use of an old client secret is forgotten because of a list, and lists of one moment delete none."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adobe_ims_operator.api.client_secret_status import ClientSecretStatus, ReportedClientSecret
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.replacement import evidence
from adobe_ims_operator.core.replacement.decision import Add, Decision, Deed, Delete
from adobe_ims_operator.core.replacement.listing import ListedClientSecret, Listing, NoUse
from unit.replacement.adobe import START, Proxied
from unit.replacement.walks import come_to_drain, is_write, proxied, until
from unit.replacement.world import Cluster, Fault, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def goes_back(adobe: Proxied, old: str, to: datetime) -> None:
    """From now on lists show an earlier last use of the old one."""

    def change(found: Listing) -> Listing:
        entries = tuple(replace(each, last_use=to) if each.uuid == old else each for each in found.secrets)
        return replace(found, secrets=entries)

    adobe.change = change


def is_delete(decision: Decision) -> bool:
    return isinstance(decision, Delete)


def in_use_for_days(cluster: Cluster) -> str:
    """Have the old one used each half a day, as all lists show; its uuid."""
    old = come_to_drain(cluster)
    for _ in range(10):
        assert cluster.adobe.token("value-0")
        run([cluster], timedelta(hours=12))
    assert cluster.adobe.all[old].deleted_at is None
    return old


@pytest.mark.parametrize("crashes", [False, True])
def test_a_stamp_that_goes_back_takes_no_use_away(crashes: bool) -> None:
    adobe, cluster = proxied()
    cluster.reports = True
    old = in_use_for_days(cluster)
    goes_back(adobe, old, adobe.now - 30 * DAY)
    if crashes:
        cluster.crash()
    assert cluster.come_to(is_delete, 7 * DAY) is None
    assert Deed.INTEND_TO_DELETE not in cluster.deeds
    shown = {each.uuid: each.last_used_at for each in cluster.resource.status.client_secrets}
    assert shown[old] == to_rfc3339(adobe.all[old].uses[-1])
    assert cluster.come_to(is_delete, 2 * DAY) is not None, "it is not held up forever"


def test_the_lists_of_some_minutes_delete_nothing_even_where_no_use_is_remembered() -> None:
    adobe, cluster = proxied()
    old = in_use_for_days(cluster)
    goes_back(adobe, old, adobe.now - 30 * DAY)
    cluster.crash()
    cluster.take(until(cluster, is_write(Deed.INTEND_TO_DELETE)), Fault.NONE)
    intended_at = adobe.now
    assert cluster.come_to(is_delete, timedelta(minutes=9)) is None
    adobe.change = None
    assert cluster.come_to(is_delete, HOUR) is None
    assert cluster.deeds[-1] is Deed.WITHDRAW_DELETE
    assert adobe.now - intended_at >= timedelta(minutes=10)


def test_what_somebody_writes_into_the_status_puts_a_deletion_off_and_no_more() -> None:
    adobe, cluster = proxied()
    old = come_to_drain(cluster)
    until(cluster, is_write(Deed.INTEND_TO_DELETE))
    cluster.crash()
    forged = tuple(
        ReportedClientSecret(uuid, last_used_at="2999-01-01T00:00:00Z") for uuid in (old, "another", "uuid-1")
    )
    cluster.resource = replace(cluster.resource, status=ClientSecretStatus(client_secrets=forged))
    cluster.reports = True
    forged_at = adobe.now
    assert until(cluster, is_delete) == Delete(old)
    assert 7 * DAY <= adobe.now - forged_at <= 10 * DAY


def test_uses_that_are_remembered_are_bounded() -> None:
    uses: Mapping[str, datetime] = {}
    for number in range(100):
        entry = ListedClientSecret(f"uuid-{number}", START, START, None)
        uses = evidence.latest_uses(uses, Listing("client", (entry,), START))
    assert len(uses) == evidence.MOST_USES
    assert "uuid-99" in uses


@pytest.mark.parametrize("crashes", [False, True])
def test_one_that_a_list_showed_as_used_is_nobodys_lost_one_though_the_next_lists_show_null(crashes: bool) -> None:
    adobe, cluster = proxied()
    cluster.reports = True
    cluster.take(until(cluster, lambda step: isinstance(step, Add)), Fault.NOT_DONE)
    theirs = adobe.add()
    assert theirs is not None
    assert adobe.token(theirs.value)
    adobe.now += timedelta(minutes=11)
    cluster.settle()

    def change(found: Listing) -> Listing:
        entries = (replace(each, last_use=NoUse.NULL) if each.uuid == theirs.uuid else each for each in found.secrets)
        return replace(found, secrets=tuple(entries))

    adobe.change = change
    if crashes:
        cluster.crash()
    run([cluster], 7 * DAY)
    assert theirs.deleted_at is None
    assert cluster.settle().finding.reason is Reason.TWO_CLIENT_SECRETS
