"""A world in which client secrets are replaced: clusters with a process each, at one Adobe, and the faults of all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cache, lru_cache

from adobe_ims_operator.api.client_secret import Bootstrap, ClientSecretResource, ClientSecretSpec, ManagedSecretRef
from adobe_ims_operator.api.client_secret_ledger import Ledger, NoLedger, Slot, digest_client_secret, read_ledger
from adobe_ims_operator.api.client_secret_status import ClientSecretStatus
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Endpoint, Trouble
from adobe_ims_operator.core.replacement import attempts, checks, obstacles
from adobe_ims_operator.core.replacement.decide import decide
from adobe_ims_operator.core.replacement.decision import (
    Add,
    AskToken,
    Decision,
    Deed,
    Delete,
    List,
    ReadBootstrap,
    ReadSecret,
    Refuse,
    Wait,
    Write,
)
from adobe_ims_operator.core.replacement.listing import AddedClientSecret
from adobe_ims_operator.core.replacement.model import (
    Added,
    BootstrapSeen,
    ManagedSecret,
    Memory,
    Now,
    Observed,
    Source,
    Step,
    UnreadSecret,
)
from adobe_ims_operator.core.replacement.status import problem_of, to_status
from unit.replacement.adobe import CLIENT_ID, START, Adobe

IMS = Endpoint("https://ims.example.com", allowed=True)
CONSOLE = Endpoint("https://console.example.com", allowed=True)


NO_KEY = Finding(Reason.CLIENT_SECRET_KEY_MISSING, "no text under the key")
DOWN = Trouble(Finding(Reason.CONSOLE_UNAVAILABLE, "it does not answer"), Pace.IMS)
REFUSED = Trouble(Finding(Reason.MANAGEMENT_NOT_PERMITTED, "no"), Pace.PERSON)


class Fault(Enum):
    """What goes wrong with one step."""

    NONE = "nothing"
    CRASH_BEFORE = "the process dies before the deed"
    CRASH_AFTER = "the process dies after the deed"
    ANSWER_LOST = "the deed is done, and no answer comes"
    NOT_DONE = "the deed is not done, and no answer comes"
    DEFINITE = "the other side refuses, and says so"
    CONFLICT = "somebody writes the Secret in between"


_SURE = {
    Deed.TAKE_OVER,
    Deed.INTEND_TO_ADD,
    Deed.KEEP_ADDED_ALONE,
    Deed.NOTE_ACCEPTED,
    Deed.PROMOTE,
    Deed.SWITCH_BACK,
    Deed.INTEND_TO_DELETE,
}
"""The deeds after which the data is what the ledger says, even where somebody changed it before."""


_MOST_TURNS = 400
"""Turns of a process in an hour at most: a wait of a second that leads to nothing is one that never ends."""


class BreachError(AssertionError):
    """Something happened that never may."""


@dataclass(frozen=True)
class StoredSecret:
    """A Secret in a cluster."""

    version: int
    annotations: dict[str, str]
    data: dict[str, str]


def spec(**changes: object) -> ClientSecretSpec:
    made = ClientSecretSpec("23294", "436084", Bootstrap("oauth"), ManagedSecretRef("client"))
    return replace(made, **changes)  # type: ignore[arg-type]


# The same values are looked at some hundred thousand times.


@cache
def _digest(value: str) -> str:
    return digest_client_secret(spec().credential, value)


@lru_cache(1000)
def _read(*annotations: tuple[str, str]) -> Ledger | NoLedger:
    return read_ledger(dict(annotations))


@dataclass
class Cluster:
    """One cluster: its objects, and the process that works on them."""

    adobe: Adobe
    bootstrap: dict[str, str] | None
    name: str = "east"
    bootstrap_version: int = 1
    secret: StoredSecret | None = None
    version: int = 10
    clock_offset: timedelta = timedelta()
    resource: ClientSecretResource = field(init=False)
    memory: Memory = field(init=False)
    read_version: int | None = None
    given: set[str] = field(default_factory=set)
    """Uuids that it added, or was given by a person."""
    posts: list[datetime] = field(default_factory=list)
    """The intents for which POST was sent."""
    backups: list[StoredSecret] = field(default_factory=list)
    deeds: list[Deed | str] = field(default_factory=list)
    last: Decision | None = None
    disturbed: bool = False
    """Whether somebody else acted since the last list."""
    reports: bool = False
    """Whether each turn writes the status."""
    promised: dict[str, timedelta] = field(default_factory=dict)
    """The overlap that was in the spec when each left its place."""
    passes: timedelta = timedelta()
    """How long each step takes."""
    turns: tuple[int, int] = (0, 0)
    """An hour, and how many turns there were in it."""

    def __post_init__(self) -> None:
        self.make_object()

    def make_object(self) -> None:
        """Make the object, or make it again."""
        self.version += 1
        self.resource = ClientSecretResource(
            Key("photos", "lightroom"), f"uid-{self.version}", 1, self.version, START, deleting=False,
            rotate_request="", spec=spec(), status=ClientSecretStatus(),
        )  # fmt: skip
        self.crash()

    def edit(self, **changes: object) -> None:
        changed = replace(self.resource.spec, **changes)  # type: ignore[arg-type]
        self.resource = replace(self.resource, spec=changed, generation=self.resource.generation + 1)

    def request(self, text: str) -> None:
        self.resource = replace(self.resource, rotate_request=text)

    def crash(self) -> None:
        """The process is gone, and another one begins."""
        version = None if self.bootstrap is None else self.bootstrap_version
        self.memory = attempts.begin(self.resource.uid, None, version, checks.recall(self.resource, self.now))
        self.read_version = None

    @property
    def now(self) -> Now:
        monotonic = (self.adobe.now - START).total_seconds()
        return Now(self.adobe.now + self.clock_offset, monotonic)

    def _digests(self) -> set[str]:
        data = {} if self.secret is None else self.secret.data
        return {self.digest(text) for text in data.values()}

    def digest(self, value: str) -> str:
        return _digest(value)

    def observe(self) -> Observed:
        state: ManagedSecret | UnreadSecret | None = None
        if self.secret is not None:
            state = UnreadSecret(self.secret.version)
            if self.read_version == self.secret.version:
                digests = {slot: self.digest(self.secret.data[slot]) for slot in Slot if slot in self.secret.data}
                ledger = _read(*self.secret.annotations.items())
                state = ManagedSecret(self.secret.version, ledger, self.secret.data.get("client_id"), digests)
        version = None if self.bootstrap is None else self.bootstrap_version
        return Observed(self.resource, state, version, IMS, CONSOLE, self.memory)

    @property
    def ledger(self) -> Ledger | None:
        ledger = NoLedger.ABSENT if self.secret is None else _read(*self.secret.annotations.items())
        return ledger if isinstance(ledger, Ledger) else None

    def values(self) -> Iterator[str]:
        """The client secrets in the managed Secret."""
        if self.secret is not None and self.ledger is not None:
            yield from (self.secret.data[slot] for slot in Slot if slot in self.secret.data)

    def works(self) -> bool:
        """Whether the managed Secret has a client secret that is valid at Adobe."""
        live = {value.value for value in self.adobe.live}
        return any(value in live for value in self.values())

    # What the process does.

    def turn(self, fault: Fault = Fault.NONE, most: int = 60) -> Decision:
        """Take steps until there is nothing to do for now; the fault is of the last step of those that are asked for.

        Args:
            most: steps at most; where it is less than enough, the turn ends in the middle.
        """
        for number in range(most):
            decision = decide(self.observe(), self.now)
            self.last = decision
            if isinstance(decision, Wait | Refuse):
                return decision
            self.take(decision, fault if number == most - 1 else Fault.NONE)
        assert self.last is not None
        return self.last

    def settle(self) -> Wait | Refuse:
        """Take steps until there is nothing to do for now, and see that this comes soon."""
        decision = self.turn(most=60)
        if not isinstance(decision, Wait | Refuse):
            raise BreachError(f"it goes on and on: {self.deeds[-12:]}")
        if decision.until <= self.now.wall:
            raise BreachError(f"waits for a moment that is past: {decision}")
        if self.reports:
            self.report(decision)
        return decision

    def count_turn(self) -> None:
        """See that there are not too many turns of an hour in which nobody but time changes anything."""
        hour = int(self.now.monotonic // 3600)
        self.turns = (hour, self.turns[1] + 1 if self.turns[0] == hour else 1)
        if self.turns[1] > _MOST_TURNS:
            raise BreachError(f"{self.turns[1]} turns in an hour, the last of them with {self.last}")

    def report(self, decision: Decision, users: tuple[Key, ...] = ()) -> ClientSecretStatus:
        """Write the status that follows from a decision; it."""
        observed = self.observe()
        self.memory = obstacles.note(observed, problem_of(observed, decision, self.now), self.now)
        status = to_status(replace(self.observe(), users=users), decision, self.now)
        self.resource = replace(self.resource, status=status)
        return status

    def come_to(self, fits: Callable[[Decision], bool], most: timedelta) -> Decision | None:
        """Let time pass until it decides to do what fits, which is not done yet; None where that takes too long."""
        end = self.adobe.now + most
        while self.adobe.now < end:
            decision = decide(self.observe(), self.now)
            if fits(decision):
                return decision
            if isinstance(decision, Wait | Refuse):
                self.adobe.now = max(decision.until - self.clock_offset, self.adobe.now + timedelta(seconds=1))
            else:
                self.take(decision, Fault.NONE)
        return None

    def take(self, decision: Decision, fault: Fault) -> None:
        """Take one step, with a fault."""
        worked = self.works()
        if fault is Fault.CRASH_BEFORE:
            self.crash()
        elif fault is Fault.NOT_DONE or (fault is Fault.DEFINITE and not isinstance(decision, Add | Write | AskToken)):
            self._before(decision)
            self._fail(decision, DOWN)
        elif fault is Fault.DEFINITE and isinstance(decision, Add):
            self._before(decision)
            refused = attempts.add_refused(self.memory)
            self.memory = attempts.failed(refused, self.observe(), Step.ADD, REFUSED, self.now, 0.0)
        else:
            if fault is Fault.CONFLICT and self.secret is not None:
                self.store(self.secret.annotations, self.secret.data)
            self._before(decision)
            before = self.memory
            self._do(decision, conflict=fault is Fault.CONFLICT)
            self.adobe.now += self.passes
            if fault is Fault.ANSWER_LOST:
                self.memory = before
                self._fail(decision, DOWN)
            if fault is Fault.CRASH_AFTER:
                self.crash()
        if worked and not self.works():
            raise BreachError(f"{decision} leaves no client secret that works")

    def _before(self, decision: Decision) -> None:
        if isinstance(decision, AskToken):
            self.memory = attempts.asking(self.memory, decision.digest, self.now, 0.0)
        if isinstance(decision, Add):
            self.memory = attempts.adding(self.memory)
        if isinstance(decision, Delete):
            self.memory = attempts.deleting(self.memory)

    def _fail(self, decision: Decision, trouble: Trouble) -> None:
        steps = {ReadSecret: Step.READ_SECRET, ReadBootstrap: Step.READ_BOOTSTRAP, AskToken: Step.ASK, List: Step.LIST}
        steps |= {Add: Step.ADD, Delete: Step.DELETE, Write: Step.WRITE}
        step = steps[type(decision)]
        self.memory = attempts.failed(self.memory, self.observe(), step, trouble, self.now, 0.0)

    def _do(self, decision: Decision, *, conflict: bool) -> None:
        match decision:
            case ReadSecret():
                self.read_version = None if self.secret is None else self.secret.version
                self.memory = attempts.saw_secret(self.memory)
            case ReadBootstrap():
                data = self.bootstrap or {}
                keys = self.resource.spec.bootstrap
                seen = BootstrapSeen(self.bootstrap_version, keys, None, None, NO_KEY)
                if keys.id_key in data and keys.secret_key in data:
                    client_id, digest = data[keys.id_key], self.digest(data[keys.secret_key])
                    seen = BootstrapSeen(self.bootstrap_version, keys, client_id, digest, None)
                self.memory = attempts.saw_bootstrap(self.memory, seen)
            case AskToken():
                self._ask(decision)
            case List():
                reported = self.resource.status.client_secrets
                self.memory = attempts.listed(self.memory, self.adobe.list(), self.now, reported)
                self.disturbed = False
            case Add():
                self._add()
            case Delete(uuid=uuid):
                self._delete(uuid)
            case Write():
                self._write(decision, conflict=conflict)
            case Wait() | Refuse():
                pass

    def _value(self, source: Source) -> str:
        if source is Source.BOOTSTRAP:
            return (self.bootstrap or {})[self.resource.spec.bootstrap.secret_key]
        if source is Source.ADDED:
            assert self.memory.added is not None
            return self.memory.added.secret.value
        assert self.secret is not None
        return self.secret.data[source.value]

    def _ask(self, ask: AskToken) -> None:
        value = self._value(ask.source)
        if self.digest(value) != ask.digest:
            raise BreachError("a token would be asked with another value than was meant")
        date = self.adobe.now.replace(microsecond=0)
        if self.adobe.token(value):
            found = self.adobe.by_value(value)
            if found is not None:
                self.given.add(found.uuid)
            self.memory = attempts.accepted(self.memory, self.observe(), ask.digest, date, self.now)
        else:
            self.memory = attempts.refused(self.memory, self.observe(), ask.digest, self.now)

    def _add(self) -> None:
        ledger = self.ledger
        if ledger is None or self.memory.intent is None:
            raise BreachError("POST without an intent")
        if self.memory.intent.at in self.posts:
            raise BreachError("a second POST for one intent")
        if not self.disturbed and len(self.adobe.live) != 1:
            raise BreachError(f"POST while Adobe has {len(self.adobe.live)}")
        self.posts.append(self.memory.intent.at)
        self.deeds.append("POST")
        value = self.adobe.add()
        if value is None:
            refused = attempts.add_refused(self.memory)
            self.memory = attempts.failed(refused, self.observe(), Step.ADD, REFUSED, self.now, 0.0)
            return
        self.given.add(value.uuid)
        secret, date = AddedClientSecret(value.uuid, value.value), self.adobe.now.replace(microsecond=0)
        added = Added(secret, ledger.credential, ledger.client_id, self.digest(value.value), date, self.resource.uid)
        self.memory = attempts.added(self.memory, added)

    def _delete(self, uuid: str) -> None:
        value, now = self.adobe.all[uuid], self.adobe.now
        overlap = max(self.resource.spec.overlap, self.promised.get(uuid, timedelta()))
        if value.was_in_place and not value.shown(now):
            raise BreachError(f"DELETE of {uuid}, which was in place, and of which Adobe shows no use")
        hidden = value.lag + timedelta(minutes=1)
        late = [use for use in value.uses if now - overlap - timedelta(hours=24) < use <= now - hidden]
        if late:
            raise BreachError(f"DELETE of {uuid}, which was used at {late[-1]}, at {now}")
        if uuid not in self.given and value.uses:
            raise BreachError(f"DELETE of {uuid}, which is somebody else's, and was used")
        if value.deleted_at is None and len(self.adobe.live) == 1:
            raise BreachError("DELETE of the last client secret")
        self.deeds.append("DELETE")
        self.adobe.delete(uuid)
        self.memory = attempts.deleted(self.memory, uuid)

    def _write(self, write: Write, *, conflict: bool) -> None:
        if conflict:
            self._fail(write, DOWN)
            return
        if self.secret is not None and self.read_version != self.secret.version:
            raise BreachError("a write of a Secret that was not read")
        data = {slot.value: self._value(source) for slot, source in write.data.items()}
        digests = {slot: self.digest(text) for slot, text in data.items()}
        said = {slot.value: held.digest for slot, held in write.ledger.held.items()}
        lost = said.get(Slot.PREVIOUS.value)
        if write.deed is Deed.INTEND_TO_DELETE and lost not in self._digests():
            said.pop(Slot.PREVIOUS.value, None)  # it is to go, and somebody took its value
        if write.deed in _SURE and any(digests.get(slot) != digest for slot, digest in said.items()):
            raise BreachError(f"the ledger does not say what is written: {write}")
        for slot, source in write.data.items():
            makes_way = write.deed is Deed.KEEP_NEXT and source is Source.NEXT and slot not in write.ledger.held
            if slot.value != source.value and digests[slot.value] != said.get(slot.value) and not makes_way:
                raise BreachError(f"what is moved is not what the ledger says, and is never written: {write}")
        others = {} if self.secret is None else self.secret.data
        kept = {key: text for key, text in others.items() if key not in (*Slot, "client_id")}
        held = write.ledger.current.digest
        if held in self._digests() and held not in digests.values():
            raise BreachError(f"the current client secret is written over: {write}")
        self.deeds.append(write.deed)
        before, current = self.ledger, write.ledger.current.uuid
        self.adobe.all[current].was_in_place = True
        if before is not None and before.current.uuid != current:
            self.promised[before.current.uuid] = self.resource.spec.overlap
        self.store(write.ledger.to_annotations(), {**kept, "client_id": write.ledger.client_id, **data})
        self.read_version = self.version
        self.memory = attempts.written(self.memory, write, self.now, 0.0)

    def store(self, annotations: dict[str, str], data: dict[str, str]) -> None:
        """Write the managed Secret, whoever does it."""
        self.version += 1
        self.secret = StoredSecret(self.version, dict(annotations), dict(data))
        self.backups.append(self.secret)

    # What applications do.

    def use(self) -> None:
        """An application asks for a token, with the first client secret of the managed Secret that works."""
        if self.secret is None:
            return
        for slot in (Slot.CURRENT, Slot.PREVIOUS):
            if slot in self.secret.data and self.adobe.token(self.secret.data[slot]):
                return


def run(clusters: Sequence[Cluster], duration: timedelta) -> None:
    """Let time pass, with the processes of all clusters at work, and an application in each that asks once a day."""
    adobe = clusters[0].adobe
    begun, next_use = adobe.now, adobe.now + timedelta(hours=23)
    end = begun + duration
    while adobe.now < end:
        if adobe.now >= next_use:
            next_use += timedelta(hours=23)
            for cluster in clusters:
                cluster.use()
        moments = [end, next_use]
        for cluster in clusters:
            until = cluster.settle().until - cluster.clock_offset
            if adobe.now > begun:  # the first turn is because of who calls
                cluster.count_turn()
            moments.append(max(until, adobe.now + timedelta(seconds=1)))
        adobe.now = min(moments)


def first_cluster(**adobe: object) -> Cluster:
    """A cluster with a client that a person got from the console."""
    return cluster_at(Adobe(**adobe))  # type: ignore[arg-type]


def cluster_at(adobe: Adobe, *, reports: bool = False) -> Cluster:
    """The same, where Adobe has nothing yet."""
    value = adobe.add()
    assert value is not None
    value.accepted_from = adobe.now
    adobe.now += timedelta(days=30)
    cluster = Cluster(adobe, {"client_id": CLIENT_ID, "client_secret": value.value}, reports=reports)
    cluster.given.add(value.uuid)
    return cluster
