"""The facts survive their way through annotations, or are known to be damaged; the digests tell what changed."""

import base64
import string
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.digests import digest_client, digest_data, digest_spec, spec_digests
from adobe_ims_operator.api.ledger import Facts, facts_of_spec, new_rotation_id, owner_uid, read_facts
from adobe_ims_operator.api.resource import SecretTemplate, Spec, Workload
from adobe_ims_operator.api.source import ClientRef, SharedWith, TokenFrom
from adobe_ims_operator.core.model import HeldToken, Token
from adobe_ims_operator.core.policy import FRESH
from adobe_ims_operator.kube import token_secret
from unit import worlds
from unit.flow import API, api_client, serving

PREFIX = "adobe-ims.dev/"
ENDPOINT = worlds.ENDPOINT
TEXTS = st.text(max_size=30)
WORDS = st.text(st.characters(max_codepoint=127), max_size=30)
MOMENTS = st.integers(-(10**9), 10**11).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
FACTS = st.builds(
    Facts,
    **dict.fromkeys([name for name, kind in Facts.__annotations__.items() if kind is str], WORDS),
    issued_at=MOMENTS,
    expires_at=MOMENTS,
    rotations=st.integers(0, 2**31 - 1),
)
IDENTIFIED = st.builds(
    lambda issued_at, number, client_id, organization_id: worlds.facts(
        issued_at,
        rotation_id=new_rotation_id(issued_at, f"{number:x}"),
        client_id=client_id,
        organization_id=organization_id,
        token_spec_digest=f"{number:x}",
        token_type="bearer",
        source_rotation=f"1-{number:x}",
        client_value=f"{number:x}",
    ),
    st.integers(0, 10**11).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(0, 2**64 - 1),
    st.none() | WORDS,
    st.none() | WORDS,
)


@given(FACTS | IDENTIFIED)
def test_facts_are_read_back_as_they_were_written(facts: Facts) -> None:
    assert read_facts(facts.to_annotations()) == facts


@given(IDENTIFIED, st.dictionaries(TEXTS, TEXTS))
def test_annotations_of_others_do_no_harm(facts: Facts, others: dict[str, str]) -> None:
    assert read_facts(others | facts.to_annotations()) == facts


def test_facts_take_little_memory_whatever_is_in_them() -> None:
    annotations = worlds.facts().to_annotations()
    assert read_facts(annotations | {f"{PREFIX}data-digest": "\N{GRINNING FACE}"}) is None
    assert read_facts(annotations | {f"{PREFIX}data-digest": "x" * 1000}) is None


def test_every_fact_has_an_annotation_of_its_own_under_the_group() -> None:
    annotations = worlds.facts(
        rotation_id="1-a",
        client_id="client",
        organization_id="organization",
        token_spec_digest="d",
        token_type="bearer",
        source_rotation="1-b",
        client_value="v",
    ).to_annotations()
    assert [key for key in annotations if not key.startswith(PREFIX)] == []
    assert len(annotations) == len(Facts.__annotations__) + 1  # and the format


@pytest.mark.parametrize("name", sorted(worlds.facts().to_annotations()))
def test_without_one_of_them_the_facts_are_damaged(name: str) -> None:
    annotations = worlds.facts().to_annotations()
    del annotations[name]
    assert read_facts(annotations) is None


@given(IDENTIFIED)
def test_what_an_older_version_does_not_know_is_not_taken_for_a_fact_of_its_token(facts: Facts) -> None:
    older = replace(
        facts,
        rotation_id=None,
        client_id=None,
        organization_id=None,
        token_spec_digest=None,
        token_type=None,
        source_rotation=None,
        client_value=None,
    )
    assert read_facts(older.to_annotations()) == older
    # The older version changes the annotations that it knows, and leaves the others.
    later = replace(older, issued_at=facts.issued_at + timedelta(seconds=1))
    assert read_facts(facts.to_annotations() | later.to_annotations()) == later


@given(IDENTIFIED)
def test_a_rotation_has_an_id_also_where_an_older_version_wrote_none(facts: Facts) -> None:
    assert facts.rotation == facts.rotation_id
    older = replace(facts, rotation_id=None)
    assert older.rotation == replace(older, rotations=7).rotation
    assert older.rotation != replace(older, data_digest=f"{older.data_digest}2").rotation
    assert older.rotation != facts.rotation


@pytest.mark.parametrize("value", ["", "-", "a", "1764000000", "-5-a", "1764000000-", "9" * 5000 + "-a"])
def test_a_rotation_id_that_can_not_be_read_is_none_and_damages_nothing(value: str) -> None:
    facts = worlds.facts()
    assert read_facts(facts.to_annotations() | {f"{PREFIX}rotation-id": value}) == facts


def test_a_client_id_that_is_too_long_for_an_annotation_is_no_fact() -> None:
    facts = worlds.facts(rotation_id=new_rotation_id(worlds.NOW, "a"), client_id="c" * 257)
    assert read_facts(facts.to_annotations()) == replace(facts, client_id=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", ""),
        ("format", "0"),
        ("format", "2"),
        ("issued-at", ""),
        ("issued-at", "yesterday"),
        ("issued-at", "2026-11-23T10:00:00"),
        ("issued-at", "2026-11-23"),
        ("expires-at", "1795428000"),
        ("expires-at", "2026-11-23T25:00:00Z"),
        ("rotations", ""),
        ("rotations", "many"),
        ("rotations", "1.5"),
        ("rotations", "9" * 5000),
    ],
)
def test_a_value_that_can_not_be_read_damages_the_facts(name: str, value: str) -> None:
    assert read_facts(worlds.facts().to_annotations() | {PREFIX + name: value}) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issued-at", "0001-01-01T00:00:00+01:00"),
        ("expires-at", "9999-12-31T23:59:59-01:00"),
        ("rotations", "-1"),
        ("rotations", "9" * 30),
    ],
)
def test_a_value_beyond_all_bounds_damages_the_facts(name: str, value: str) -> None:
    assert read_facts(worlds.facts().to_annotations() | {PREFIX + name: value}) is None


@given(
    st.dictionaries(st.sampled_from(sorted(worlds.facts().to_annotations())), TEXTS | st.text(string.digits + "-:TZ+"))
)
def test_whatever_is_edited_the_facts_are_read_or_damaged(edited: dict[str, str]) -> None:
    facts = read_facts(worlds.facts().to_annotations() | edited)
    assert facts is None or read_facts(facts.to_annotations()) is not None


@pytest.mark.parametrize("annotations", [{}, {"other": "x"}, {PREFIX + "rotate": "now"}])
def test_a_secret_of_somebody_else_has_no_facts_and_no_owner(annotations: dict[str, str]) -> None:
    assert read_facts(annotations) is None
    assert owner_uid(annotations) is None


def test_the_owner_is_legible_where_the_facts_are_damaged() -> None:
    annotations = worlds.facts().to_annotations() | {PREFIX + "format": "?", PREFIX + "issued-at": "?"}
    assert read_facts(annotations) is None
    assert owner_uid(annotations) == worlds.facts().credential_uid


# Digests

SPEC = Spec(
    source=ClientRef("lightroom-oauth", "client_id", ("new", "old")),
    secret=SecretTemplate(
        "lightroom-token", labels={"a": "1", "b": "2"}, annotations={"c": "3"}, data={"k": "v", "l": "w"}
    ),
)
CLIENT = worlds.client_of(SPEC)
SECRET = replace(SPEC.secret)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SPEC, source=replace(CLIENT, secret_name="other")),
        replace(SPEC, source=replace(CLIENT, id_key="other")),
        replace(SPEC, source=replace(CLIENT, secret_keys=("new",))),
        replace(SPEC, source=replace(CLIENT, secret_keys=("old", "new"))),
        replace(SPEC, source=replace(CLIENT, secret_keys=("newold",))),
        replace(SPEC, source=replace(CLIENT, organization_id="1@AdobeOrg")),
        replace(SPEC, source=TokenFrom("photos", "lightroom")),
        replace(SPEC, endpoint="https://ims.example"),
        replace(SPEC, scopes=("openid", "AdobeID")),
        replace(SPEC, scopes=tuple(reversed(SPEC.scopes))),
        replace(SPEC, scopes=("openid,AdobeID", "read_organizations")),
        replace(SPEC, secret=replace(SECRET, name="other")),
        replace(SPEC, secret=replace(SECRET, type="other")),
        replace(SPEC, secret=replace(SECRET, labels={"a": "1"})),
        replace(SPEC, secret=replace(SECRET, labels={"a": "1", "b": "3"})),
        replace(SPEC, secret=replace(SECRET, labels={}, annotations={"a": "1", "b": "2", "c": "3"})),
        replace(SPEC, secret=replace(SECRET, labels={"a": "1", "b": "2", "c": "3"}, annotations={})),
        replace(SPEC, secret=replace(SECRET, annotations={"c": "4"})),
        replace(SPEC, secret=replace(SECRET, data={"k": "v"})),
        replace(SPEC, secret=replace(SECRET, data={"k": "w", "l": "v"})),
        replace(SPEC, secret=replace(SECRET, data={"k": "v", "m": "w"})),
        replace(SPEC, secret=replace(SECRET, deletion_policy="Retain")),
    ],
)
def test_what_the_token_or_its_secret_is_made_from_changes_the_digest(changed: Spec) -> None:
    assert digest_spec(changed) != digest_spec(SPEC)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SPEC, interval=timedelta(minutes=1)),
        replace(SPEC, suspend=True),
        replace(SPEC, restart=(Workload("Deployment", "web"),)),
        replace(SPEC, shared_with=SharedWith(("team-a",))),
        replace(SPEC, secret=replace(SECRET, adopt=True)),
        replace(SPEC, secret=replace(SECRET, drop_other_keys=True)),
        replace(SPEC, secret=replace(SECRET, labels={"b": "2", "a": "1"})),
        replace(SPEC, secret=replace(SECRET, data={"l": "w", "k": "v"})),
    ],
)
def test_what_makes_no_other_secret_does_not_change_the_digest(changed: Spec) -> None:
    assert digest_spec(changed) == digest_spec(SPEC)


@pytest.mark.parametrize(
    "secret",
    [
        replace(SECRET, labels={}),
        replace(SECRET, annotations={"c": "4"}),
        replace(SECRET, deletion_policy="Retain"),
        replace(SECRET, labels={}, annotations={}),
    ],
)
def test_metadata_is_no_part_of_what_the_token_is_made_from(secret: SecretTemplate) -> None:
    before, after = spec_digests(SPEC), spec_digests(replace(SPEC, secret=secret))
    assert before.token == after.token
    assert before.whole != after.whole
    changed = spec_digests(replace(SPEC, secret=replace(secret, data={"k": "$(access_token)"})))
    assert changed.token != after.token


PLAIN = replace(SPEC, secret=replace(SECRET, labels={}, annotations={}))


@pytest.mark.parametrize(
    ("stored", "spec", "is_of_it"),
    [
        (SPEC, SPEC, True),
        (PLAIN, SPEC, True),
        (PLAIN, replace(SPEC, scopes=("openid",)), False),
        (SPEC, replace(SPEC, secret=replace(SECRET, data={"k": "v"})), False),
    ],
)
def test_a_token_of_an_older_version_is_of_the_spec_that_it_was_made_from(
    stored: Spec, spec: Spec, is_of_it: bool
) -> None:
    assert worlds.facts(spec_digest=digest_spec(stored)).is_made_from(spec_digests(spec)) is is_of_it


@given(MOMENTS)
def test_what_metadata_is_written_with_is_read_back_as_of_the_same_token(moment: datetime) -> None:
    before = worlds.facts(moment, spec_digest=digest_spec(PLAIN))
    digests = spec_digests(SPEC)
    after = read_facts(before.to_annotations() | facts_of_spec(before, digests))
    assert after == replace(before, spec_digest=digests.whole, token_spec_digest=digests.token)
    other = spec_digests(replace(SPEC, scopes=("openid",)))
    assert facts_of_spec(before, other) == {}, "the token is not of that spec"


def test_every_field_of_a_spec_is_in_one_of_the_two_tables_above() -> None:
    assert {name for name, each in Spec.__dataclass_fields__.items() if each.init} == {
        "source", "secret", "scopes", "endpoint", "interval", "restart", "suspend", "shared_with",
    }  # fmt: skip
    assert set(ClientRef.__dataclass_fields__) == {"secret_name", "id_key", "secret_keys", "organization_id"}
    assert set(TokenFrom.__dataclass_fields__) == {"namespace", "name"}
    assert set(SecretTemplate.__dataclass_fields__) == {
        "name", "type", "labels", "annotations", "data", "deletion_policy", "adopt", "drop_other_keys",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("uid", "client_id", "secrets"),
    [
        ("uid-2", "id", {"new": "n", "old": "o"}),
        ("uid-1", "ID", {"new": "n", "old": "o"}),
        ("uid-1", "id", {"new": "n"}),
        ("uid-1", "id", {"new": "n", "old": "O"}),
        ("uid-1", "id", {"new": "o", "old": "n"}),
        ("uid-1", "id", {"new": "no", "old": ""}),
        ("uid-1id", "", {"new": "n", "old": "o"}),
    ],
)
def test_another_credential_id_or_secret_changes_the_digest_of_the_client(
    uid: str, client_id: str, secrets: dict[str, str]
) -> None:
    assert digest_client(uid, client_id, secrets) != digest_client("uid-1", "id", {"new": "n", "old": "o"})


def test_the_same_data_has_another_digest_under_another_credential() -> None:
    assert digest_data("uid-1", {"k": "dg=="}) == digest_data("uid-1", {"k": "dg=="})
    assert digest_data("uid-1", {"k": "dg=="}) != digest_data("uid-2", {"k": "dg=="})
    assert digest_data("uid-1", {"k": "dg=="}) != digest_data("uid-1", {"k": "dh=="})
    assert digest_data("uid-1", {"k": "dg=="}) != digest_data("uid-1", {"k": "dg==", "l": ""})
    assert digest_data("uid-1", {"k": "", "l": ""}) == digest_data("uid-1", {"l": "", "k": ""})


GOLDEN = """\
from adobe_ims_operator.api.digests import digest_client, digest_client_value, digest_data, digest_spec
from adobe_ims_operator.api.resource import SecretTemplate, Spec
from adobe_ims_operator.api.source import ClientRef
print(digest_spec(Spec(source=ClientRef("oauth"), secret=SecretTemplate("token"))))
print(digest_spec(Spec(source=ClientRef("oauth", organization_id="1@AdobeOrg"), secret=SecretTemplate("token"))))
print(digest_client("uid-1", "the id", {"client_secret": "the secret \u00e9"}))
print(digest_data("uid-1", {"access_token": "dG9rZW4=", "other": ""}))
print(digest_client_value("uid-1", "the id", "the secret \u00e9"))
"""


def test_a_later_version_of_the_operator_digests_the_same_as_otherwise_each_upgrade_would_rotate_every_token() -> None:
    printed = subprocess.run([sys.executable, "-c", GOLDEN], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [
        "6a1bc469249ac1574dce1d48d5f01ffe",
        "50cdb9ef1505ee534ceed1fd32fe1936",
        "e158226bbb828a6f699a96fc20af1f2b",
        "25d1ff9fbc8095762a446e26935ef220",
        "40a77077706c3fa145f61dd01fd734c7",
    ]


async def test_neither_a_token_nor_a_client_secret_is_in_the_metadata_of_a_token_secret() -> None:
    token, secret = "eyJ-the-token", "p8e-the-secret"
    facts = worlds.facts(client_digest=digest_client("uid-1", "the id", {"client_secret": secret}))
    held = HeldToken(Token(token, "bearer", timedelta(hours=24)), "the id", facts, worlds.INPUTS, "openid", FRESH)
    api = API([])
    async with serving(api):
        kube = api_client(api)
        await token_secret.write(kube, worlds.observed(), held, None)
        await kube.close()
    (written,) = api.secrets.values()
    metadata = str(written["metadata"])
    assert base64.b64encode(token.encode()).decode() in written["data"].values()
    for hidden in (token, secret):
        encoded = base64.b64encode(hidden.encode()).decode().rstrip("=")
        assert [form for form in (hidden, encoded, hidden.encode().hex()) if form in metadata] == []
