"""An AdobeIMSClientSecret as the API server stores it, whatever that is."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.client_secret import Bootstrap, parse_client_secret
from adobe_ims_operator.api.client_secret_status import (
    ClientSecretStatus,
    ReportedClientSecret,
    Role,
    client_secret_status_to_json,
    parse_client_secret_status,
)
from adobe_ims_operator.api.resource import MalformedResourceError
from adobe_ims_operator.api.status import Condition

GIVEN = {"organizationId": "23294", "credentialId": "436084", "bootstrap": {"secretRef": {"name": "oauth"}}}
METADATA = {
    "namespace": "photos",
    "name": "lightroom",
    "uid": "u",
    "generation": 1,
    "resourceVersion": "7",
    "creationTimestamp": "2026-01-01T00:00:00Z",
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def body(**spec: Any) -> dict[str, Any]:
    return {"metadata": METADATA, "spec": {**GIVEN, **spec}}


def test_what_is_not_given_has_its_default() -> None:
    spec = parse_client_secret(body()).spec
    assert spec.invalid == ""
    assert spec.bootstrap == Bootstrap("oauth", "client_id", "client_secret")
    assert spec.secret.name == "lightroom"
    assert (spec.interval, spec.overlap) == (timedelta(hours=2160), timedelta(hours=168))
    assert (spec.keeps_old, spec.suspend, spec.endpoint) == (False, False, None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"organizationId": "12a"}, "organizationId"),
        ({"credentialId": "1" * 21}, "credentialId"),
        ({"credentialId": 436084}, "credentialId"),
        ({"credentialId": "٣"}, "credentialId"),
        ({"bootstrap": {}}, "bootstrap"),
        ({"bootstrap": None}, "bootstrap"),
        ({"secret": {"name": "oauth"}}, "secret.name"),
        ({"secret": []}, "secret"),
        ({"overlap": "23h"}, "overlap"),
        ({"overlap": "999999999h"}, "overlap"),
        ({"interval": "335h"}, "interval"),
        ({"interval": "99999h"}, "interval"),
        ({"interval": 5}, "interval"),
        ({"oldSecretPolicy": "Delte"}, "oldSecretPolicy"),
        ({"suspend": "false"}, "suspend"),
        ({"endpoint": "ftp://x"}, "endpoint"),
    ],
)
def test_what_does_not_fit_is_named_and_the_object_is_kept(given: dict[str, Any], field: str) -> None:
    resource = parse_client_secret(body(**given))
    assert field in resource.spec.invalid
    assert resource.key.name == "lightroom"


@given(spec=JUNK | st.dictionaries(st.sampled_from([*GIVEN, "secret", "interval", "overlap", "suspend"]), JUNK))
def test_no_spec_loses_the_object(spec: object) -> None:
    assert parse_client_secret({"metadata": METADATA, "spec": spec}).uid == "u"


@given(metadata=JUNK)
def test_an_object_that_has_no_name_is_malformed(metadata: object) -> None:
    with pytest.raises(MalformedResourceError):
        parse_client_secret({"metadata": metadata, "spec": GIVEN})


@given(status=JUNK)
def test_a_status_that_can_not_be_read_is_none(status: object) -> None:
    assert isinstance(parse_client_secret_status(status), ClientSecretStatus)


def test_a_status_is_read_as_it_was_written() -> None:
    entry = ReportedClientSecret("a", "2026-01-01T00:00:00Z", None, None, Role.CURRENT)
    ready = Condition("Ready", "True", "InPlace", "fine", 3, "2026-01-01T00:00:00Z")
    status = ClientSecretStatus(
        observed_generation=3, reason="InPlace", secret_name="client", client_secrets=(entry,), failures=0,
        last_check_time="2026-01-01T00:00:00Z",
        last_rotation_time="2026-01-01T00:00:00Z", next_rotation_time="2026-01-02T00:00:00Z",
        last_handled_rotate_request="now", old_used_by=("photos/web",), old_users=1, conditions=(ready,),
    )  # fmt: skip
    assert parse_client_secret_status(client_secret_status_to_json(status)["status"]) == status


def test_a_status_that_is_too_large_to_be_kept_counts_as_none() -> None:
    def status(message: str) -> dict[str, Any]:
        condition = {"type": "Ready", "status": "True", "reason": "R", "message": message}
        return {"reason": "R", "conditions": [condition | {"type": kind} for kind in ("Ready", "Mine", "Yours")]}

    ordinary = parse_client_secret_status(status("as long as ours are" * 50))
    assert [condition.type for condition in ordinary.conditions] == ["Ready", "Mine", "Yours"]
    # Four bytes in memory for each character of a text that has such a one.
    assert parse_client_secret_status(status("a" * 2000 + "\N{GRINNING FACE}")) == ClientSecretStatus()
