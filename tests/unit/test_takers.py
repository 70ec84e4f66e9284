"""Who is woken for whom: the takers of a source by the consent of both, and nobody else, whatever the order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Credential, Key, SecretTemplate
from adobe_ims_operator.api.source import ClientRef, SharedWith, TokenFrom
from adobe_ims_operator.cache.namespace_limit import NamespaceLimit
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.source import Shared, Unshared, Unwatched
from unit import worlds
from unit.worlds import NOW, facts, token_secret

SOURCE = Key("photos", "lightroom")
TOKEN = Key("photos", "lightroom-token")


class Seen(Store):
    """A store that keeps whom it woke."""

    def __init__(self) -> None:
        self.enqueued: list[Key] = []
        self.woken: list[Key] = []
        super().__init__(lambda key, _: self.enqueued.append(key))
        self.wake_takers = lambda source, _: self.woken.extend(self.takers.to_wake(source))
        self.watched_secrets(None, 1)
        self.listed_credentials(None)
        self._versions = iter(range(10, 10**9))

    def put(self, key: Key, **changes: object) -> None:
        changes = {"key": key, "uid": f"uid-of-{key}", "version": next(self._versions)} | changes
        self.upsert_credential(worlds.credential(**changes))

    def source(self, *namespaces: str, **changes: object) -> None:
        spec = worlds.spec(shared_with=SharedWith(namespaces))
        self.put(SOURCE, spec=spec, **({"uid": "uid-1"} | changes))

    def taker(self, namespace: str, name: str = "taken", of: Key = SOURCE) -> Key:
        key = Key(namespace, name)
        self.put(key, spec=worlds.spec(source=TokenFrom(*of), secret=SecretTemplate(name)))
        return key

    def rotate(self, **changes: object) -> None:
        rotation_id = f"{int(NOW.timestamp())}-{next(self._versions):x}"
        known = replace(facts(rotation_id=rotation_id), **changes)  # type: ignore[arg-type]
        self.upsert_secret(TOKEN, token_secret(known, version=next(self._versions)))


@pytest.fixture
def store() -> Seen:
    return Seen()


def test_a_rotation_wakes_the_takers_that_the_source_names_and_nobody_else(store: Seen) -> None:
    store.source("team-a")
    named, other = store.taker("team-a"), store.taker("team-b")
    elsewhere = store.taker("team-a", "elsewhere", Key("photos", "other"))
    store.woken.clear()
    store.enqueued.clear()
    store.rotate()
    assert store.woken == [named]
    assert not {other, elsewhere} & set(store.enqueued)
    assert isinstance(around(store, named), Shared)
    assert isinstance(around(store, other), Unshared), "consent is of a namespace, whatever its credentials name"
    assert isinstance(around(store, elsewhere), Unshared)


def test_a_change_of_the_secret_that_says_nothing_of_the_token_wakes_no_taker(store: Seen) -> None:
    store.source("team-a")
    store.taker("team-a")
    known = facts()
    store.upsert_secret(TOKEN, token_secret(known, version=2000))
    store.woken.clear()
    store.upsert_secret(TOKEN, token_secret(known, version=2001))
    assert store.woken == []
    store.delete_secret(TOKEN, 2002)
    assert store.woken == [Key("team-a", "taken")]


@pytest.mark.parametrize(
    "forged", [{"credential": "team-a/x"}, {"credential_uid": "uid-2"}, {"credential": "photos/x"}]
)
def test_a_secret_that_says_it_is_of_another_credential_wakes_no_taker(store: Seen, forged: dict[str, str]) -> None:
    store.source("team-a")
    store.taker("team-a")
    store.woken.clear()
    store.rotate(**forged)
    assert store.woken == []


def test_who_gains_or_loses_consent_is_woken_and_who_is_named_by_strangers_is_not(store: Seen) -> None:
    taker = store.taker("team-a")
    store.woken.clear()
    store.source()
    assert store.woken == []
    store.source("team-a")
    assert store.woken == [taker]
    store.source("team-b")
    assert store.woken == [taker, taker]
    store.source()
    assert store.woken == [taker, taker]


def test_a_source_that_is_deleted_or_made_again_wakes_its_takers(store: Seen) -> None:
    store.source("team-a")
    taker = store.taker("team-a")
    store.woken.clear()
    store.delete_credential(SOURCE, "uid-1")
    assert store.woken == [taker]
    assert isinstance(around(store, taker), Unshared)
    store.source("team-a", uid="uid-2")
    assert store.woken == [taker, taker]


def around(store: Store, key: Key) -> object:
    found = store.surroundings(key, NOW)
    assert found is not None
    return found.source


def test_the_facts_of_a_secret_count_only_where_it_was_made_for_the_source(store: Seen) -> None:
    store.source("team-a")
    taker = store.taker("team-a")
    store.rotate()
    found = around(store, taker)
    assert isinstance(found, Shared)
    assert found.rotation is not None
    store.upsert_secret(TOKEN, token_secret(facts(), version=10**6, credential_uid="uid-2"))
    found = around(store, taker)
    assert isinstance(found, Shared)
    assert found.facts is None


def test_consent_is_not_read_from_a_cache_that_is_not_whole(store: Seen) -> None:
    store.source("team-a")
    taker = store.taker("team-a")
    assert isinstance(around(store, taker), Shared)
    assert store.knows_source(taker)
    store.synced.is_served = lambda namespace: namespace != "photos"
    assert isinstance(around(store, taker), Unwatched)
    assert store.knows_source(taker), "that it is not watched is known"
    store.synced.lost_credentials(["photos"])
    store.synced.is_served = lambda _: True
    assert isinstance(around(store, taker), Unwatched), "consent may have been withdrawn meanwhile"
    assert not store.knows_source(taker)
    store.enqueued.clear()
    store.listed_credentials("photos")
    assert taker in store.enqueued
    assert isinstance(around(store, taker), Shared)
    store.forget_versions()
    store.watched_secrets("team-a", 1)
    store.listed_credentials("team-a")
    assert isinstance(around(store, taker), Unwatched)
    assert not store.knows_source(taker)
    store.enqueued.clear()
    store.watched_secrets("photos", 1)
    store.listed_credentials("photos")
    assert taker in store.enqueued, "who waits for the namespace of its source is looked at once that is known"


def test_a_source_whose_texts_are_too_large_to_be_kept_shares_nothing(store: Seen) -> None:
    namespaces = [f"{number:063d}" for number in range(1000)]
    for number in range(310):
        spec = worlds.spec(shared_with=SharedWith(tuple(f"{name[:-4]}{number:04d}" for name in namespaces)))
        store.put(Key("photos", f"c{number}"), spec=spec)
    refused = [each for each in store.credentials.values() if each.spec.invalid]
    kept = [each for each in store.credentials.values() if not each.spec.invalid]
    assert len(kept) * 1000 * 112 <= 32 * 2**20
    assert refused
    assert all(each.spec.shared_with.namespaces == () for each in refused)


NAMES = st.sampled_from(["a", "b", "c"])
KEYS = st.builds(Key, NAMES, NAMES)
SPECS = st.one_of(
    st.builds(lambda names: worlds.spec(source=ClientRef("o"), shared_with=SharedWith(tuple(names))), st.sets(NAMES)),
    st.builds(lambda key: worlds.spec(source=TokenFrom(*key)), KEYS),
)


@given(st.lists(st.tuples(KEYS, SPECS | st.none()), max_size=30))
def test_takers_are_those_that_name_and_are_named_whatever_came_first(changes: list[tuple[Key, object]]) -> None:
    store = Seen()
    for key, spec in changes:
        if spec is None:
            store.delete_credential(key, f"uid-of-{key}")
        else:
            store.put(key, spec=spec)
    for source in [Key(a, b) for a in "abc" for b in "abc"]:
        known = store.credentials.get(source)
        names = () if known is None else known.spec.shared_with.namespaces
        wanted = {k for k, each in store.credentials.items() if each.spec.taken_from == source and k.namespace in names}
        assert set(store.takers.of(source)) == wanted


# How many a namespace may have


def aged(name: str, days: int) -> Credential:
    return worlds.credential(key=Key("photos", name), uid=f"uid-of-{name}", created=NOW + timedelta(days=days))


@given(st.permutations(range(6)), st.integers(1, 6))
def test_the_youngest_are_beyond_the_limit_in_whatever_order_they_are_listed(order: list[int], most: int) -> None:
    limit = NamespaceLimit(most)
    for number in order:
        limit.add(aged(str(number), number))
    assert [limit.is_beyond(aged(str(number), number)) for number in range(6)] == [n >= most for n in range(6)]
    assert limit.remove(aged("0", 0)) == (Key("photos", str(most)) if most < 6 else None)


def test_who_comes_within_the_limit_or_falls_beyond_it_is_looked_at(store: Seen) -> None:
    store.limit = NamespaceLimit(1)
    old, young = aged("old", 1), aged("young", 2)
    store.upsert_credential(young)
    store.enqueued.clear()
    store.upsert_credential(old)
    assert young.key in store.enqueued
    assert (limit_of(store, old.key), limit_of(store, young.key)) == (None, 1)
    store.upsert_credential(replace(old, version=11))
    store.enqueued.clear()
    store.delete_credential(old.key, old.uid)
    assert young.key in store.enqueued
    assert limit_of(store, young.key) is None


def limit_of(store: Store, key: Key) -> int | None:
    found = store.surroundings(key, NOW)
    assert found is not None
    return found.limit
