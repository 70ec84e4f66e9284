"""From the metadata of a Secret: whose it is, and the facts of the token in it, whatever else stands there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.ledger import read_facts
from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.api.origin import Origin
from adobe_ims_operator.api.resource import API_VERSION, KIND, Key
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.kube.secret_metadata import SecretTimes, observe_secret, read_times
from unit import worlds

OWN = worlds.facts()
NAME, UID = "lightroom-token", OWN.credential_uid
OWNER = {"apiVersion": API_VERSION, "kind": KIND, "name": "lightroom", "uid": UID, "controller": True}
FORMAT, ISSUED_AT, CREDENTIAL_UID, SECRET_NAME = (
    f"adobe-ims.dev/{name}" for name in ("format", "issued-at", "credential-uid", "secret")
)


def observe(
    annotations: dict[str, str] | None = None, name: str = NAME, namespace: str = "photos", **metadata: Any
) -> ObservedSecret:
    plain = {"name": name, "namespace": namespace, "uid": "secret-1", "resourceVersion": "101"}
    return observe_secret({**plain, **({} if annotations is None else {"annotations": annotations}), **metadata})


def own(**changes: str) -> dict[str, str]:
    return OWN.to_annotations() | {f"adobe-ims.dev/{key.replace('_', '-')}": value for key, value in changes.items()}


def test_our_own_secret_has_its_facts_and_its_credential() -> None:
    secret = observe(own(), ownerReferences=[OWNER])
    assert (secret.uid, secret.version) == ("secret-1", 101)
    assert (secret.facts, secret.credential_uid) == (OWN, UID)
    assert secret.owner == f"{KIND} lightroom"


def test_a_retained_secret_is_ours_without_an_owner_reference() -> None:
    secret = observe(own(), labels={"app.kubernetes.io/managed-by": "adobe-ims-operator"})
    assert (secret.facts, secret.credential_uid, secret.owner) == (OWN, UID, "adobe-ims-operator")


@pytest.mark.parametrize(
    "annotations",
    [own(issued_at="?"), own(format="2"), {key: value for key, value in own().items() if key != ISSUED_AT}],
)
def test_with_damaged_facts_it_is_still_ours(annotations: dict[str, str]) -> None:
    secret = observe(annotations)
    assert (secret.facts, secret.credential_uid) == (None, UID)


def test_with_no_facts_left_the_owner_reference_says_whose_it_is() -> None:
    secret = observe(ownerReferences=[{**OWNER, "uid": "other", "kind": "Deployment"}, OWNER])
    assert (secret.facts, secret.credential_uid) == (None, UID)


@pytest.mark.parametrize("owners", [[], [OWNER]])
def test_a_copy_under_another_name_is_not_ours(owners: list[dict[str, object]]) -> None:
    for place in ({"name": "copy"}, {"namespace": "elsewhere"}):
        secret = observe(own(), ownerReferences=owners, **place)
        assert (secret.facts, secret.credential_uid) == (None, None)


@pytest.mark.parametrize("change", [{"issued_at": "?"}, {"format": "2"}, {"rotations": "?"}])
def test_a_copy_under_another_name_is_not_ours_even_if_its_facts_are_damaged(change: dict[str, str]) -> None:
    assert observe(own(**change), name="copy").credential_uid is None


@pytest.mark.parametrize(
    "owner",
    [
        {"kind": "Deployment"},
        {"kind": KIND, "apiVersion": "adobe-ims.dev/v0"},
        {"kind": KIND, "apiVersion": "example.com/v1alpha1"},
        {"kind": KIND.lower()},
    ],
)
def test_an_owner_of_another_kind_makes_it_no_secret_of_ours(owner: dict[str, str]) -> None:
    assert observe(ownerReferences=[{**OWNER, **owner}]).credential_uid is None


MANAGER = {
    "manager": "kubectl-create",
    "operation": "Update",
    "time": "2026-11-23T10:00:00Z",
    "fieldsV1": {"f:data": {}},
}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"ownerReferences": [{**OWNER, "kind": "Certificate", "name": "tls"}]}, "Certificate tls"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({"labels": {"app.kubernetes.io/managed-by": ""}, "managedFields": [MANAGER]}, "kubectl-create"),
        ({"labels": None, "managedFields": [MANAGER]}, "somebody with kubectl-create"),
        ({}, "somebody else"),
        ({"managedFields": []}, "somebody else"),
        ({"ownerReferences": None, "labels": None, "managedFields": None}, "somebody else"),
    ],
)
def test_a_secret_of_somebody_else_says_whose_it_is(metadata: dict[str, Any], words: str) -> None:
    secret = observe({"note": "x"}, **metadata)
    assert (secret.facts, secret.credential_uid) == (None, None)
    assert words in secret.owner


@pytest.mark.parametrize(
    "managers",
    [
        [{"operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {}}],
        [{"operation": "Update"}],
        [{}],
        [{**MANAGER, "fieldsV1": None}, {**MANAGER, "time": None}],
    ],
)
def test_managers_that_do_not_say_who_they_are_do_no_harm(managers: list[dict[str, Any]]) -> None:
    secret = observe(managedFields=managers)
    assert secret.owner


@given(st.dictionaries(st.sampled_from(sorted(OWN.to_annotations())), st.text(max_size=30)))
def test_whatever_is_in_the_annotations_a_secret_can_be_observed(edited: dict[str, str]) -> None:
    secret = observe(own() | edited)
    assert secret.facts in (None, read_facts(own() | edited))
    if edited.get(SECRET_NAME, NAME) != NAME:
        assert secret.facts is None


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_beyond_the_calendar_in_an_annotation_does_not_end_the_operator(moment: str) -> None:
    assert observe(own(issued_at=moment)).facts is None


def test_no_annotations_at_all_are_nothing() -> None:
    assert observe(annotations=None).facts is None
    assert (
        observe_secret(
            {"name": NAME, "namespace": "photos", "uid": "u", "resourceVersion": "1", "annotations": None}
        ).facts
        is None
    )


def test_a_copy_says_what_it_was_made_from() -> None:
    original, of = Key("photos", NAME), Key("photos", "lightroom")
    assert observe(own()).origin is None
    assert observe(own(), namespace="elsewhere").origin == Origin(original, of, UID, has_moved=True)
    assert observe(own(), name="copy").origin == Origin(original, of, UID, has_moved=False)


@pytest.mark.parametrize(
    "annotations",
    [
        own(secret="../x"),
        own(secret="photos/../lightroom"),
        own(secret="a/b/c"),
        own(secret="photos/" + "x" * 400),
        own(credential="lightroom"),
        own(credential="other/lightroom"),
        own(credential_uid=""),
    ],
)
def test_a_copy_that_does_not_say_it_legibly_is_of_nothing(annotations: dict[str, str]) -> None:
    assert observe(annotations, namespace="elsewhere").origin is None


@pytest.mark.parametrize(
    ("labels", "annotations", "manager"),
    [
        ({}, {}, ""),
        ({}, {"meta.helm.sh/release-name": "photos"}, "Helm's release photos"),
        ({}, {"argocd.argoproj.io/tracking-id": "web:/Secret:ns/x"}, "Argo CD's application web"),
        ({"argocd.argoproj.io/instance": "web"}, {}, "Argo CD's application web"),
        ({}, {"argocd.argoproj.io/tracking-id": "a\nb\x1b[2J"}, "Argo CD's application a b [2J"),
        ({}, {"meta.helm.sh/release-name": "a\u202eb"}, "Helm's release a b"),
        ({"argocd.argoproj.io/secret-type": "repository"}, {}, ""),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            {},
            "Flux's Kustomization flux-system/apps",
        ),
        ({}, {"meta.helm.sh/release-name": "x" * 9999}, "Helm's release " + "x" * 253),
    ],
)
def test_who_else_manages_it_is_seen(labels: dict[str, str], annotations: dict[str, str], manager: str) -> None:
    assert observe(own() | annotations, labels=labels).manager == manager
    assert observe(annotations, labels=labels).manager == "", "a Secret of others is theirs"


@pytest.mark.parametrize("name", ["a" * 300, "a" * 200_000 + "\N{GRINNING FACE}", "a/../b", "é", "A b"])
def test_what_is_no_name_is_not_kept_as_one(name: str) -> None:
    assert observe({CREDENTIAL_UID: "x", "adobe-ims.dev/credential": f"photos/{name}"}).credential is None
    assert observe(ownerReferences=[{**OWNER, "name": name}]).credential is None


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_write_at_the_end_of_the_calendar_is_at_no_time_that_is_known(moment: str) -> None:
    forged = {**MANAGER, "manager": FIELD_MANAGER, "time": moment}
    assert read_times({"creationTimestamp": moment, "managedFields": [forged]}) == SecretTimes(None, None)
