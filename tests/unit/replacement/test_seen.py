"""The AdobeIMSClientSecrets that were seen: who names which Secret, who is older, and who is told of a change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.client_secret import ClientSecretResource, parse_client_secret
from adobe_ims_operator.api.client_secret_status import ClientSecretStatus
from adobe_ims_operator.api.resource import ROTATE_ANNOTATION, Key
from adobe_ims_operator.cache.claimants import MAX_CLAIMANTS
from adobe_ims_operator.cache.replacements import Replacements

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)


def resource(
    name: str = "a", *, age: int = 0, version: int = 1, namespace: str = "photos", uid: str = "", **spec: Any
) -> ClientSecretResource:
    """An object as the API server shows it; `age` in hours."""
    body = {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": uid or f"uid-of-{name}",
            "generation": 1,
            "resourceVersion": str(version),
            "creationTimestamp": (NOW - timedelta(hours=age)).isoformat().replace("+00:00", "Z"),
        },
        "spec": {
            "organizationId": "23294",
            "credentialId": "436084",
            "bootstrap": {"secretRef": {"name": "oauth"}},
            **spec,
        },
    }
    return parse_client_secret(body)


@dataclass
class Seen:
    """What was seen, and who was to be looked at since the last question."""

    enqueued: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.of = Replacements(self.enqueued.append)

    def told(self) -> set[str]:
        names = {key.name for key in self.enqueued}
        self.enqueued.clear()
        return names


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_what_comes_or_changes_is_looked_at_and_what_did_not_change_is_not(seen: Seen) -> None:
    seen.of.upsert(resource())
    assert seen.told() == {"a"}
    seen.of.upsert(resource())
    assert seen.told() == set()
    seen.of.upsert(resource(version=2))
    assert seen.told() == {"a"}


def test_a_change_of_either_secret_has_the_object_looked_at(seen: Seen) -> None:
    seen.of.upsert(resource(secret={"name": "managed"}))
    seen.told()
    for name in ("managed", "oauth"):
        seen.of.secret_changed(Key("photos", name))
        assert seen.told() == {"a"}
    seen.of.secret_changed(Key("photos", "a"))
    seen.of.secret_changed(Key("others", "managed"))
    assert seen.told() == set()


def test_after_an_edit_the_former_bootstrap_secret_means_nothing(seen: Seen) -> None:
    seen.of.upsert(resource())
    seen.of.upsert(resource(version=2, bootstrap={"secretRef": {"name": "new"}}))
    seen.told()
    seen.of.secret_changed(Key("photos", "oauth"))
    assert seen.told() == set()
    seen.of.secret_changed(Key("photos", "new"))
    assert seen.told() == {"a"}


@pytest.mark.parametrize(
    ("spec", "is_rival"),
    [
        ({}, True),
        ({"secret": {"name": "a"}, "credentialId": "1"}, True),
        ({"credentialId": "1"}, False),
        ({"organizationId": "1"}, False),
    ],
    ids=["same credential", "same Secret", "another credential", "another organization"],
)
def test_of_two_for_one_credential_or_secret_the_older_works(
    seen: Seen, spec: Mapping[str, Any], *, is_rival: bool
) -> None:
    older, younger = resource("a", age=2), resource("b", age=1, **spec)
    seen.of.upsert(younger)
    seen.told()
    seen.of.upsert(older)
    assert seen.told() == ({"a", "b"} if is_rival else {"a"})
    assert seen.of.older(older) is None
    assert seen.of.older(younger) == (older.key if is_rival else None)


def test_objects_of_two_namespaces_are_no_rivals(seen: Seen) -> None:
    seen.of.upsert(resource(age=2, namespace="others"))
    seen.of.upsert(resource("b"))
    assert seen.of.older(resource("b")) is None


def test_when_the_older_one_goes_the_younger_is_looked_at(seen: Seen) -> None:
    older, younger = resource("a", age=2), resource("b", age=1)
    seen.of.upsert(older)
    seen.of.upsert(younger)
    seen.told()
    seen.of.delete(older.key, older.uid)
    assert seen.told() >= {"b"}
    assert seen.of.older(younger) is None


def test_one_that_is_being_deleted_holds_nothing(seen: Seen) -> None:
    older, younger = resource("a", age=2), resource("b", age=1)
    seen.of.upsert(older)
    seen.of.upsert(younger)
    seen.told()
    seen.of.upsert(replace(older, version=2, deleting=True))
    assert seen.told() == {"a", "b"}
    assert older.key not in seen.of.resources
    assert seen.of.older(younger) is None


def test_one_that_is_gone_is_looked_at_for_what_is_kept_of_it_to_be_forgotten(seen: Seen) -> None:
    for number in range(MAX_CLAIMANTS + 2):
        seen.of.upsert(resource(f"n{number:02}", age=100 - number))
    last = resource(f"n{MAX_CLAIMANTS + 1:02}")
    seen.told()
    seen.of.delete(last.key, last.uid)
    assert last.key.name in seen.told()


def test_news_of_a_deletion_forget_no_other_object_of_that_name(seen: Seen) -> None:
    seen.of.upsert(resource(uid="second"))
    seen.of.delete(Key("photos", "a"), "first")
    assert seen.of.resources[Key("photos", "a")].uid == "second"


def test_an_invalid_spec_is_a_rival_of_nobody_but_for_its_secret(seen: Seen) -> None:
    broken = resource("a", age=2, credentialId="x")
    assert broken.spec.invalid
    seen.of.upsert(broken)
    seen.of.upsert(resource("b"))
    seen.of.upsert(resource("c", secret={"name": "a"}, credentialId="7"))
    assert seen.of.older(resource("b")) is None
    assert seen.of.older(resource("c", secret={"name": "a"}, credentialId="7")) == broken.key


def test_a_list_is_the_truth_for_its_namespace(seen: Seen) -> None:
    gone, kept, other = resource("a"), resource("b", credentialId="2"), resource("c", namespace="others")
    for each in (gone, kept, other):
        seen.of.upsert(each)
    assert not seen.of.has_synced("photos")
    seen.told()
    seen.of.replace("photos", {kept.key: kept})
    assert set(seen.of.resources) == {kept.key, other.key}
    assert (seen.of.has_synced("photos"), seen.of.has_synced("others")) == (True, False)
    assert "b" in seen.told(), "it waited for the list"
    older = replace(kept, version=0)
    seen.of.replace("photos", {kept.key: older})
    assert seen.of.resources[kept.key] == older, "a restored API server goes back"


def test_a_list_of_all_namespaces_counts_for_each(seen: Seen) -> None:
    seen.of.replace(None, {})
    assert seen.of.has_synced("photos")


def test_our_own_status_is_taken_up_without_another_look(seen: Seen) -> None:
    seen.of.upsert(resource())
    seen.told()
    status = ClientSecretStatus(observed_generation=1)
    seen.of.note_status(Key("photos", "a"), answer(2), status)
    seen.of.upsert(resource(version=2))
    assert seen.told() == set()
    assert seen.of.resources[Key("photos", "a")].status == status
    seen.of.note_status(Key("photos", "a"), answer(1), ClientSecretStatus())
    seen.of.note_status(Key("photos", "a"), answer(3) | {"uid": "another"}, ClientSecretStatus())
    assert seen.of.resources[Key("photos", "a")].status == status


@pytest.mark.parametrize("change", [{"generation": 2}, {"annotations": {ROTATE_ANNOTATION: "now"}}])
def test_an_answer_that_shows_another_change_is_left_to_the_watch(seen: Seen, change: dict[str, Any]) -> None:
    seen.of.upsert(resource())
    seen.of.note_status(Key("photos", "a"), answer(2) | change, ClientSecretStatus(observed_generation=1))
    changed = resource(version=2, suspend=True)
    seen.of.upsert(changed)
    assert seen.of.resources[Key("photos", "a")] == changed


def test_an_event_of_before_is_no_news(seen: Seen) -> None:
    seen.of.upsert(resource(version=5, suspend=True))
    seen.told()
    seen.of.upsert(resource(version=4))
    assert seen.told() == set()
    assert seen.of.resources[Key("photos", "a")].spec.suspend


def answer(version: int) -> dict[str, Any]:
    return {"uid": "uid-of-a", "generation": 1, "resourceVersion": str(version)}


def test_a_thousand_that_name_the_same_cost_no_more_than_a_few(seen: Seen) -> None:
    crowds: list[Key] = []
    seen.of.wake_crowd = lambda key, _: crowds.append(key)
    objects = [resource(f"o{number}", age=number) for number in range(1000)]
    for each in objects:
        seen.of.upsert(each)
    seen.told()
    seen.of.upsert(replace(objects[0], version=2))
    assert len(seen.told()) <= 2 * MAX_CLAIMANTS + 1
    seen.of.secret_changed(Key("photos", "oauth"))
    assert (len(seen.told()), crowds) == (MAX_CLAIMANTS, [Key("photos", "oauth")])
    assert set(seen.of.users(Key("photos", "oauth"))) == {each.key for each in objects}
    oldest = objects[-1]
    assert {seen.of.older(each) for each in objects[:-1]} == {oldest.key}
    seen.of.delete(oldest.key, oldest.uid)
    assert "o998" in seen.told(), "the next one works from now on"
    assert seen.of.older(objects[-2]) is None


OBJECTS = st.builds(
    lambda name, age, version, credential, secret: resource(
        name, age=age, version=version, credentialId=credential, secret={"name": secret}
    ),
    st.sampled_from("abcd"),
    st.integers(0, 3),
    st.integers(1, 9),
    st.sampled_from(["1", "2", "x"]),
    st.sampled_from(["m", "n"]),
)


@given(steps=st.lists(st.one_of(OBJECTS, st.sampled_from("abcd")), max_size=20))
def test_whatever_came_and_went_each_has_one_oldest_rival_and_only_those_that_are_there_are_told(
    steps: list[ClientSecretResource | str],
) -> None:
    seen = Seen()
    for step in steps:
        if isinstance(step, str):
            seen.of.delete(Key("photos", step), f"uid-of-{step}")
        else:
            seen.of.upsert(step)
    there = seen.of.resources
    for each in there.values():
        rivals = [
            other
            for other in there.values()
            if other.spec.secret == each.spec.secret
            or (not each.spec.invalid and not other.spec.invalid and other.spec.credential == each.spec.credential)
        ]
        first = min(rivals, key=lambda one: (one.created, one.uid))
        assert seen.of.older(each) == (None if first == each else first.key)
    for name in ("m", "n", "oauth"):
        seen.told()
        seen.of.secret_changed(Key("photos", name))
        naming = {key.name for key, one in there.items() if name in (one.spec.secret.name, "oauth")}
        assert seen.told() == naming
