"""What has been seen of the cluster: newer wins, what is affected is enqueued, and what is gone is let go."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import ROTATE_ANNOTATION, Credential, Key, SecretTemplate
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.cache.claimants import MAX_CLAIMANTS
from adobe_ims_operator.cache.store import DELETION_SECONDS, Store
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.surroundings import Surroundings
from unit import worlds
from unit.worlds import NOW, client_of, facts, spec, token_secret

KEY = Key("photos", "lightroom")
TOKEN = Key("photos", "lightroom-token")
CLIENT = Key("photos", "lightroom-oauth")


class Seen(Store):
    """A store that keeps who was enqueued."""

    def __init__(self) -> None:
        self.enqueued: list[Key] = []
        self.after: list[float] = []
        super().__init__(self.note)
        self.wake_crowd = self.note_crowd

    def note(self, key: Key, after: float) -> None:
        self.enqueued.append(key)
        self.after.append(after)

    def note_crowd(self, secret: Key, after: float) -> None:
        for user in self.users(secret):
            self.note(user, after)

    def around(self, key: Key = KEY) -> Surroundings:
        found = self.surroundings(key, NOW)
        assert found is not None
        return found


@pytest.fixture
def store() -> Seen:
    return Seen()


def credential(name: str = "lightroom", version: int = 10, **changes: object) -> Credential:
    plain = worlds.credential(key=Key("photos", name), uid=f"uid-of-{name}", generation=1, version=version)
    return replace(plain, **changes)  # type: ignore[arg-type]


def secret(version: int, **changes: object) -> ObservedSecret:
    return token_secret(None, version=version, credential_uid=None, **changes)


def test_an_older_observation_changes_nothing(store: Seen) -> None:
    store.upsert_credential(credential(version=10))
    store.upsert_credential(credential(version=9, rotate_request="old"))
    store.upsert_secret(CLIENT, secret(20))
    store.upsert_secret(CLIENT, secret(19))
    store.delete_secret(CLIENT, 19)
    assert store.around().credential.rotate_request == ""
    assert store.around().client == secret(20)


@pytest.mark.parametrize("key", [TOKEN, CLIENT])
def test_a_change_of_a_secret_wakes_who_uses_it_and_nobody_else(store: Seen, key: Key) -> None:
    store.upsert_credential(credential())
    other = SecretTemplate("other-token")
    store.upsert_credential(credential("other", spec=spec(secret=other, source=ClientRef("x"))))
    store.enqueued.clear()
    store.after.clear()
    store.upsert_secret(key, secret(20))
    store.delete_secret(key, 21)
    store.upsert_secret(Key("elsewhere", key.name), secret(22))
    assert (store.enqueued, store.after) == ([KEY, KEY], [0, DELETION_SECONDS])


def test_a_deletion_of_the_object_before_does_not_drop_the_one_of_now(store: Seen) -> None:
    store.upsert_credential(credential(uid="uid-old"))
    store.upsert_credential(credential(version=11, uid="uid-new"))
    store.delete_credential(KEY, "uid-old")
    assert store.around().credential.uid == "uid-new"
    store.delete_credential(KEY, "uid-new")
    assert store.surroundings(KEY, NOW) is None
    assert KEY in store.enqueued


def test_a_new_list_of_secrets_drops_those_that_are_gone(store: Seen) -> None:
    store.upsert_credential(credential())
    store.upsert_secret(CLIENT, secret(20))
    store.upsert_secret(Key("elsewhere", "kept"), secret(20))
    store.replace_secrets("photos", {}, 30)
    assert store.around().client is None
    assert Key("elsewhere", "kept") in store.secrets


def test_a_list_does_not_drop_what_was_written_after_it(store: Seen) -> None:
    store.upsert_credential(credential())
    store.upsert_secret(TOKEN, secret(40))
    store.replace_secrets(None, {}, 30)
    assert store.around().secret is not None


def test_of_two_that_name_one_secret_each_sees_the_other_and_both_are_enqueued(store: Seen) -> None:
    store.upsert_credential(credential("elder"))
    store.upsert_credential(credential("younger", created=NOW + timedelta(seconds=1)))
    assert [each.key.name for each in store.around(Key("photos", "younger")).rivals.token] == ["elder"]
    assert [each.key.name for each in store.around(Key("photos", "elder")).rivals.token] == ["younger"]
    store.enqueued.clear()
    store.delete_credential(Key("photos", "elder"), "uid-of-elder")
    assert store.enqueued == [Key("photos", "elder"), Key("photos", "younger")]
    assert store.around(Key("photos", "younger")).rivals.token == ()


def test_a_secret_under_a_name_given_up_is_outgrown_unless_somebody_else_names_it(store: Seen) -> None:
    store.upsert_credential(credential())
    store.upsert_secret(
        TOKEN, token_secret(facts(credential_uid="uid-of-lightroom"), version=20, controller_uid="uid-of-lightroom")
    )
    assert list(store.outgrown_secrets(KEY)) == []
    renamed = spec(secret=SecretTemplate("renamed"))
    store.upsert_credential(credential(version=21, spec=renamed))
    assert [key for key, _ in store.outgrown_secrets(KEY)] == [TOKEN]
    store.upsert_credential(credential("other"))
    assert list(store.outgrown_secrets(KEY)) == []


def test_a_secret_that_waits_for_its_finalizers_is_deleted_once(store: Seen) -> None:
    known = facts(credential_uid="uid-of-lightroom")
    old = token_secret(known, version=20, controller_uid="uid-of-lightroom")
    store.upsert_credential(credential(spec=spec(secret=SecretTemplate("other"))))
    store.upsert_secret(TOKEN, old)
    assert [key for key, _ in store.outgrown_secrets(KEY)] == [TOKEN]
    store.upsert_secret(TOKEN, replace(old, version=21, deleting=True))
    assert list(store.outgrown_secrets(KEY)) == []


def test_a_secret_without_our_owner_reference_is_never_outgrown(store: Seen) -> None:
    store.upsert_credential(credential(spec=spec(secret=SecretTemplate("renamed"))))
    forged = facts(credential_uid="uid-of-lightroom")
    for number, controller in enumerate([None, "somebody else"]):
        key = Key("photos", f"forged-{number}")
        store.upsert_secret(key, token_secret(forged, version=20, controller_uid=controller))
    assert list(store.outgrown_secrets(KEY)) == []


def test_a_managed_secret_of_a_client_is_never_outgrown_whoever_its_metadata_names(store: Seen) -> None:
    store.upsert_credential(credential(spec=spec(secret=SecretTemplate("renamed"))))
    forged = token_secret(facts(credential_uid="uid-of-lightroom"), version=20, controller_uid="uid-of-lightroom")
    store.upsert_secret(TOKEN, replace(forged, holds_client=True))
    assert list(store.outgrown_secrets(KEY)) == []


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back(store: Seen) -> None:
    store.replace_secrets(None, {}, 5)
    store.upsert_credential(credential(version=10))
    store.upsert_own_secret(TOKEN, secret(20), by=KEY)
    assert TOKEN in store.secrets
    store.delete_secret(TOKEN, 21)
    store.watched_secrets(None, 21)
    store.upsert_own_secret(TOKEN, secret(20), by=KEY)
    assert TOKEN not in store.secrets
    store.delete_credential(KEY, "uid-of-lightroom")
    store.update_own_status(KEY, answer(12), Status())
    assert KEY not in store.credentials


def test_a_secret_that_was_written_in_the_turn_of_a_credential_wakes_only_the_others(store: Seen) -> None:
    shared = ClientRef("lightroom-oauth")
    for name in ("lightroom", "other"):
        store.upsert_credential(credential(name, spec=spec(source=shared)))
    store.enqueued.clear()
    store.upsert_own_secret(CLIENT, secret(20), by=KEY)
    assert store.enqueued == [Key("photos", "other")]
    store.upsert_own_secret(CLIENT, secret(21), by=None)
    assert sorted(store.enqueued) == [KEY, *2 * [Key("photos", "other")]]


def answer(version: int = 11, **changes: Any) -> dict[str, object]:
    """The metadata of an answer to a write of the status."""
    return {"uid": "uid-of-lightroom", "resourceVersion": str(version), "generation": 1, **changes}


def test_a_status_of_our_own_is_known_at_once_and_wakes_nobody(store: Seen) -> None:
    store.upsert_credential(credential(version=10))
    store.enqueued.clear()
    written = Status(rotations=1)
    store.update_own_status(KEY, answer(11), written)
    assert store.credentials[KEY] == credential(version=11, status=written)
    store.upsert_credential(credential(version=11, status=written))
    assert store.enqueued == []


@pytest.mark.parametrize(
    "other",
    [
        {"generation": 2},
        {"annotations": {ROTATE_ANNOTATION: "now"}},
        {"deletionTimestamp": "2026-11-24T10:00:00Z"},
        {"uid": "another"},
        {"resourceVersion": "9"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_an_answer_that_shows_more_than_our_status_is_left_to_the_watch(store: Seen, other: dict[str, Any]) -> None:
    store.upsert_credential(credential(version=10))
    store.update_own_status(KEY, answer(**other), Status(rotations=1))
    assert store.credentials[KEY] == credential(version=10)


def test_a_credential_that_waits_for_its_dependants_to_go_first_is_gone(store: Seen) -> None:
    store.upsert_credential(credential(version=10))
    store.upsert_credential(credential(version=11, deleting=True))
    assert store.surroundings(KEY, NOW) is None


def test_an_outgrown_secret_that_goes_while_another_is_deleted_is_passed_over(store: Seen) -> None:
    store.upsert_credential(credential(spec=spec(secret=SecretTemplate("renamed"))))
    for name in ("old-1", "old-2"):
        outgrown = token_secret(facts(credential_uid="uid-of-lightroom"), version=20, controller_uid="uid-of-lightroom")
        store.upsert_secret(Key("photos", name), outgrown)
    found = iter(store.outgrown_secrets(KEY))
    (first, _) = next(found)
    (other,) = {Key("photos", "old-1"), Key("photos", "old-2")} - {first}
    store.delete_secret(other, 21)
    assert list(found) == []


def test_a_deletion_that_is_older_than_what_is_known_is_none(store: Seen) -> None:
    store.upsert_credential(credential())
    store.upsert_secret(CLIENT, secret(20))
    store.upsert_secret(CLIENT, secret(22))
    store.delete_secret(CLIENT, 20)
    assert CLIENT in store.secrets


def test_no_index_keeps_what_is_gone(store: Seen) -> None:
    for number in range(100):
        store.upsert_credential(credential(f"c-{number}", spec=spec(secret=SecretTemplate(f"t-{number}"))))
        known = facts(credential_uid=f"uid-of-c-{number}")
        store.upsert_secret(Key("photos", f"t-{number}"), token_secret(known, version=20))
    for number in range(100):
        store.delete_credential(Key("photos", f"c-{number}"), f"uid-of-c-{number}")
        store.delete_secret(Key("photos", f"t-{number}"), 30)
    assert not store.credentials
    assert not store.secrets


def test_both_sides_see_that_a_token_secret_is_anothers_client_secret(store: Seen) -> None:
    store.upsert_credential(credential())
    assert store.around().rivals.client == ()
    store.enqueued.clear()
    victim = spec(source=ClientRef("lightroom-token"), secret=SecretTemplate("v"))
    store.upsert_credential(credential("victim", spec=victim))
    assert [each.key.name for each in store.around().rivals.client] == ["victim"]
    assert [each.key.name for each in store.around(Key("photos", "victim")).rivals.token_at_client] == ["lightroom"]
    assert KEY in store.enqueued


@pytest.mark.parametrize("credentials_first", [True, False])
@pytest.mark.parametrize("scope", [None, "photos"], ids=["everywhere", "one namespace"])
def test_a_namespace_has_synced_once_both_its_secrets_and_its_credentials_are_known(
    store: Seen, scope: str | None, credentials_first: bool
) -> None:
    store.upsert_credential(credential())
    store.replace_secrets("elsewhere", {}, 5)
    store.listed_credentials("elsewhere")
    store.enqueued.clear()
    if credentials_first:
        store.listed_credentials(scope)
    else:
        store.replace_secrets(scope, {}, 6)
    assert (store.has_synced("photos"), store.enqueued) == (False, [])
    store.replace_secrets(scope, {}, 6)
    store.listed_credentials(scope)
    assert store.has_synced("photos")
    assert set(store.enqueued) == {KEY}


def test_after_the_api_server_went_back_to_a_backup_whatever_is_seen_next_is_news(store: Seen) -> None:
    store.replace_secrets(None, {CLIENT: secret(20), TOKEN: secret(21)}, 30)
    store.upsert_credential(credential(version=25))
    store.forget_versions()
    store.replace_secrets(None, {CLIENT: secret(7)}, 9)
    store.upsert_credential(credential(version=8, generation=0))
    assert (store.around().client, store.around().secret) == (secret(7), None)
    assert store.around().credential.generation == 0


def test_thousands_that_name_one_secret_cost_each_of_them_little(store: Seen) -> None:
    for number in range(200):
        created = NOW + timedelta(seconds=number)
        store.upsert_credential(credential(f"c-{number:03}", version=number + 1, created=created))
    store.upsert_secret(
        TOKEN,
        token_secret(facts(credential="photos/c-150", credential_uid="uid-of-c-150"), credential_uid="uid-of-c-150"),
    )
    rivals = {each.key.name for each in store.around(Key("photos", "c-199")).rivals.token}
    assert {"c-000", "c-150"} <= rivals
    assert len(rivals) <= MAX_CLAIMANTS + 1
    store.enqueued.clear()
    store.upsert_credential(credential("c-199", version=1000, created=NOW, generation=2))
    assert Key("photos", "c-199") in store.enqueued
    assert len(set(store.enqueued)) <= MAX_CLAIMANTS + 1


def made_for(name: str, version: int) -> ObservedSecret:
    known = facts(credential=f"photos/{name}", credential_uid=f"uid-of-{name}")
    return token_secret(known, version=version, credential_uid=f"uid-of-{name}", controller_uid=f"uid-of-{name}")


def test_a_touch_of_a_secret_that_thousands_name_wakes_its_holder_and_the_first_of_them(store: Seen) -> None:
    for number in range(200):
        store.upsert_credential(
            credential(f"c-{number:03}", version=number + 1, created=NOW + timedelta(seconds=number))
        )
    store.upsert_secret(TOKEN, made_for("c-150", 500))
    store.enqueued.clear()
    store.upsert_secret(TOKEN, made_for("c-150", 501))
    assert Key("photos", "c-150") in store.enqueued
    assert len(store.enqueued) <= MAX_CLAIMANTS + 1
    store.enqueued.clear()
    store.upsert_secret(TOKEN, made_for("c-199", 502))
    assert len(set(store.enqueued)) == 200, "each of them says whose the Secret is"
    store.enqueued.clear()
    store.delete_secret(TOKEN, 503)
    assert len(set(store.enqueued)) == 200


def test_a_touch_of_a_credential_wakes_no_other(store: Seen) -> None:
    store.upsert_credential(credential("a", version=1))
    store.upsert_credential(credential("b", version=2))
    store.enqueued.clear()
    store.upsert_credential(credential("b", version=3, generation=5, rotate_request="now"))
    assert store.enqueued == [Key("photos", "b")]


def test_those_that_share_a_client_secret_are_woken_as_a_crowd(store: Seen) -> None:
    crowds: list[tuple[Key, float]] = []
    store.wake_crowd = lambda secret, after: crowds.append((secret, after))
    for number in range(200):
        template = SecretTemplate(f"token-{number}")
        store.upsert_credential(credential(f"c-{number:03}", version=number + 1, spec=spec(secret=template)))
    store.enqueued.clear()
    store.upsert_secret(CLIENT, secret(300))
    store.upsert_secret(CLIENT, secret(301))
    store.delete_secret(CLIENT, 302)
    assert len(store.enqueued) <= 3 * MAX_CLAIMANTS
    assert crowds == [(CLIENT, 0), (CLIENT, 0), (CLIENT, DELETION_SECONDS)]


NAMES = st.sampled_from(["a", "b", "c"])
SECRETS = st.sampled_from(["x", "y"])


@given(st.lists(st.tuples(NAMES, SECRETS, SECRETS, st.booleans(), st.booleans(), st.integers(0, 2)), max_size=20))
def test_the_rivals_are_those_that_name_the_same_secrets(
    steps: list[tuple[str, str, str, bool, bool, int]],
) -> None:
    store = Seen()
    for version, (name, token, client, had, deleting, age) in enumerate(steps, start=1):
        status = Status(secret_name=token, last_rotation_time="2026-11-23T10:00:00Z" if had else None)
        there = store.credentials.get(Key("photos", name))
        if version % 3 == 0 and there is not None:
            metadata = {"uid": there.uid, "resourceVersion": str(version), "generation": there.generation}
            store.update_own_status(there.key, metadata, status)
            continue
        template = SecretTemplate(token)
        wanted = spec(secret=template, source=ClientRef(client))
        created = NOW + timedelta(seconds=age)
        store.upsert_credential(
            credential(name, version=version, spec=wanted, status=status, created=created, deleting=deleting)
        )
    all_there = store.credentials
    for key, each in all_there.items():
        token, client = each.spec.secret.name, client_of(each.spec).secret_name
        rivals = store.around(key).rivals
        others = [other for other in all_there.values() if other.key != key]
        assert {found.key for found in rivals.token} == {o.key for o in others if o.spec.secret.name == token}
        assert {found.key for found in rivals.client} == {
            o.key for o in others if client_of(o.spec).secret_name == token
        }
        assert {found.key for found in rivals.token_at_client} == {
            o.key for o in others if o.spec.secret.name == client
        }
