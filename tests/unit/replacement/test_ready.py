"""When the managed Secret is Ready, and when nobody knows yet."""

from datetime import timedelta

from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.status import to_status
from unit.replacement.walks import brief, draining, report, taken_over
from unit.replacement.world import run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_ready_is_unknown_until_ims_was_asked() -> None:
    cluster = draining()
    run([cluster], 5 * DAY)
    first = cluster.backups[0]
    cluster.make_object()
    cluster.edit(suspend=True)
    cluster.store(first.annotations, first.data)
    status = report(cluster)
    assert brief(status)["Ready"] == ("Unknown", "Unverified")
    assert (report(cluster), status.reason) == (status, "Unverified")


def test_ready_is_unknown_after_an_edit_until_ims_was_asked() -> None:
    cluster = taken_over()
    assert brief(report(cluster))["Ready"] == ("True", "InPlace")
    cluster.crash()
    cluster.edit(suspend=True)
    assert brief(report(cluster))["Ready"] == ("Unknown", "Unverified")
    cluster.edit(suspend=False)
    assert brief(report(cluster))["Ready"] == ("True", "InPlace")


def test_ready_is_not_of_another_client_secret_that_was_restored_meanwhile() -> None:
    cluster = draining()
    report(cluster)
    first = cluster.backups[0]
    cluster.store(first.annotations, first.data)
    cluster.crash()
    cluster.turn(most=1)
    fresh = to_status(cluster.observe(), decide(cluster.observe(), cluster.now), cluster.now)
    assert brief(fresh)["Ready"] == ("Unknown", "Unverified")


def test_a_client_id_that_somebody_changed_is_not_ready() -> None:
    cluster = taken_over()
    report(cluster)
    assert cluster.secret is not None
    cluster.store(cluster.secret.annotations, {**cluster.secret.data, "client_id": "other"})
    cluster.turn(most=1)
    fresh = to_status(cluster.observe(), decide(cluster.observe(), cluster.now), cluster.now)
    assert brief(fresh)["Ready"] == ("False", "ClientSecretEdited")
