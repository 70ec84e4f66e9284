"""What a person sees of a replacement: conditions that say what to do, and never a value."""

from datetime import UTC, datetime, timedelta

import pytest

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.replacement import attempts, events, findings, identity_findings, obstacles, old_findings
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.decision import Add, AskToken, Decision, Deed, ReadBootstrap, Write
from adobe_ims_operator.core.replacement.listing import ListedClientSecret, NoUse
from adobe_ims_operator.core.replacement.model import Step
from adobe_ims_operator.core.replacement.status import to_status
from unit.replacement.walks import brief, draining, report, taken_over
from unit.replacement.world import DOWN, REFUSED, Cluster, Fault, first_cluster, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_all_is_well() -> None:
    cluster = taken_over()
    status = report(cluster)
    assert brief(status) == {"Ready": ("True", "InPlace"), "RotationFailing": ("False", "InPlace")}
    assert (status.reason, status.secret_name, status.failures) == ("InPlace", "client", 0)
    assert [(entry.uuid, entry.role) for entry in status.client_secrets] == [("uuid-0", "Current")]
    assert (status.last_rotation_time, status.next_rotation_time) == (None, "2026-02-10T12:00:00Z")
    assert report(cluster) == status


def test_a_process_that_starts_changes_nothing() -> None:
    cluster = draining()
    status = report(cluster)
    cluster.crash()
    fresh = to_status(cluster.observe(), decide(cluster.observe(), cluster.now), cluster.now)
    assert fresh == status
    for _ in range(3):
        cluster.turn(most=1)
        fresh = to_status(cluster.observe(), decide(cluster.observe(), cluster.now), cluster.now)
        assert brief(fresh) == brief(status)
        assert fresh.client_secrets[0].uuid == status.client_secrets[0].uuid


def test_before_anything_works() -> None:
    cluster = first_cluster()
    cluster.adobe.delete("uuid-0")
    cluster.adobe.now += HOUR
    first = report(cluster)
    assert brief(first) == {"Ready": ("False", "ClientSecretMissing"), "RotationFailing": ("True", "InvalidClient")}
    at = obstacles.next_at(cluster.memory, cluster.now)
    assert at is not None
    cluster.adobe.now = at
    assert brief(report(cluster))["Stalled"] == ("True", "InvalidClient")


def test_the_old_one_is_named_with_who_uses_it() -> None:
    cluster = draining()
    users = tuple(Key("photos", f"web-{number}") for number in range(12))
    status = report(cluster, users)
    assert brief(status)["OldClientSecretInUse"] == ("False", "Draining")
    assert (len(status.old_used_by), status.old_users, status.reason) == (10, 12, "Draining")
    for _ in range(3):
        run([cluster], DAY)
        cluster.adobe.token("value-0")
    run([cluster], 7 * HOUR)
    status = report(cluster, users)
    assert brief(status)["OldClientSecretInUse"] == ("True", "OldClientSecretInUse")
    assert brief(status)["RotationFailing"][0] == "False"
    condition = status.condition("OldClientSecretInUse")
    assert condition is not None
    assert "photos/web-0" in condition.message
    assert "2 more" in condition.message


def test_one_that_waits_for_a_person_fails_only_once_it_is_due() -> None:
    cluster = draining()
    cluster.edit(old_secret_policy="Keep")
    assert brief(report(cluster))["RotationFailing"] == ("False", "OldClientSecretKept")
    run([cluster], 11 * DAY)
    assert brief(report(cluster))["RotationFailing"] == ("True", "OldClientSecretKept")
    assert brief(report(cluster))["Ready"] == ("True", "InPlace")


def test_a_new_one_whose_use_adobe_never_shows_fails_once_the_next_is_due() -> None:
    cluster = draining(lags=(timedelta(0), 1000 * DAY))
    run([cluster], 2 * DAY)
    status = report(cluster)
    assert "Adobe does not show" not in str(status.conditions), "its stamps may lag"
    run([cluster], 3 * DAY)
    status = report(cluster)
    assert brief(status)["RotationFailing"] == ("False", "Draining")
    condition = status.condition("OldClientSecretInUse")
    assert condition is not None
    assert "Adobe does not show that the new client secret uuid-1 is used" in condition.message
    run([cluster], 7 * DAY)
    status = report(cluster)
    assert brief(status)["RotationFailing"] == ("True", "Draining")
    assert status.reason == "Draining"
    failing = status.condition("RotationFailing")
    assert failing is not None
    assert "once you know that nobody uses uuid-0, delete it" in failing.message
    cluster.adobe.delete("uuid-0")
    run([cluster], 7 * HOUR)
    assert brief(report(cluster))["RotationFailing"][0] == "False"


def test_a_new_one_whose_stamp_stands_still_is_told() -> None:
    cluster = draining()
    cluster.adobe.now += HOUR
    cluster.settle()
    cluster.adobe.all["uuid-1"].lag = 1000 * DAY
    cluster.adobe.all["uuid-1"].uses[:] = [cluster.adobe.now - 1000 * DAY]
    run([cluster], 4 * DAY)
    assert "Adobe does not show that the new client secret uuid-1 is used" in cluster.settle().finding.message


def test_an_old_one_that_drains_for_as_long_as_the_shortest_interval_fails_nothing() -> None:
    cluster = taken_over(lag=20 * HOUR)
    cluster.edit(overlap=DAY, interval=2 * DAY)
    cluster.reports = True
    end = cluster.adobe.now + 20 * DAY
    while cluster.adobe.now < end:
        run([cluster], HOUR)
        assert brief(report(cluster))["RotationFailing"][0] == "False"
    assert cluster.deeds.count("DELETE") >= 3


def test_a_request_while_the_old_one_drains_fails_nothing() -> None:
    cluster = draining()
    run([cluster], 12 * HOUR)
    cluster.request("now")
    assert brief(report(cluster))["RotationFailing"] == ("False", "Draining")


def test_a_failure_is_counted_and_goes() -> None:
    cluster = taken_over()
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.NOT_DONE)
    status = report(cluster)
    assert brief(status)["RotationFailing"] == ("True", DOWN.finding.reason)
    assert (status.failures, brief(status)["Ready"][0]) == (1, "True")
    run([cluster], 2 * HOUR)
    assert brief(report(cluster))["RotationFailing"][0] == "False"


def test_lost() -> None:
    cluster = draining()
    report(cluster)
    for value in cluster.adobe.live:
        cluster.adobe.delete(value.uuid)
    run([cluster], DAY)
    before = cluster.resource.status
    after = report(cluster)
    assert brief(after)["Ready"] == ("False", "ClientSecretLost")
    assert [event.reason for event in events.derive(before, after)] == [Reason.CLIENT_SECRET_LOST]
    assert events.derive(after, after) == []
    cluster.adobe.now += DAY
    cluster.crash()
    assert brief(report(cluster))["Ready"][0] == "False"


def test_the_status_names_the_cause_where_the_managed_secret_is_missing() -> None:
    cluster = draining()
    report(cluster)
    for value in cluster.adobe.live:
        cluster.adobe.delete(value.uuid)
    cluster.adobe.now += HOUR
    cluster.secret = None
    status = report(cluster)
    assert brief(status)["Ready"] == ("False", "ClientSecretMissing")
    assert brief(status)["RotationFailing"] == ("True", "ClientSecretLost")
    assert status.reason == "ClientSecretLost"


def test_the_status_names_what_keeps_a_client_from_being_taken_over() -> None:
    assert report(first_cluster(client_id="f" * 32)).reason == "CredentialMismatch"
    cluster = first_cluster()
    cluster.bootstrap = None
    assert report(cluster).reason == "ClientSecretNotFound"
    cluster = first_cluster()
    cluster.come_to(lambda decision: isinstance(decision, AskToken), DAY)
    cluster.memory = attempts.failed(cluster.memory, cluster.observe(), Step.ASK, REFUSED, cluster.now, 0.0)
    assert report(cluster).reason == "ManagementNotPermitted"


def test_the_status_names_each_phase() -> None:
    cluster = taken_over()
    assert report(cluster).reason == "InPlace"
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.CRASH_AFTER)
    assert report(cluster).reason == "Adding"
    run([cluster], HOUR)
    assert report(cluster).reason == "AddedClientSecretUnknown"
    run([cluster], 4 * DAY)
    accepted = cluster.come_to(lambda it: isinstance(it, Write) and it.deed is Deed.NOTE_ACCEPTED, 30 * DAY)
    assert accepted is not None
    cluster.take(accepted, Fault.NONE)
    assert report(cluster).reason == "Proving"
    run([cluster], HOUR)
    assert report(cluster).reason == "Draining"
    cluster.edit(old_secret_policy="Keep")
    assert report(cluster).reason == "OldClientSecretKept"
    for _ in range(3):
        run([cluster], DAY)
        cluster.adobe.token("value-0")
    run([cluster], 7 * HOUR)
    assert report(cluster).reason == "OldClientSecretKept", "a person keeps it, so its use is nothing to mend"


def test_suspended() -> None:
    cluster = taken_over()
    cluster.edit(suspend=True)
    status = report(cluster)
    assert brief(status) == {"Ready": ("True", "Suspended"), "RotationFailing": ("False", "Suspended")}
    assert status.next_rotation_time is None


def test_what_the_operator_solves_itself_does_not_stall() -> None:
    cluster = first_cluster()
    other = cluster.adobe.add()
    assert other is not None
    cluster.adobe.token(other.value)
    cluster.adobe.now += HOUR
    while cluster.ledger is None:
        status = report(cluster)
        expected = {"Ready": ("False", "ClientSecretMissing"), "RotationFailing": ("False", "TakingOver")}
        assert (brief(status), status.reason) == (expected, "TakingOver")
        assert "elete" not in str(status.conditions)
        cluster.adobe.now += MINUTE
        cluster.settle()
    assert report(cluster).reason == "TwoClientSecrets"


def test_what_only_a_person_can_tell_apart_stalls() -> None:
    cluster = first_cluster()
    cluster.adobe.add()
    for value in cluster.adobe.live:
        cluster.adobe.token(value.value)
    cluster.settle()
    for value in cluster.adobe.live:
        cluster.adobe.token(value.value)
    cluster.adobe.now += 2 * MINUTE
    assert report(cluster).reason == "TwoClientSecrets"
    cluster.adobe.now += MINUTE
    assert brief(report(cluster))["Stalled"] == ("True", "TwoClientSecrets")


def test_time_that_does_not_tell_two_apart_is_told() -> None:
    cluster = first_cluster(lag=90 * DAY)
    cluster.adobe.add()
    run([cluster], 40 * HOUR)
    assert report(cluster).reason == "TakingOver"
    run([cluster], 10 * HOUR)
    assert report(cluster).reason == "TwoClientSecrets"


def test_patience_begins_again_with_another_reason() -> None:
    cluster = first_cluster()
    cluster.adobe.delete("uuid-0")
    cluster.adobe.now += HOUR
    report(cluster)
    cluster.adobe.now += MINUTE
    assert brief(report(cluster))["Stalled"] == ("True", "InvalidClient")
    cluster.crash()
    assert brief(report(cluster))["Stalled"] == ("True", "InvalidClient"), "a restart does not take it back"
    cluster.memory = attempts.failed(cluster.memory, cluster.observe(), Step.ASK, REFUSED, cluster.now, 0.0)
    cluster.adobe.now += MINUTE
    assert brief(report(cluster))["RotationFailing"] == ("True", "ManagementNotPermitted")
    assert "Stalled" not in brief(report(cluster))


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last_use", "said"),
    [
        (MOMENT, "the old client secret b was last used at 2026-01-01T00:00:00Z; find who uses it"),
        (NoUse.NULL, "Adobe shows no time of use of the old client secret b, which counts as used; find out whether"),
        (NoUse.UNREADABLE, "Adobe shows a time of use of the old client secret b that can't be read, which counts as"),
    ],
)
def test_how_the_old_one_was_used_is_told_in_whole_sentences(last_use: datetime | NoUse, said: str) -> None:
    cluster = taken_over()
    entry = ListedClientSecret("b", None, last_use, None)
    assert old_findings.in_use(entry, "the old client secret", "spec.overlap").message.startswith(said)
    told = identity_findings.two(cluster.observe(), "a", [entry], is_certain=True).message
    assert f"did not add: b ({findings.last_use(entry)}); nothing is touched. Delete the one" in told


def roles(cluster: Cluster) -> dict[str, str]:
    return {entry.uuid: entry.role for entry in report(cluster).client_secrets}


def test_each_client_secret_at_adobe_has_its_role() -> None:
    cluster = taken_over()
    add = cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    assert add is not None
    cluster.take(add, Fault.CRASH_AFTER)
    run([cluster], 2 * HOUR)
    assert roles(cluster) == {"uuid-0": "Current", "uuid-1": "Lost"}
    cluster = draining()
    assert roles(cluster) == {"uuid-0": "Previous", "uuid-1": "Current"}
    cluster = taken_over(spreads=HOUR)
    cluster.come_to(lambda decision: isinstance(decision, Add), 30 * DAY)
    run([cluster], 20 * MINUTE)
    assert roles(cluster) == {"uuid-0": "Current", "uuid-1": "Next"}
    cluster = taken_over()
    run([cluster], DAY)
    cluster.adobe.add()
    run([cluster], DAY)
    assert roles(cluster) == {"uuid-0": "Current", "uuid-1": "Unknown"}


@pytest.mark.parametrize("step", [ReadBootstrap, Write])
def test_a_secret_that_could_not_be_read_or_written_and_need_not_be_any_more_is_no_failure(
    step: type[Decision],
) -> None:
    cluster = taken_over()
    run([cluster], 2 * HOUR)
    cluster.crash()
    assert cluster.secret is not None
    data = cluster.secret.data
    if step is Write:
        cluster.store(cluster.secret.annotations, {**data, "client_id": "another"})
    else:
        cluster.adobe.refuses.add("uuid-0")
        cluster.adobe.now += DAY
    for _ in range(6):
        decision = cluster.come_to(lambda decision: isinstance(decision, step), DAY)
        assert decision is not None
        cluster.take(decision, Fault.NOT_DONE)
    status = report(cluster)
    assert (brief(status)["RotationFailing"][0], status.failures) == ("True", 6)
    cluster.adobe.refuses.clear()
    cluster.store(cluster.secret.annotations, data)
    run([cluster], HOUR)
    status = report(cluster)
    assert brief(status) == {"Ready": ("True", "InPlace"), "RotationFailing": ("False", "InPlace")}
    assert status.failures == 0
