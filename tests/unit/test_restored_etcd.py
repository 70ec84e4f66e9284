"""What shows that the API server's data was restored, and what the store does then."""

import pytest

from adobe_ims_operator.api.resource import Credential, Key, parse_credential
from adobe_ims_operator.cache.restored_etcd import Before, mark_secret
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.model import ObservedSecret
from testbed.scene import manifest

KEY = Key("photos", "lightroom")
OTHER = Key("photos", "other")


class Reported:
    """A store that knows one credential and one Secret, and what it reported."""

    def __init__(self) -> None:
        self.why: list[str] = []
        self.enqueued: list[Key] = []
        self.store = Store(lambda key, _: self.enqueued.append(key), on_restored=self.why.append)
        self.store.upsert_credential(credential(10))
        self.store.replace_secrets(None, {KEY: secret(20)}, 30)
        self.store.listed_credentials(None)


@pytest.fixture
def reported() -> Reported:
    return Reported()


def credential(version: int) -> Credential:
    body = manifest(KEY.name)
    body["metadata"] |= {
        "namespace": KEY.namespace,
        "uid": "uid",
        "generation": 1,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-26T12:00:00Z",
    }
    return parse_credential(body)


def secret(version: int, uid: str = "secret-uid") -> ObservedSecret:
    return ObservedSecret(uid, version, "somebody else", None, None, None)


@pytest.mark.parametrize(
    ("version", "found", "why"),
    [
        (30, secret(20), None),
        (31, secret(21), None),
        (40, secret(35, uid="made again"), None),
        (29, None, "a list is at resourceVersion 29, and 30 was seen before"),
        (50, secret(19), "photos/lightroom is at resourceVersion 19, and 20 was seen before"),
        (50, secret(20, uid="other"), "photos/lightroom has other content at resourceVersion 20 than before"),
    ],
)
def test_a_list_that_shows_less_than_was_known_shows_a_restore(
    reported: Reported, version: int, found: ObservedSecret | None, why: str | None
) -> None:
    before = Before.of_secrets(reported.store)
    marks = {} if found is None else {KEY: mark_secret(found)}
    assert before.shows_restore(version, marks) == (why is not None)
    assert reported.why == ([] if why is None else [why])


def test_what_came_after_the_request_is_no_sign_of_a_restore(reported: Reported) -> None:
    before = Before.of_secrets(reported.store)
    reported.store.upsert_secret(KEY, secret(40))
    assert not before.shows_restore(31, {KEY: mark_secret(secret(25))})
    assert not reported.why


def test_a_secret_that_is_read_shows_it_too(reported: Reported) -> None:
    assert Before.of_secret(reported.store, KEY).shows_restore(5, {KEY: mark_secret(secret(5))})
    assert not Before.of_secret(reported.store, OTHER).shows_restore(5, {OTHER: mark_secret(secret(5))})


def test_a_restore_is_reported_once_and_work_waits_until_all_was_read_again(reported: Reported) -> None:
    store = reported.store
    secrets, credentials = Before.of_secrets(store), Before.of_credentials(store)
    assert store.has_synced("photos")
    assert credentials.shows_restore(9, {})
    assert secrets.shows_restore(9, {})
    assert len(reported.why) == 1
    assert secrets.is_outdated
    assert not store.has_synced("photos")
    reported.enqueued.clear()
    store.replace_secrets(None, {KEY: secret(5)}, 9)
    store.upsert_credential(credential(7))
    assert not store.has_synced("photos")
    store.listed_credentials(None)
    assert store.has_synced("photos")
    assert reported.enqueued[-1] == KEY
    assert (store.secrets[KEY].version, store.credentials[KEY].version) == (5, 7)
