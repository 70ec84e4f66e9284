"""Whatever a crash, a lost answer, a person, another cluster, a backup or a clock does: no client secret is lost."""

import os
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adobe_ims_operator.api.client_secret_ledger import LEDGER_ANNOTATION, Slot, Steady
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.replacement.decision import Add, AskToken, Deed, Delete, Refuse, Wait, Write
from unit.replacement.adobe import CLIENT_ID, Value
from unit.replacement.world import Cluster, Fault, first_cluster, run

EXAMPLES, STEPS = (int(number) for number in os.environ.get("WORLD", "12,15").split(","))
HOURS = st.sampled_from([0, 1, 6, 23]).map(lambda hours: timedelta(hours=hours))
NEVER = timedelta(days=1000)
"""How late Adobe shows a use that it never shows."""
MOMENTS = st.sampled_from(
    [timedelta(seconds=1), timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=11), timedelta(hours=1),
     timedelta(hours=7), timedelta(hours=25), timedelta(days=3)]
)  # fmt: skip
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
LARGE_STEPS: list[Deed | type] = [
    Add,
    Delete,
    AskToken,
    Deed.INTEND_TO_ADD,
    Deed.KEEP_NEXT,
    Deed.NOTE_ACCEPTED,
    Deed.PROMOTE,
    Deed.INTEND_TO_DELETE,
    Deed.DROP_PREVIOUS,
]
FOR_A_PERSON = {
    Reason.TWO_CLIENT_SECRETS,
    Reason.OLD_CLIENT_SECRET_KEPT,
    Reason.OLD_CLIENT_SECRET_IN_USE,
    Reason.CLIENT_SECRET_LOST,
    Reason.CLIENT_SECRET_UNLISTED,
    Reason.CLIENT_SECRET_REFUSED,
    Reason.INVALID_CLIENT,
    Reason.LEDGER_DAMAGED,
}


class World(RuleBasedStateMachine):
    """One client at Adobe, one or two clusters, and everybody who can do something to them."""

    clusters: list[Cluster]
    meddled = False
    calm = False
    """Whether nobody but the processes does anything at Adobe or to the Secret."""
    hides = False
    """Whether Adobe shows no use ever of one of them."""

    @initialize(
        lags=st.lists(HOURS, min_size=3, max_size=3)
        | st.sampled_from([[timedelta(0)], [timedelta(hours=30)]])
        | st.permutations([timedelta(0), timedelta(0), NEVER]),
        spreads=st.sampled_from([timedelta(0), timedelta(minutes=4), timedelta(hours=2)]),
        two=st.booleans(),
        two_at_adobe=st.sampled_from([False, False, False, True]),
        calm=st.booleans(),
    )
    def begin(self, lags: list[timedelta], spreads: timedelta, two: bool, two_at_adobe: bool, calm: bool) -> None:
        self.calm, self.hides = calm, NEVER in lags
        east = first_cluster(lags=tuple(lags), spreads=spreads)
        self.clusters = [east]
        if two:
            self.meddled = True
            west = Cluster(east.adobe, dict(east.bootstrap or {}), name="west")
            west.given |= east.given
            self.clusters.append(west)
        if two_at_adobe:
            self.meddled = True
            east.adobe.add()
        for cluster in self.clusters:
            cluster.reports = True
            cluster.edit(overlap=timedelta(hours=24), interval=timedelta(days=4))

    def which(self, second: bool) -> Cluster:
        return self.clusters[-1 if second else 0]

    def meddle(self) -> None:
        self.meddled = True
        for cluster in self.clusters:
            cluster.disturbed = True

    @rule(second=st.booleans(), fault=st.sampled_from(Fault), steps=st.integers(1, 8))
    def work(self, second: bool, fault: Fault, steps: int) -> None:
        worker, before = self.which(second), self.uuids()
        worker.turn(fault, steps)
        self.note_changes(before, worker)

    def uuids(self) -> set[str]:
        return {value.uuid for value in self.clusters[0].adobe.live}

    def note_changes(self, before: set[str], worker: Cluster) -> None:
        """What one cluster does at Adobe disturbs the other."""
        for cluster in self.clusters:
            cluster.disturbed = cluster.disturbed or (before != self.uuids() and cluster is not worker)

    @rule(second=st.booleans(), fault=st.sampled_from(FAULTS), step=st.sampled_from(LARGE_STEPS))
    def come_to_a_step(self, second: bool, fault: Fault, step: Deed | type) -> None:
        worker, before = self.which(second), self.uuids()
        found = (
            worker.come_to(lambda it: isinstance(it, Write) and it.deed is step, timedelta(days=6))
            if isinstance(step, Deed)
            else worker.come_to(lambda it: isinstance(it, step), timedelta(days=6))
        )
        if found is not None:
            worker.take(found, fault)
        self.note_changes(before, worker)

    @rule(second=st.booleans())
    def crash(self, second: bool) -> None:
        self.which(second).crash()

    @rule(duration=MOMENTS)
    def stand_still(self, duration: timedelta) -> None:
        self.clusters[0].adobe.now += duration

    @rule(duration=MOMENTS)
    def go_on(self, duration: timedelta) -> None:
        for cluster in self.clusters:
            cluster.disturbed = cluster.disturbed or len(self.clusters) > 1
        run(self.clusters, duration)

    @rule(number=st.integers(0, 1))
    def somebody_uses(self, number: int) -> None:
        live = self.clusters[0].adobe.live
        if number < len(live) and not self.is_lost(live[number]):
            self.clusters[0].adobe.token(live[number].value)

    def is_lost(self, value: Value) -> bool:
        """Whether one was added whose value never came into a Secret: nobody has it."""
        written = [each.data.values() for cluster in self.clusters for each in cluster.backups]
        given = [cluster.bootstrap.values() for cluster in self.clusters if cluster.bootstrap is not None]
        is_known = any(value.value in values for values in (*written, *given))
        return not is_known and any(value.uuid in cluster.given for cluster in self.clusters)

    @rule(number=st.integers(0, 1), refuses=st.booleans())
    @precondition(lambda self: not self.calm)
    def ims_refuses_what_is_valid(self, number: int, refuses: bool) -> None:
        adobe = self.clusters[0].adobe
        if not refuses:
            adobe.refuses.clear()
        elif number < len(adobe.live):
            self.meddle()
            adobe.refuses.add(adobe.live[number].uuid)

    @rule()
    @precondition(lambda self: not self.calm)
    def a_person_adds(self) -> None:
        self.meddle()
        self.clusters[0].adobe.add()

    @rule(number=st.integers(0, 1))
    @precondition(lambda self: not self.calm)
    def a_person_deletes(self, number: int) -> None:
        self.meddle()
        live = self.clusters[0].adobe.live
        if number < len(live):
            self.clusters[0].adobe.delete(live[number].uuid)

    @rule(second=st.booleans(), number=st.integers(0, 1))
    def a_person_fills_the_bootstrap_secret(self, second: bool, number: int) -> None:
        cluster = self.which(second)
        live = cluster.adobe.live
        if number < len(live):
            cluster.bootstrap = {"client_id": CLIENT_ID, "client_secret": live[number].value}
            cluster.bootstrap_version += 1
            cluster.given.add(live[number].uuid)

    @rule(second=st.booleans(), slot=st.sampled_from(Slot), value=st.sampled_from(["", "nonsense", "bootstrap"]))
    @precondition(lambda self: not self.calm)
    def a_person_edits_the_secret(self, second: bool, slot: Slot, value: str) -> None:
        self.meddle()
        cluster = self.which(second)
        if cluster.secret is not None:
            data = dict(cluster.secret.data)
            data.pop(slot, None)
            if value:
                data[slot] = (cluster.bootstrap or {})["client_secret"] if value == "bootstrap" else value
            cluster.store(cluster.secret.annotations, data)

    @rule(second=st.booleans())
    @precondition(lambda self: not self.calm)
    def a_person_deletes_the_secret(self, second: bool) -> None:
        self.meddle()
        self.which(second).secret = None

    @rule(second=st.booleans())
    @precondition(lambda self: not self.calm)
    def a_person_damages_the_ledger(self, second: bool) -> None:
        self.meddle()
        cluster = self.which(second)
        if cluster.secret is not None:
            cluster.store({LEDGER_ANNOTATION: "{}"}, cluster.secret.data)

    @rule(second=st.booleans(), number=st.integers(0, 30))
    @precondition(lambda self: not self.calm)
    def a_backup_is_restored(self, second: bool, number: int) -> None:
        self.meddle()
        cluster = self.which(second)
        if number < len(cluster.backups):
            backup = cluster.backups[number]
            cluster.promised.clear()
            cluster.store(backup.annotations, backup.data)

    @rule(number=st.integers(0, 30))
    @precondition(lambda self: not self.calm and len(self.clusters) == 2)
    def a_backup_is_restored_in_the_other_cluster(self, number: int) -> None:
        self.meddle()
        east, west = self.clusters
        if number < len(east.backups):
            backup = east.backups[number]
            west.promised.clear()
            west.store(backup.annotations, backup.data)
            west.given |= east.given

    @rule(second=st.booleans(), hours=st.sampled_from([-1000, -25, -1, 0, 1, 25, 1000]))
    def the_clock_is_set(self, second: bool, hours: int) -> None:
        self.which(second).clock_offset = timedelta(hours=hours)

    @rule(second=st.booleans(), suspend=st.booleans())
    def a_person_suspends(self, second: bool, suspend: bool) -> None:
        self.which(second).edit(suspend=suspend)

    @rule(second=st.booleans(), overlap=st.sampled_from([24, 48]), keep=st.booleans())
    def a_person_edits_the_spec(self, second: bool, overlap: int, keep: bool) -> None:
        policy = "Keep" if keep else "Delete"
        self.which(second).edit(overlap=timedelta(hours=overlap), old_secret_policy=policy)

    @rule(second=st.booleans(), text=st.sampled_from(["a", "b", "c"]))
    def a_person_asks_for_a_replacement(self, second: bool, text: str) -> None:
        self.which(second).request(text)

    @rule(second=st.booleans())
    def the_object_is_made_again(self, second: bool) -> None:
        cluster = self.which(second)
        cluster.make_object()
        cluster.edit(overlap=timedelta(hours=24), interval=timedelta(days=4))

    @invariant()
    def there_are_two_at_most(self) -> None:
        for cluster in getattr(self, "clusters", ()):
            assert len(cluster.adobe.live) <= 2

    def teardown(self) -> None:
        """Left alone, it converges, or says what a person must do."""
        for cluster in getattr(self, "clusters", ()):
            cluster.edit(suspend=False, old_secret_policy="Delete")
            cluster.disturbed = True
            cluster.adobe.refuses.clear()
        if not getattr(self, "clusters", ()):
            return
        run(self.clusters, timedelta(days=6))
        tokens, days = self.clusters[0].adobe.tokens, 1
        run(self.clusters, timedelta(days=days))
        assert self.clusters[0].adobe.tokens - tokens <= 3 * 160 * days * len(self.clusters)
        for cluster in self.clusters:
            last = cluster.last
            assert isinstance(last, Wait | Refuse)
            reason = last.finding.reason
            if not self.meddled:
                assert cluster.works()
                fine = {Reason.IN_PLACE, Reason.DRAINING, Reason.PROVING, Reason.ADDED_CLIENT_SECRET_UNKNOWN}
                assert reason in fine | ({Reason.OLD_CLIENT_SECRET_IN_USE} if self.hides else set())
            elif reason is Reason.IN_PLACE:
                assert cluster.ledger is not None
                assert isinstance(cluster.ledger.phase, Steady)
                assert [value.uuid for value in cluster.adobe.live] == [cluster.ledger.current.uuid]
            else:
                fine = {Reason.DRAINING, Reason.PROVING, Reason.ADDED_CLIENT_SECRET_UNKNOWN}
                assert reason in FOR_A_PERSON | fine


World.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWorld = World.TestCase
