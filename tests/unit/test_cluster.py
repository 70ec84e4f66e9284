"""What has been seen of the cluster: newer wins, whoever is affected is woken, and what is gone is let go."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api.resource import (
    ROTATE_ANNOTATION,
    ClientRef,
    Condition,
    Credential,
    Key,
    SecretTemplate,
    Status,
)
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.core.model import Finding, HeldToken, Inputs, Observed, ObservedSecret, Rivals, Token
from adobe_ims_operator.core.policy import Pace
from unit.worlds import ENDPOINT, NOW, facts, spec, token_secret

KEY = Key("photos", "lightroom")
TOKEN = Key("photos", "lightroom-token")
CLIENT = Key("photos", "lightroom-oauth")


class Seen(Cluster):
    """A cluster that keeps who was woken and who was forgotten."""

    def __init__(self) -> None:
        self.woken: list[Key] = []
        self.forgotten: list[Key] = []
        super().__init__(
            Endpoints([ENDPOINT]),
            wake=self.woken.append,
            wake_soon=self.woken.append,
            forget=self.forgotten.append,
        )

    def watch(self, key: Key = KEY) -> Observed:
        observed = self.observe(key, NOW)
        assert observed is not None
        return observed


@pytest.fixture
def cluster() -> Seen:
    return Seen()


def credential(name: str = "lightroom", version: int = 10, **changes: object) -> Credential:
    plain = Credential(
        key=Key("photos", name),
        uid=f"uid-of-{name}",
        generation=1,
        version=version,
        created=NOW,
        deleting=False,
        rotate_request="",
        spec=spec(),
        status=Status(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def secret(version: int, **changes: object) -> ObservedSecret:
    return token_secret(None, version=version, credential_uid=None, **changes)


def test_an_older_observation_changes_nothing(cluster: Seen) -> None:
    cluster.put_credential(credential(version=10))
    cluster.put_credential(credential(version=9, rotate_request="old"))
    cluster.put_secret(CLIENT, secret(20))
    cluster.put_secret(CLIENT, secret(19))
    cluster.drop_secret(CLIENT, 19)
    assert cluster.watch().inputs.rotate_request == ""
    assert cluster.watch().client_version == "20"


@pytest.mark.parametrize("key", [TOKEN, CLIENT])
def test_a_change_of_a_secret_wakes_who_uses_it_and_nobody_else(cluster: Seen, key: Key) -> None:
    cluster.put_credential(credential())
    other = SecretTemplate("other-token")
    cluster.put_credential(credential("other", spec=spec(secret=other, client=replace(spec().client, secret_name="x"))))
    cluster.woken.clear()
    cluster.put_secret(key, secret(20))
    cluster.drop_secret(key, 21)
    cluster.put_secret(Key("elsewhere", key.name), secret(22))
    assert cluster.woken == [KEY, KEY]


def test_a_deletion_of_the_object_before_does_not_drop_the_one_of_now(cluster: Seen) -> None:
    cluster.put_credential(credential(uid="uid-old"))
    cluster.put_credential(credential(version=11, uid="uid-new"))
    cluster.drop_credential(KEY, "uid-old")
    assert cluster.watch().uid == "uid-new"
    cluster.drop_credential(KEY, "uid-new")
    assert cluster.observe(KEY, NOW) is None
    assert cluster.forgotten == [KEY]


def test_a_new_list_of_secrets_drops_those_that_are_gone(cluster: Seen) -> None:
    cluster.put_credential(credential())
    cluster.put_secret(CLIENT, secret(20))
    cluster.put_secret(Key("elsewhere", "kept"), secret(20))
    cluster.replace_secrets("photos", {}, 30)
    assert cluster.watch().client_version is None
    assert Key("elsewhere", "kept") in cluster.secrets


def test_a_list_does_not_drop_what_was_written_after_it(cluster: Seen) -> None:
    cluster.put_credential(credential())
    cluster.put_secret(TOKEN, secret(40))
    cluster.replace_secrets(None, {}, 30)
    assert cluster.watch().secret is not None


def test_of_two_that_name_one_secret_the_younger_sees_the_older_and_both_are_woken(cluster: Seen) -> None:
    cluster.put_credential(credential("elder"))
    cluster.put_credential(credential("younger", created=NOW + timedelta(seconds=1)))
    for one, other in (("younger", "elder"), ("elder", "younger")):
        assert [rival.key.name for rival in cluster.watch(Key("photos", one)).rivals.token] == [other]
    cluster.woken.clear()
    cluster.drop_credential(Key("photos", "elder"), "uid-of-elder")
    assert cluster.woken == [Key("photos", "younger")]
    assert cluster.watch(Key("photos", "younger")).rivals == Rivals()


def test_a_secret_under_a_name_given_up_is_outgrown_unless_somebody_else_names_it(cluster: Seen) -> None:
    cluster.put_credential(credential())
    cluster.put_secret(
        TOKEN, token_secret(facts(credential_uid="uid-of-lightroom"), version=20, controller_uid="uid-of-lightroom")
    )
    assert list(cluster.outgrown_secrets(KEY)) == []
    renamed = spec(secret=SecretTemplate("renamed"))
    cluster.put_credential(credential(version=21, spec=renamed))
    assert [key for key, _ in cluster.outgrown_secrets(KEY)] == [TOKEN]
    cluster.put_credential(credential("other"))
    assert list(cluster.outgrown_secrets(KEY)) == []


def test_a_secret_without_our_owner_reference_is_never_outgrown(cluster: Seen) -> None:
    cluster.put_credential(credential(spec=spec(secret=SecretTemplate("renamed"))))
    forged = facts(credential_uid="uid-of-lightroom")
    for number, controller in enumerate([None, "somebody else"]):
        key = Key("photos", f"forged-{number}")
        cluster.put_secret(key, token_secret(forged, version=20, controller_uid=controller))
    assert list(cluster.outgrown_secrets(KEY)) == []


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back(cluster: Seen) -> None:
    cluster.replace_secrets(None, {}, 5)
    cluster.put_credential(credential(version=10))
    cluster.put_own_secret(TOKEN, secret(20), by=KEY)
    assert TOKEN in cluster.secrets
    cluster.drop_secret(TOKEN, 21)
    cluster.watched_secrets(None, 21)
    cluster.put_own_secret(TOKEN, secret(20), by=KEY)
    assert TOKEN not in cluster.secrets
    cluster.drop_credential(KEY, "uid-of-lightroom")
    cluster.put_own_status(KEY, answer(12), Status())
    assert KEY not in cluster.credentials


def test_a_secret_that_was_written_in_the_turn_of_a_credential_wakes_only_the_others(cluster: Seen) -> None:
    shared = ClientRef("lightroom-oauth")
    for name in ("lightroom", "other"):
        cluster.put_credential(credential(name, spec=spec(client=shared)))
    cluster.woken.clear()
    cluster.put_own_secret(CLIENT, secret(20), by=KEY)
    assert cluster.woken == [Key("photos", "other")]
    cluster.put_own_secret(CLIENT, secret(21), by=None)
    assert sorted(cluster.woken) == [KEY, *2 * [Key("photos", "other")]]


def answer(version: int = 11, **changes: Any) -> dict[str, object]:
    """The metadata of an answer to a write of the status."""
    return {"uid": "uid-of-lightroom", "resourceVersion": str(version), "generation": 1, **changes}


def test_a_status_of_our_own_is_known_at_once_and_wakes_nobody(cluster: Seen) -> None:
    cluster.put_credential(credential(version=10))
    cluster.woken.clear()
    written = Status(rotations=1)
    cluster.put_own_status(KEY, answer(11), written)
    assert cluster.credentials[KEY] == credential(version=11, status=written)
    cluster.put_credential(credential(version=11, status=written))
    assert cluster.woken == []


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
def test_an_answer_that_shows_more_than_our_status_is_left_to_the_watch(cluster: Seen, other: dict[str, Any]) -> None:
    cluster.put_credential(credential(version=10))
    cluster.put_own_status(KEY, answer(**other), Status(rotations=1))
    assert cluster.credentials[KEY] == credential(version=10)


def test_a_credential_that_waits_for_its_dependants_to_go_first_is_gone(cluster: Seen) -> None:
    cluster.put_credential(credential(version=10))
    cluster.put_credential(credential(version=11, deleting=True))
    assert cluster.observe(KEY, NOW) is None


def test_nothing_is_in_sync_before_the_secrets_of_its_namespace_are_known(cluster: Seen) -> None:
    cluster.put_credential(credential())
    cluster.replace_secrets("elsewhere", {}, 5)
    assert not cluster.is_in_sync(KEY)
    cluster.woken.clear()
    cluster.replace_secrets("photos", {}, 6)
    assert cluster.is_in_sync(KEY)
    assert cluster.woken == [KEY]


def test_a_content_that_was_read_is_known_for_its_version_only(cluster: Seen) -> None:
    cluster.put_credential(credential(status=Status(secret_version="20")))
    cluster.put_secret(TOKEN, token_secret(facts(), version=20))
    cluster.put_secret(CLIENT, secret(20))
    cluster.memories[KEY].note_client("20", "digest", "")
    assert (cluster.watch().secret_intact, cluster.watch().inputs.client_digest) == (True, "digest")
    cluster.put_secret(TOKEN, token_secret(facts(), version=21))
    cluster.put_secret(CLIENT, secret(21))
    assert (cluster.watch().secret_intact, cluster.watch().inputs.client_digest) == (None, None)
    cluster.memories[KEY].note_secret(21, intact=False)
    assert cluster.watch().secret_intact is False


def test_an_outgrown_secret_that_goes_while_another_is_deleted_is_passed_over(cluster: Seen) -> None:
    cluster.put_credential(credential(spec=spec(secret=SecretTemplate("renamed"))))
    for name in ("old-1", "old-2"):
        outgrown = token_secret(facts(credential_uid="uid-of-lightroom"), version=20, controller_uid="uid-of-lightroom")
        cluster.put_secret(Key("photos", name), outgrown)
    found = iter(cluster.outgrown_secrets(KEY))
    (first, _) = next(found)
    (other,) = {Key("photos", "old-1"), Key("photos", "old-2")} - {first}
    cluster.drop_secret(other, 21)
    assert list(found) == []


def test_a_deletion_that_is_older_than_what_is_known_is_none(cluster: Seen) -> None:
    cluster.put_credential(credential())
    cluster.put_secret(CLIENT, secret(20))
    cluster.put_secret(CLIENT, secret(22))
    cluster.drop_secret(CLIENT, 20)
    assert CLIENT in cluster.secrets


def test_no_index_keeps_what_is_gone(cluster: Seen) -> None:
    for number in range(100):
        cluster.put_credential(credential(f"c-{number}", spec=spec(secret=SecretTemplate(f"t-{number}"))))
        known = facts(credential_uid=f"uid-of-c-{number}")
        cluster.put_secret(Key("photos", f"t-{number}"), token_secret(known, version=20))
    for number in range(100):
        cluster.drop_credential(Key("photos", f"c-{number}"), f"uid-of-c-{number}")
        cluster.drop_secret(Key("photos", f"t-{number}"), 30)
    for store in (cluster.credentials, cluster.memories, cluster.secrets):
        assert not store
    for index in (cluster._by_client, cluster._by_token, cluster._by_owner):
        assert not index


def attempted(cluster: Seen) -> Inputs:
    """Put a credential whose client Secret was read; what an attempt is made from."""
    cluster.put_credential(credential())
    cluster.put_secret(CLIENT, secret(20))
    cluster.memories[KEY].note_client("20", "client-1", "")
    return cluster.watch().inputs


@pytest.mark.parametrize(
    "change",
    [
        lambda cluster: cluster.put_credential(credential(version=11, rotate_request="now")),
        lambda cluster: cluster.put_credential(credential(version=11, spec=spec(scopes=("openid",)))),
        lambda cluster: cluster.memories[KEY].note_client("20", "client-2", ""),
        lambda cluster: cluster.put_secret(CLIENT, secret(21)),
    ],
)
def test_a_token_that_came_and_a_failure_stand_only_while_the_inputs_are_the_same(
    cluster: Seen, change: Callable[[Seen], None]
) -> None:
    inputs = attempted(cluster)
    memory = cluster.memories[KEY]
    memory.hold(HeldToken(Token("token", "bearer", timedelta(seconds=86399)), "id", facts(), inputs))
    memory.fail(Finding("SecretWriteRefused", "no"), inputs, Pace.REFUSED_WRITE, NOW, 0.0)
    assert (cluster.watch().holds_token, cluster.watch().failure) == (True, memory.failure)
    change(cluster)
    assert (cluster.watch().holds_token, cluster.watch().failure) == (False, None)
    assert cluster.watch().last_failure == memory.failure
    assert cluster.watch().pending


def test_a_token_that_came_too_long_ago_is_not_written_any_more(cluster: Seen) -> None:
    inputs = attempted(cluster)
    for hours, held in ((22, True), (23, False)):
        token = Token("token", "bearer", timedelta(seconds=86399))
        cluster.memories[KEY].hold(HeldToken(token, "id", facts(NOW - timedelta(hours=hours)), inputs))
        assert cluster.watch().holds_token is held


@pytest.mark.parametrize(("name", "uid"), [("photos/lightroom", "uid-0"), ("photos/other", None)])
def test_a_secret_left_by_a_credential_of_the_same_name_is_its_successors(
    cluster: Seen, name: str, uid: str | None
) -> None:
    cluster.put_credential(credential())
    cluster.put_secret(TOKEN, token_secret(facts(credential=name, credential_uid="uid-0"), credential_uid="uid-0"))
    assert cluster.watch().predecessor_uid == uid
    assert (cluster.watch().own_secret is not None) is (uid is not None)


def test_a_credential_made_anew_inherits_no_failure(cluster: Seen) -> None:
    inputs = attempted(cluster)
    cluster.memories[KEY].fail(Finding("InvalidClient", "no"), inputs, Pace.PERSON, NOW, 0.0)
    cluster.put_credential(credential(version=11, uid="uid-of-the-next"))
    assert cluster.watch().last_failure is None


def test_a_token_secret_that_is_anothers_client_secret_says_whose(cluster: Seen) -> None:
    cluster.put_credential(credential())
    assert cluster.watch().rivals == Rivals()
    cluster.put_credential(credential("victim", spec=spec(client=ClientRef("lightroom-token"))))
    assert [user.key.name for user in cluster.watch().rivals.client] == ["victim"]
    assert [owner.key.name for owner in cluster.watch(Key("photos", "victim")).rivals.token_at_client] == ["lightroom"]


def test_an_endpoint_off_the_list_is_seen_as_such(cluster: Seen) -> None:
    cluster.put_credential(credential())
    assert cluster.watch().endpoint_allowed
    cluster.put_credential(credential(version=11, spec=spec(endpoint="https://example.com")))
    assert not cluster.watch().endpoint_allowed


def test_what_another_leader_wrote_is_taken_up_and_a_token_held_since_before_is_let_go(cluster: Seen) -> None:
    cluster.put_credential(credential())
    memory = cluster.memories[KEY]
    memory.hold(
        HeldToken(Token("t", "bearer", timedelta(hours=24)), "id", facts(), Inputs(memory.spec_digest, "c", ""))
    )
    failing = Condition("RotationFailing", "True", "IMSUnavailable", "IMS is away", 1)
    status = Status(
        observed_generation=1,
        secret_version="77",
        failures=4,
        next_rotation_time=to_rfc3339(NOW + timedelta(seconds=40)),
        conditions=(failing,),
    )
    cluster.put_credential(credential(version=11, status=status))
    assert cluster.watch().last_failure is None
    cluster.recall()
    seen = cluster.watch()
    assert not seen.holds_token
    assert seen.last_failure is not None
    assert (seen.last_failure.count, seen.last_failure.retry_at) == (4, NOW + timedelta(seconds=40))
    assert cluster.memories[KEY].secret_version == "77"
    assert cluster.memories[KEY].spec_digest == memory.spec_digest
