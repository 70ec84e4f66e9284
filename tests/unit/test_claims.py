"""Who may write a Secret that several credentials name, in small worlds of credentials and one Secret."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.origin import Origin
from adobe_ims_operator.api.resource import Credential, Key, SecretTemplate
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.claims import client_refusal, holds, must_look_up, refusal, takes_over
from adobe_ims_operator.core.decision import Ask, Look, Refuse, Take, Write, WriteMetadata
from adobe_ims_operator.core.model import Attempts, Endpoint, Observed, ObservedSecret, Step
from adobe_ims_operator.core.observe import observe
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.core.rivals import Hold, Holder
from unit.worlds import ENDPOINT, NOW, client_of, facts, spec, token_secret

X = Key("photos", "x")
NAMES = ["a", "b", "c", "d"]
MINUTE = timedelta(minutes=1)
HAD = Status(secret_name="x", last_rotation_time="2026-11-24T09:00:00Z")


def credential(
    name: str, age: int = 0, *, token: str = X.name, client: str = "oauth", adopt: bool = False, had: bool = False
) -> Credential:
    template = SecretTemplate(token, adopt=adopt)
    return Credential(
        key=Key("photos", name),
        uid=f"uid-of-{name}",
        generation=1,
        version=10,
        created=NOW - age * MINUTE,
        deleting=False,
        rotate_request="",
        spec=spec(source=ClientRef(client), secret=template),
        status=replace(HAD, secret_name=token) if had else Status(),
    )


def made_for(name: str, uid: str | None = None, *, retained: bool = False) -> ObservedSecret:
    """The Secret x as it was written for a credential."""
    uid = uid or f"uid-of-{name}"
    known = facts(credential=f"photos/{name}", credential_uid=uid, secret="photos/x")
    return token_secret(known, credential_uid=uid, controller_uid=None if retained else uid)


def look(store: Store, name: str, now: datetime = NOW) -> Observed | None:
    """What is observed of a credential, whose token Secret has been looked into."""
    around = store.surroundings(Key("photos", name), now)
    if around is None:
        return None
    return replace(observe(around, Attempts("uid"), Endpoint(ENDPOINT, allowed=True)), intact=True)


def copied(name: str, *, moved: bool = True, retained: bool = False) -> ObservedSecret:
    """The Secret x as a copy of one that was written for a credential of another namespace."""
    elsewhere = Key("before", "x" if moved else "y")
    origin = Origin(elsewhere, Key("before", name), "uid-before", moved)
    plain = token_secret(None, credential_uid=None, controller_uid=None if retained else "uid-before", origin=origin)
    return replace(plain, owner=f"AdobeIMSCredential {name}")


FOREIGN = token_secret(None, credential_uid=None, controller_uid=None)


@dataclass(frozen=True)
class World:
    """Credentials of one namespace, the Secret x, and what a lookup of its holder tells."""

    credentials: tuple[Credential, ...]
    secret: ObservedSecret | None
    looked_up: Holder | None = None

    def store(self) -> Store:
        store = Store(lambda _key, _after: None)
        for each in self.credentials:
            store.upsert_credential(each)
        if self.secret is not None:
            store.upsert_secret(X, self.secret)
            uid = self.secret.origin.credential_uid if self.secret.origin else self.secret.credential_uid
            if self.looked_up is not None and uid is not None:
                store.note_holder(X, uid, self.looked_up)
        return store

    def observe(self, name: str) -> Observed:
        observed = look(self.store(), name)
        assert observed is not None
        return observed

    def claimants(self) -> Iterator[Observed]:
        """Those that would put their token into x."""
        store = self.store()
        for each in self.credentials:
            observed = look(store, each.key.name)
            if observed is not None and each.spec.secret.name == "x":
                yield observed

    def permitted(self) -> list[str]:
        """Who may write x now, be it after a lookup."""
        return [observed.key.name for observed in self.claimants() if refusal(observed) is None]

    def holder(self) -> str | None:
        """The watched credential that has x."""
        if self.secret is None:
            return None
        return next((o.key.name for o in self.claimants() if o.uid == self.secret.credential_uid), None)


@st.composite
def credentials(draw: st.DrawFn) -> tuple[Credential, ...]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    return tuple(
        credential(
            name,
            draw(st.integers(0, 2)),
            token=draw(st.sampled_from(["x", "x", "x", "y"])),
            client=draw(st.sampled_from(["oauth", "oauth", "z"])),
            adopt=draw(st.booleans()),
            had=draw(st.booleans()),
        )
        if draw(st.integers(0, 4))
        else credential(name, draw(st.integers(0, 2)), token=f"token-of-{name}", client="x")
        for name in names
    )


secrets = st.one_of(
    st.none(),
    st.just(FOREIGN),
    st.just(replace(FOREIGN, controller_uid="another", owner="Deployment web")),
    st.builds(
        lambda name, uid, retained: made_for(name, uid, retained=retained),
        st.sampled_from(NAMES),
        st.sampled_from([None, None, "uid-before"]),
        st.booleans(),
    ),
    st.builds(lambda name: replace(made_for(name), facts=None), st.sampled_from(NAMES)),
    st.builds(
        lambda name, moved, retained: copied(name, moved=moved, retained=retained),
        st.sampled_from(NAMES),
        st.booleans(),
        st.booleans(),
    ),
)
lookups = st.sampled_from([None, *(Holder(hold, NOW + MINUTE) for hold in (Hold.GONE, Hold.HELD, Hold.UNREACHABLE))])
worlds = st.builds(World, credentials(), secrets, lookups)


@given(worlds)
def test_at_most_one_may_write(world: World) -> None:
    assert len(world.permitted()) <= 1


@given(worlds)
def test_who_has_the_secret_may_write_it_and_nobody_else(world: World) -> None:
    if (holder := world.holder()) is not None:
        assert world.permitted() == [holder]


@given(worlds)
def test_a_secret_whose_holder_is_not_watched_is_written_by_nobody_before_it_was_looked_up(world: World) -> None:
    secret = world.secret
    if secret is None or secret.credential_uid is None or secret.credential in {c.key for c in world.credentials}:
        return
    for observed in world.claimants():
        if refusal(observed) is None:
            assert takes_over(observed)
            assert must_look_up(observed) is (world.looked_up is None)
            assert observed.holder.hold in (Hold.UNSEEN, Hold.GONE)


@given(worlds)
def test_where_nobody_has_it_somebody_may_write_it_unless_each_has_a_reason_of_its_own(world: World) -> None:
    if world.permitted() or world.holder() is not None or not any(world.claimants()):
        return
    if world.secret is not None and world.looked_up is not None and world.looked_up.hold is not Hold.GONE:
        return
    users = any(client_of(each.spec).secret_name == "x" for each in world.credentials)
    alone = [replace(world, credentials=(each,)).permitted() for each in world.credentials]
    assert users or not any(alone)


@given(worlds)
def test_adopt_never_takes_a_secret_from_a_credential_that_has_it(world: World) -> None:
    if (holder := world.holder()) is None:
        return
    for observed in world.claimants():
        if observed.key.name != holder:
            found = refusal(observed)
            assert found is not None
            assert (found.reason, holder in found.message) == ("SecretNotOwned", True)
            assert "adopt" not in found.message


@given(worlds)
def test_of_a_token_and_a_client_secret_of_one_name_one_has_it(world: World) -> None:
    for name in [each.key.name for each in world.credentials if client_of(each.spec).secret_name == "x"]:
        if world.secret is None and world.permitted():
            assert client_refusal(world.observe(name)) is not None


class TestWhereThereIsNoSecret:
    @pytest.mark.parametrize(
        ("some", "who"),
        [
            ([credential("a", 1), credential("b", 2)], "b"),
            ([credential("a", 1, had=True), credential("b", 2)], "a"),
            ([credential("a", 1), credential("b", 2, client="x", token="y")], None),
            ([credential("a", 2), credential("b", 1, client="x", token="y")], "a"),
            ([credential("a", 1, had=True), credential("b", 2, client="x", token="y")], "a"),
        ],
    )
    def test_who_had_it_last_goes_first_and_then_the_oldest(self, some: list[Credential], who: str | None) -> None:
        assert World(tuple(some), None).permitted() == ([who] if who else [])

    def test_a_younger_credential_does_not_take_a_token_secret_for_its_client_secret(self) -> None:
        world = World((credential("a", 2), credential("b", 1, client="x", token="y")), None)
        found = client_refusal(world.observe("b"))
        assert found is not None
        assert "AdobeIMSCredential a puts its token" in found.message
        decision = decide(world.observe("b"), NOW)
        assert isinstance(decision, Refuse)
        assert decision.finding == found


class TestWhereNobodyHasTheSecretAnyMore:
    def test_a_successor_of_the_same_name_goes_before_older_ones(self) -> None:
        some = (credential("a"), credential("b", 2, adopt=True))
        assert World(some, made_for("a", "uid-before", retained=True)).permitted() == ["a"]

    def test_one_that_its_holder_gave_up_is_for_the_oldest_of_those_that_name_it(self) -> None:
        some = (credential("a", 3, token="y"), credential("b", 1), credential("c", 2))
        assert World(some, made_for("a")).permitted() == ["c"]

    def test_one_that_was_left_on_purpose_is_only_adopted(self) -> None:
        gone = Holder(Hold.GONE, NOW + MINUTE)
        secret = made_for("gone", retained=True)
        assert World((credential("a"),), secret, gone).permitted() == []
        assert World((credential("a", adopt=True), credential("b", 1)), secret, gone).permitted() == ["a"]


class TestACopyOfASecretOfAnotherNamespace:
    GONE = Holder(Hold.GONE, NOW + MINUTE)

    @pytest.mark.parametrize(
        ("secret", "some", "who"),
        [
            (copied("a"), (credential("a"),), ["a"]),
            (copied("a", retained=True), (credential("a"),), ["a"]),
            (copied("b"), (credential("a"),), []),
            (copied("a", moved=False), (credential("a"),), []),
            (copied("a", moved=False, retained=True), (credential("a"),), []),
            (copied("b"), (credential("a", adopt=True),), ["a"]),
            (replace(copied("a"), controller_uid="another"), (credential("a", adopt=True),), []),
        ],
    )
    def test_is_for_a_credential_of_the_same_name_or_one_that_adopts_it(
        self, secret: ObservedSecret, some: tuple[Credential, ...], who: list[str]
    ) -> None:
        assert World(some, secret, self.GONE).permitted() == who

    @given(worlds)
    def test_is_written_by_nobody_before_it_was_looked_up_but_by_who_adopts_it(self, world: World) -> None:
        if world.secret is None or world.secret.origin is None:
            return
        for observed in world.claimants():
            if refusal(observed) is None and not observed.spec.secret.adopt:
                assert must_look_up(observed) is (world.looked_up is None)
                assert takes_over(observed)

    @pytest.mark.parametrize(
        ("looked_up", "words"),
        [
            (Holder(Hold.HELD, NOW + MINUTE), "find out who copies it"),
            (Holder(Hold.UNREACHABLE, NOW + MINUTE, "403 Forbidden"), "can't be looked up: 403 Forbidden"),
        ],
    )
    def test_that_somebody_has_or_may_have_is_refused_in_words(self, looked_up: Holder, words: str) -> None:
        observed = World((credential("a"),), copied("a"), looked_up).observe("a")
        found = refusal(observed)
        assert found is not None
        for each in ("a copy of Secret before/x", "AdobeIMSCredential before/a", "delete it", "adopt", words):
            assert each in found.message
        adopting = World((credential("a", adopt=True),), copied("a"), looked_up).observe("a")
        assert refusal(adopting) is None
        assert not must_look_up(adopting)


class TestALookup:
    def test_is_made_only_where_it_decides(self) -> None:
        decision = decide(client_there(World((credential("a"),), made_for("gone"))), NOW)
        assert isinstance(decision, Look)
        assert decision.step is Step.LOOK_UP
        left = World((credential("a"),), made_for("gone", retained=True))
        assert isinstance(decide(client_there(left), NOW), Refuse)

    @pytest.mark.parametrize("hold", [Hold.HELD, Hold.UNREACHABLE])
    def test_that_does_not_set_the_secret_free_is_made_again_in_time(self, hold: Hold) -> None:
        world = World((credential("a"),), made_for("gone"), Holder(hold, NOW + MINUTE, "403"))
        decision = decide(client_there(world), NOW)
        assert isinstance(decision, Refuse)
        assert decision.finding.reason == "SecretNotOwned"
        assert decision.look_again_at == NOW + MINUTE
        later = look(world.store(), "a", NOW + MINUTE)
        assert later is not None
        assert must_look_up(later)

    @pytest.mark.parametrize(
        ("change", "held"),
        [
            ({}, True),
            ({"uid": "another"}, False),
            ({"name": "y"}, False),
            ({"deletionTimestamp": "2026-11-24T10:00:00Z"}, False),
            ({"generation": "malformed"}, True),
        ],
    )
    def test_finds_a_holder_that_names_the_secret_or_can_not_be_read(self, change: dict[str, Any], held: bool) -> None:
        metadata = {
            "name": "x",
            "namespace": "photos",
            "uid": "uid-1",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-24T10:00:00Z",
        }
        body = {"metadata": metadata | change, "spec": {"client": {"secretRef": {"name": "oauth"}}}}
        assert holds(body, "uid-1", "x") is held

    def test_outlasts_a_change_of_a_status_and_not_one_of_a_spec(self) -> None:
        store = World((credential("a"),), made_for("b"), Holder(Hold.HELD, NOW + MINUTE)).store()
        store.upsert_credential(replace(credential("a", had=True), version=11))
        kept = look(store, "a")
        assert kept is not None
        assert kept.holder.hold is Hold.HELD
        store.upsert_credential(replace(credential("a", adopt=True), version=12))
        forgotten = look(store, "a")
        assert forgotten is not None
        assert forgotten.holder.hold is Hold.UNSEEN

    def test_is_forgotten_when_the_holder_is_seen(self) -> None:
        store = World((credential("a"),), made_for("b"), Holder(Hold.HELD, NOW + MINUTE)).store()
        store.upsert_credential(credential("b", token="x"))
        store.delete_credential(Key("photos", "b"), "uid-of-b")
        observed = look(store, "a")
        assert observed is not None
        assert observed.holder.hold is Hold.UNSEEN


def client_there(world: World) -> Observed:
    return replace(world.observe("a"), client=FOREIGN)


class TestAManagedSecretOfAnAdobeIMSClientSecret:
    @given(worlds)
    def test_is_never_taken_whatever_else_its_metadata_says(self, world: World) -> None:
        """Anybody who may write its annotations may write the facts of a token there, or an owner."""
        if world.secret is None:
            return
        managed = replace(world, secret=replace(world.secret, holds_client=True))
        assert managed.permitted() == []
        for observed in managed.claimants():
            assert not must_look_up(observed)
            found = refusal(observed)
            assert found is not None
            assert "holds the OAuth client of an AdobeIMSClientSecret" in found.message
            decision = decide(replace(observed, client=FOREIGN), NOW)
            assert not isinstance(decision, Ask | Take | Write | WriteMetadata)

    def test_may_be_the_client_secret_of_any_credential(self) -> None:
        managed = replace(FOREIGN, holds_client=True)
        observed = World((credential("a", token="y", client="x"),), managed).observe("a")
        assert client_refusal(replace(observed, client=managed)) is None
