"""An AdobeIMSCredential is read once, as a whole, and never guessed at."""

import tracemalloc
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import (
    Key,
    MalformedResourceError,
    SecretTemplate,
    Spec,
    Workload,
    parse_credential,
)
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.status import Condition, Restart, Status, to_json
from unit.worlds import client_of

COMPLETE = """
apiVersion: adobe-ims.dev/v1alpha1
kind: AdobeIMSCredential
metadata:
  name: lightroom
  namespace: photos
  uid: 5a8f0c1e-0000-4000-8000-000000000001
  generation: 3
  resourceVersion: "12345"
  creationTimestamp: "2026-11-20T10:00:00Z"
  annotations: {adobe-ims.dev/rotate: now please, other: x}
spec:
  client:
    secretRef: {name: lightroom-oauth}
    idKey: CLIENT_ID
    secretKeys: [new, old]
  scopes: [openid, AdobeID]
  endpoint: https://ims-na1-stg1.adobelogin.com
  rotation: {interval: 1h30m}
  secret:
    name: lightroom-token
    type: example.com/token
    labels: {team: photos}
    annotations: {example.com/reload: "true"}
    data:
      authorization: Bearer $(access_token)
    deletionPolicy: Retain
    adopt: true
  restart: [{kind: Deployment, name: web}]
  suspend: true
  ofALaterVersion: {}
status:
  observedGeneration: 2
  secretName: lightroom-token
  lastRotationTime: "2026-11-23T10:00:00Z"
  expirationTime: "2026-11-24T09:59:59Z"
  nextRotationTime: "2026-11-24T09:00:00Z"
  rotations: 12
  failures: 0
  clientSecretKey: new
  conditions:
    - type: Ready
      status: "True"
      reason: Rotated
      message: Secret lightroom-token holds a valid token
      observedGeneration: 2
      lastTransitionTime: "2026-11-20T10:00:05Z"
    - {type: Other, status: Unknown, reason: Because, message: ""}
"""
MINIMAL = """
metadata: {name: lightroom, namespace: photos, uid: u, generation: 1, resourceVersion: "7",
           creationTimestamp: "2026-11-20T10:00:00Z"}
spec: {client: {secretRef: {name: lightroom-oauth}}}
"""


def body(text: str = COMPLETE) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def test_a_complete_object_is_read_field_by_field() -> None:
    credential = parse_credential(body())
    assert credential.key == Key("photos", "lightroom")
    assert str(credential.key) == "photos/lightroom"
    assert (credential.uid, credential.generation) == ("5a8f0c1e-0000-4000-8000-000000000001", 3)
    assert credential.version == 12345
    assert credential.created == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert credential.rotate_request == "now please"
    assert credential.spec == Spec(
        source=ClientRef("lightroom-oauth", "CLIENT_ID", ("new", "old")),
        secret=SecretTemplate(
            name="lightroom-token",
            type="example.com/token",
            labels={"team": "photos"},
            annotations={"example.com/reload": "true"},
            data={"authorization": "Bearer $(access_token)"},
            deletion_policy="Retain",
            adopt=True,
        ),
        scopes=("openid", "AdobeID"),
        endpoint="https://ims-na1-stg1.adobelogin.com",
        interval=timedelta(minutes=90),
        restart=(Workload("Deployment", "web"),),
        suspend=True,
    )
    status = credential.status
    assert (status.observed_generation, status.rotations, status.failures) == (2, 12, 0)
    assert (status.secret_name, status.client_secret_key) == ("lightroom-token", "new")
    assert status.last_rotation_time == "2026-11-23T10:00:00Z"
    assert status.expiration_time == "2026-11-24T09:59:59Z"
    assert status.next_rotation_time == "2026-11-24T09:00:00Z"
    assert status.condition("Ready") == Condition(
        "Ready", "True", "Rotated", "Secret lightroom-token holds a valid token", 2, "2026-11-20T10:00:05Z"
    )
    assert status.condition("Other") == Condition("Other", "Unknown", "Because", "", None, None)
    assert status.condition("None") is None


@pytest.mark.parametrize("empty", [{}, {"rotation": {}, "secret": {}}, {"rotation": None, "secret": None}])
def test_what_is_left_out_has_the_defaults_of_the_crd(empty: dict[str, Any]) -> None:
    given_body = body(MINIMAL)
    given_body["spec"] |= empty
    credential = parse_credential(given_body)
    assert credential.spec == Spec(
        source=ClientRef("lightroom-oauth", "client_id", ("client_secret",)),
        secret=SecretTemplate(
            name="lightroom",
            type="Opaque",
            labels={},
            annotations={},
            data={"access_token": "$(access_token)"},
            deletion_policy="Delete",
            adopt=False,
        ),
        scopes=("openid", "AdobeID", "read_organizations"),
        endpoint=None,
        interval=timedelta(hours=23),
        suspend=False,
    )
    assert credential.rotate_request == ""
    assert credential.status == Status()


@pytest.mark.parametrize("annotations", [{}, None, {"other": "x"}])
def test_without_the_annotation_no_rotation_is_requested(annotations: dict[str, str] | None) -> None:
    given_body = body()
    given_body["metadata"]["annotations"] = annotations
    assert parse_credential(given_body).rotate_request == ""


def test_reading_changes_nothing_in_what_is_read() -> None:
    given_body = body()
    before = deepcopy(given_body)
    parse_credential(given_body)
    assert given_body == before


MALFORMED: list[tuple[str, object]] = [
    ("metadata.uid", None),
    ("metadata.generation", None),
    ("metadata.resourceVersion", None),
    ("metadata.resourceVersion", "abc"),
    ("metadata.creationTimestamp", None),
    ("metadata.creationTimestamp", "yesterday"),
    ("metadata.name", None),
    ("metadata.namespace", None),
    ("spec", None),
    ("spec", []),
    ("spec.client", None),
    ("spec.client", "lightroom-oauth"),
    ("spec.client.secretRef", None),
    ("spec.client.secretRef", "lightroom-oauth"),
    ("spec.client.secretRef.name", None),
    ("spec.client.secretKeys", 1),
    ("spec.scopes", 1),
    ("spec.rotation", "23h"),
    ("spec.rotation.interval", 23),
    ("spec.rotation.interval", "one day"),
    ("spec.secret", "lightroom-token"),
]
UNREADABLE_STATUSES: list[tuple[str, object]] = [
    ("status", "Ready"),
    ("status.conditions", 1),
    ("status.conditions", ["Ready"]),
    ("status.conditions", [{"type": "Ready"}]),
]
# What was stored before the CRD had its rules.
AGAINST_THE_RULES: list[tuple[str, object]] = [
    ("spec.client.secretRef.name", "../x"),
    ("spec.client.secretRef.name", ""),
    ("spec.client.idKey", "a/b"),
    ("spec.client.secretKeys", []),
    ("spec.client.secretKeys", ["a"] * 6),
    ("spec.client.organizationId", ""),
    ("spec.client.organizationId", "photos"),
    ("spec.client.organizationId", "a@AdobeOrg\n"),
    ("spec.client.organizationId", "a" * 120 + "@AdobeOrg"),
    ("spec.scopes", ["a,b"]),
    ("spec.scopes", ["x" * 129]),
    ("spec.scopes", [f"s{number}" for number in range(65)]),
    ("spec.endpoint", "https://a/b"),
    ("spec.secret.name", "../../x"),
    ("spec.secret.name", "lightroom-oauth"),
    ("spec.secret.type", "kubernetes.io/service-account-token"),
    ("spec.secret.type", "bootstrap.kubernetes.io/token"),
    ("spec.secret.labels", {"adobe-ims.dev/x": "y"}),
    ("spec.secret.labels", {"app.kubernetes.io/managed-by": "y"}),
    ("spec.secret.labels", {"team": "a b"}),
    ("spec.secret.annotations", {"x": "y" * 4097}),
    ("spec.secret.annotations", {f"x{number}": "" for number in range(33)}),
    ("spec.secret.data", {}),
    ("spec.secret.data", {"..": "$(access_token)"}),
    ("spec.secret.data", {"k" * 300_000: "$(access_token)"}),
    ("spec.secret.data", {"a": "x" * 16385}),
    ("spec.restart", [{"kind": "Deployment", "name": "../../other/deployments/web"}]),
    ("spec.restart", [{"kind": "Deployment", "name": "web/scale"}]),
    ("spec.restart", [{"kind": "Job", "name": "web"}]),
    ("spec.restart", [{"kind": "Deployment", "name": f"web{number}"} for number in range(33)]),
]
GUESSED: list[tuple[str, object]] = [
    ("spec.client.secretKeys", "client_secret"),
    ("spec.scopes", "openid"),
    ("spec.suspend", "false"),
    ("spec.secret.adopt", "no"),
    ("spec.rotation.interval", "99999999999999h"),
]


def with_field(path: str, value: object) -> dict[str, Any]:
    given_body = body()
    *parents, last = path.split(".")
    parent = reduce(lambda node, step: node[step], parents, given_body)
    if value is None:
        del parent[last]
    else:
        parent[last] = value
    return given_body


def refused(path: str, value: object) -> str:
    return parse_credential(with_field(path, value)).spec.invalid


@pytest.mark.parametrize(("path", "value"), MALFORMED)
def test_a_malformed_object_is_told_with_what_to_do(path: str, value: object) -> None:
    if path.startswith("spec"):
        assert refused(path, value).startswith("spec: ")
        assert refused(path, value).endswith("install the CRD of this version of the operator")
        return
    with pytest.raises(MalformedResourceError) as refusal:
        parse_credential(with_field(path, value))
    message = str(refusal.value)
    assert message.startswith("AdobeIMSCredential ")
    assert "does not fit adobe-ims.dev/v1alpha1" in message
    assert message.endswith("install the CRD of this version of the operator")
    if not path.startswith("metadata.name"):
        assert "AdobeIMSCredential photos/lightroom " in message


@pytest.mark.parametrize(("path", "value"), UNREADABLE_STATUSES)
def test_a_status_that_can_not_be_read_counts_as_none(path: str, value: object) -> None:
    assert parse_credential(with_field(path, value)).status == Status()


@pytest.mark.parametrize(("path", "value"), GUESSED)
def test_a_field_of_another_type_is_never_guessed_at(path: str, value: object) -> None:
    assert refused(path, value)


@pytest.mark.parametrize(("path", "value"), AGAINST_THE_RULES)
def test_what_was_stored_before_the_rules_is_held_to_them_and_does_nothing(path: str, value: object) -> None:
    credential = parse_credential(with_field(path, value))
    assert len(credential.spec.invalid) < 1200
    assert credential.spec.invalid.startswith(
        f"spec: {path.removeprefix('spec.').partition('.')[0]}"
        if (value != "lightroom-oauth")
        else "spec: the token would overwrite the client Secret"
    )
    assert credential.spec.restart == ()
    assert "/" not in credential.spec.secret.name + client_of(credential.spec).secret_name


@pytest.mark.parametrize(
    ("path", "many"),
    [
        ("spec.scopes", [1] * 400_000),
        ("spec.restart", [{}] * 400_000),
        ("spec.client.secretKeys", [1] * 400_000),
        ("spec.secret.data", dict.fromkeys(map(str, range(200_000)), 1)),
        ("status.conditions", [{}] * 400_000),
        ("status.restarts", [{}] * 400_000),
    ],
)
def test_of_a_list_that_is_too_long_no_entry_is_looked_at(path: str, many: object) -> None:
    given_body = with_field(path, many)
    tracemalloc.start()
    credential = parse_credential(given_body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert credential.status == Status() if path.startswith("status") else "to " in credential.spec.invalid


def test_a_spec_that_is_invalid_still_claims_its_secret() -> None:
    spec = parse_credential(with_field("spec.scopes", [])).spec
    assert (spec.secret.name, client_of(spec).secret_name) == ("lightroom-token", "lightroom-oauth")
    assert parse_credential(with_field("spec", [])).spec.secret.name == "lightroom"


@pytest.mark.parametrize("length", [129, 200_000])
def test_a_digest_stands_for_a_long_rotate_request(length: int) -> None:
    def request(value: str) -> str:
        given_body = body()
        given_body["metadata"]["annotations"] = {"adobe-ims.dev/rotate": value}
        return parse_credential(given_body).rotate_request

    assert request("x" * 128) == "x" * 128
    assert request("x" * length).startswith("sha256:")
    assert len(request("x" * length)) == 39
    assert request("x" * length) != request("x" * (length - 1) + "y")
    assert request(request("x" * length)) == request("x" * length)


@pytest.mark.parametrize("given_body", [{}, {"metadata": {}}, {"spec": {}}, {"metadata": {"name": "x"}, "spec": None}])
def test_what_is_no_object_at_all_is_malformed_too(given_body: dict[str, Any]) -> None:
    with pytest.raises(MalformedResourceError):
        parse_credential(given_body)


# The status that is written is the status that is read

TEXTS = st.none() | st.text(max_size=20)
NUMBERS = st.none() | st.integers(0, 2**31 - 1)
CONDITIONS = st.builds(
    Condition,
    type=st.text(min_size=1, max_size=20),
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=st.text(min_size=1, max_size=20),
    message=st.text(),
    observed_generation=NUMBERS,
    last_transition_time=st.just("2026-11-20T10:00:05Z"),
)
RESTARTS = st.builds(
    Restart,
    kind=st.just("Deployment"),
    name=st.text(min_size=1, max_size=20),
    rotation=st.text(min_size=1, max_size=20),
    reason=st.text(min_size=1, max_size=20),
    message=TEXTS,
    observed_generation=NUMBERS,
)
STATUSES = st.builds(
    Status,
    observed_generation=NUMBERS,
    secret_name=TEXTS,
    secret_version=TEXTS,
    last_rotation_time=TEXTS,
    expiration_time=TEXTS,
    next_rotation_time=TEXTS,
    rotations=NUMBERS,
    failures=NUMBERS,
    client_secret_key=TEXTS,
    last_handled_rotation=TEXTS,
    restarts=st.lists(RESTARTS, max_size=3).map(tuple),
    conditions=st.lists(CONDITIONS, max_size=4).map(tuple),
)


@given(STATUSES)
def test_a_status_is_read_back_as_it_was_written(status: Status) -> None:
    written = to_json(status)
    assert parse_credential(body(MINIMAL) | written).status == status
    # The API server takes a merge patch: what is null is gone.
    merged = {name: value for name, value in written["status"].items() if value is not None}
    assert parse_credential(body(MINIMAL) | {"status": merged}).status == status


def test_a_field_that_is_gone_is_null_in_the_patch() -> None:
    patch = to_json(Status())
    assert patch.keys() == {"status"}
    assert patch["status"].pop("conditions") == []
    assert patch["status"].keys() >= {"observedGeneration", "lastRotationTime", "expirationTime", "nextRotationTime"}
    assert set(patch["status"].values()) == {None}


def test_the_status_that_a_new_object_is_given_counts_as_none() -> None:
    assert parse_credential(with_field("status", {"observedGeneration": -1})).status == Status()
