"""What the API server takes as an AdobeIMSClientSecret: refused beyond each bound, taken at it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integration.crds import without_rules
from integration.person import kubectl
from testbed import read_yaml
from testbed.api import Api, ApiError, Object, wait_for
from testbed.cluster import CRDS
from testbed.control_plane import ControlPlane

GROUP_VERSION, KIND, PLURAL = "adobe-ims.dev/v1alpha1", "AdobeIMSClientSecret", "adobeimsclientsecrets"
CRD = read_yaml.load((CRDS / f"{PLURAL}.yaml").read_text())
BOOTSTRAP = {"secretRef": {"name": "lightroom-oauth"}}
LEAST = {"organizationId": "23294", "credentialId": "436084", "bootstrap": BOOTSTRAP}
LONGEST_NAME = "x" * 253
MOMENT = "2026-11-26T10:00:00Z"


def manifest(spec: Object, name: str = "lightroom") -> Object:
    return {"apiVersion": GROUP_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def path(namespace: str, name: str = "lightroom") -> str:
    return f"/apis/{GROUP_VERSION}/namespaces/{namespace}/{PLURAL}/{name}".removesuffix("/")


@pytest.fixture
def namespace(api: Api) -> str:
    return api.create_namespace()


Apply = Callable[..., Object]


@pytest.fixture
def apply(api: Api, namespace: str) -> Apply:
    """Apply a spec that says this beside what it must."""

    def applied(**more: Any) -> Object:
        return api.apply(manifest({**LEAST, **more}), namespace=namespace)

    return applied


def test_defaults_are_filled_in(apply: Apply) -> None:
    made = apply()
    assert made["spec"] == {
        **LEAST,
        "bootstrap": {**BOOTSTRAP, "idKey": "client_id", "secretKey": "client_secret"},
        "secret": {},
        "interval": "2160h",
        "overlap": "168h",
        "oldSecretPolicy": "Delete",
        "suspend": False,
    }
    assert made["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("field", sorted(LEAST))
def test_what_must_be_said_is_asked_for(api: Api, namespace: str, field: str) -> None:
    spec = {name: value for name, value in LEAST.items() if name != field}
    with pytest.raises(ApiError, match=f"spec.{field}: Required value"):
        api.apply(manifest(spec), namespace=namespace)


@pytest.mark.parametrize(
    ("more", "advice"),
    [
        ({"organizationId": ""}, "at least 1 char"),
        ({"organizationId": "1" * 21}, "may not be more than 20"),
        ({"organizationId": "0123456789ABCDEF@Org"}, 'must be the number of the organization in the URL of the Adobe'),
        ({"credentialId": "1" * 21}, "may not be more than 20"),
        ({"credentialId": "-1"}, 'must be the number of the credential in the URL of the Adobe'),
        ({"credentialId": "1\n"}, 'such as "436084"'),
        ({"bootstrap": {}}, "spec.bootstrap.secretRef: Required value"),
        ({"bootstrap": {"secretRef": {"name": "No Name"}}}, "must be the name of a Secret"),
        ({"bootstrap": {"secretRef": {"name": LONGEST_NAME + "x"}}}, "may not be more than 253"),
        ({"bootstrap": {**BOOTSTRAP, "idKey": "client id"}}, "must be a key of a Secret"),
        ({"bootstrap": {**BOOTSTRAP, "secretKey": "client secret"}}, "must be a key of a Secret"),
        ({"endpoint": "https://ims-na1.adobelogin.com/ims"}, "must be a scheme and a host without a path"),
        ({"secret": {"name": "No Name"}}, "must be the name of a Secret"),
        ({"secret": {"name": ""}}, "at least 1 char"),
        ({"secret": {"name": "lightroom-oauth"}}, "set spec.secret.name to a name other than spec.bootstrap.secretRef"),
        ({"interval": "47h59m59s", "overlap": "24h"}, 'interval: Invalid value: "47h59m59s": must be a duration from'),
        ({"interval": "43800h0m1s"}, "must be a duration from 48h to 43800h"),
        ({"interval": "90d"}, "written like 2160h or 1440h30m"),
        ({"interval": ""}, "written like 2160h or 1440h30m"),
        ({"interval": "100000h"}, "must be a duration from 48h to 43800h"),
        ({"overlap": "23h59m59s"}, 'overlap: Invalid value: "23h59m59s": must be a duration from 24h'),
        ({"interval": "43800h", "overlap": "8760h1s"}, "must be a duration from 24h to 8760h"),
        ({"overlap": "7d"}, "written like 168h"),
        ({"overlap": ""}, "written like 168h"),
        ({"interval": "335h59m59s"}, "spec.interval: Invalid value: must be at least twice spec.overlap"),
        ({"overlap": "1080h0m1s"}, "set a longer spec.interval or a shorter spec.overlap"),
        ({"oldSecretPolicy": "Retain"}, 'supported values: "Delete", "Keep"'),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_spec_is_refused_with_advice(apply: Apply, more: Object, advice: str) -> None:
    with pytest.raises(ApiError) as refused:
        apply(**more)
    assert refused.value.status == 422
    assert advice in refused.value.message


@pytest.mark.parametrize(
    ("more", "kind"), [({"credentialId": 436084}, "string"), ({"suspend": "yes"}, "boolean")], ids=str
)
def test_quotes_that_lack_or_are_too_many_are_refused(api: Api, namespace: str, more: Object, kind: str) -> None:
    with pytest.raises(ApiError, match=f"must be of type {kind}"):
        api.post(path(namespace, ""), manifest({**LEAST, **more}))


@pytest.mark.parametrize(
    "more",
    [
        {"organizationId": "1", "credentialId": "2"},
        {"organizationId": "9" * 20, "credentialId": "0" * 20},
        {"bootstrap": {"secretRef": {"name": LONGEST_NAME}, "idKey": "CLIENT.ID", "secretKey": "x" * 253}},
        {"endpoint": "http://ims.test:8443"},
        {"secret": {"name": "lightroom"}},
        {"secret": {"name": LONGEST_NAME}},
        {"interval": "48h", "overlap": "24h"},
        {"interval": "43800h", "overlap": "8760h"},
        {"interval": "336h"},
        {"overlap": "1080h"},
        {"interval": "1440h30m", "overlap": "86400s"},
        {"oldSecretPolicy": "Keep", "suspend": True},
    ],
    ids=str,
)
def test_what_is_at_a_bound_is_taken(apply: Apply, more: Object) -> None:
    made = apply(**more)
    assert made["spec"].items() >= {key: value for key, value in more.items() if key != "bootstrap"}.items()


def test_whose_client_secret_it_is_and_where_it_is_kept_never_change(apply: Apply) -> None:
    named = {"name": "lightroom-client"}
    apply(secret=named)
    for field in ("organizationId", "credentialId"):
        with pytest.raises(ApiError, match=f"spec.{field}: Invalid value: .*can't be changed"):
            apply(secret=named, **{field: "7"})
    for other in ({"name": "other"}, {}):
        with pytest.raises(ApiError, match=r"spec.secret.name: Invalid value: .*put back the name of before"):
            apply(secret=other)
    later = {"interval": "720h", "overlap": "48h", "oldSecretPolicy": "Keep", "suspend": True}
    assert apply(secret=named, bootstrap={"secretRef": {"name": "another"}}, **later)["metadata"]["generation"] == 2


def test_a_managed_secret_that_has_the_objects_name_gets_no_other(apply: Apply) -> None:
    apply()
    with pytest.raises(ApiError, match="can't be changed, as the managed Secret is the only place"):
        apply(secret={"name": "other"})


STATUS = {
    "observedGeneration": 1,
    "reason": "OldClientSecretInUse",
    "secretName": "lightroom",
    "clientSecrets": [
        {"uuid": "a", "createdAt": MOMENT, "expiresAt": MOMENT, "lastUsedAt": MOMENT, "role": "Current"},
        {"uuid": "b", "createdAt": MOMENT, "lastUsedAt": "2026-11-20T10:00:00Z", "role": "Previous"},
    ],
    "oldUsedBy": ["photos/web"],
    "oldUsers": 12,
    "lastRotationTime": "2026-11-25T10:00:00Z",
    "nextRotationTime": "2027-02-23T10:00:00Z",
    "failures": 3,
    "lastHandledRotateRequest": "now",
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "Rotated", "message": "all is well", "lastTransitionTime": MOMENT}
    ],
}


def test_the_status_is_kept_and_kubectl_shows_what_matters(
    api: Api, control_plane: ControlPlane, apply: Apply, namespace: str
) -> None:
    apply()
    kept = api.patch(f"{path(namespace)}/status", {"status": STATUS})["status"]
    assert kept == STATUS
    get = ("-n", namespace, "get", "imsclientsecret", "lightroom")
    head, line = kubectl(control_plane, *get).splitlines()
    assert head.split("  ")[0] == "NAME"
    assert [each.strip() for each in head.split("  ") if each.strip()] == [
        "NAME", "READY", "STATUS", "SECRET", "REPLACED", "NEXT", "OLD USED", "AGE",
    ]  # fmt: skip
    name, ready, status, secret, replaced, following, old_used, _ = line.split()
    assert (name, ready, status, following) == ("lightroom", "True", "OldClientSecretInUse", STATUS["nextRotationTime"])
    assert secret == STATUS["secretName"]
    assert replaced != old_used, "the age of the one in use, and the last use of the previous one"
    assert "<" not in replaced + old_used
    wide = kubectl(control_plane, *get, "-o", "wide").splitlines()
    assert [name in wide[0] for name in ("USERS OF OLD", "FAILURES", "MESSAGE")] == [True] * 3
    assert all(text in wide[1] for text in (" 12 ", " 3 ", "all is well"))


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ({"clientSecrets": [{"uuid": str(n), "role": "Unknown"} for n in range(9)]}, "must have at most 8 items"),
        ({"oldUsedBy": [str(n) for n in range(11)]}, "must have at most 10 items"),
        ({"clientSecrets": [{"uuid": "a"}]}, "role: Required value"),
        ({"clientSecrets": [{"uuid": "a", "role": "Other"}]}, "supported values"),
    ],
    ids=["client secrets", "users", "role", "other role"],
)
def test_the_status_is_bounded(api: Api, apply: Apply, namespace: str, status: Object, advice: str) -> None:
    apply()
    with pytest.raises(ApiError, match=advice):
        api.patch(f"{path(namespace)}/status", {"status": status})


def test_a_status_has_room_for_all_that_it_may_name(api: Api, apply: Apply, namespace: str) -> None:
    apply()
    entries = [{"uuid": str(number), "role": "Unknown"} for number in range(8)]
    status = {"clientSecrets": entries, "oldUsedBy": [f"{'n' * 63}/{LONGEST_NAME}"] * 10}
    assert api.patch(f"{path(namespace)}/status", {"status": status})["status"].items() >= status.items()


@pytest.fixture
def stored(api: Api, namespace: str) -> Iterator[None]:
    """An object that each rule refuses, as a CRD without rules took it."""
    broken = {
        "organizationId": "x",
        "credentialId": "x",
        "bootstrap": {"secretRef": {"name": "A"}, "idKey": " ", "secretKey": " "},
        "endpoint": "x",
        "secret": {"name": "A"},
        "interval": "1h",
        "overlap": "2h",
    }
    try:
        api.apply(without_rules(CRD))
        wait_for("the rules to be gone", lambda: api.apply(manifest(broken), namespace=namespace))
        yield
    finally:
        api.apply(CRD)


@pytest.mark.usefixtures("stored")
def test_what_breaks_the_rules_can_be_told_so_and_annotated(api: Api, namespace: str) -> None:
    api.apply(CRD)
    other = manifest({**LEAST, "organizationId": "x"}, "other")

    def refused() -> bool:
        with pytest.raises(ApiError):
            api.apply(other, namespace=namespace)
        return True

    wait_for("the rules to be back", refused)
    assert api.patch(f"{path(namespace)}/status", {"status": STATUS})["status"] == STATUS
    note = {"metadata": {"annotations": {"adobe-ims.dev/rotate": "1"}}}
    assert api.patch(path(namespace), note)["metadata"]["annotations"] == note["metadata"]["annotations"]
