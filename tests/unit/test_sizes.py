"""What a token Secret can become is measured before a token is asked for, and never built."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe.errors import IMSResponseInvalid
from adobe_ims_operator.api.digests import digest_data, digest_spec
from adobe_ims_operator.api.ledger import read_facts
from adobe_ims_operator.api.placeholders import NAMES, TemplateError, holds_token, measure, render
from adobe_ims_operator.api.resource import Key, SecretTemplate, Spec
from adobe_ims_operator.api.sizes import MAX_SECRET_SIZE, secret_size
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.api.token_rules import LONGEST_LIFETIME
from adobe_ims_operator.core.decision import Ask
from adobe_ims_operator.core.decision import Refuse as Refused
from adobe_ims_operator.core.policy import decide, why_not_ready
from adobe_ims_operator.kube.secret_metadata import observe_secret
from unit import worlds
from unit.asking import Fetch, Refuse, Serve, check

PIECES = st.sampled_from(["$", "$$", "$(", ")", "$(access_token)", "$(client_id)", "$(nope)", "é", "😀", "\n", "a"])
TEXTS = st.text() | st.lists(PIECES, max_size=12).map("".join)
VALUES = st.fixed_dictionaries({name: st.text(max_size=9) for name in NAMES})
DIGEST = "6a1bc469249ac1574dce1d48d5f01ffe"
HUGE = {f"k{number}": "$(access_token)" * 1092 for number in range(32)}


@given(TEXTS, VALUES)
def test_the_measure_is_the_length_of_what_is_rendered(text: str, values: dict[str, str]) -> None:
    lengths = {name: len(value.encode()) for name, value in values.items()}
    assert outcome(lambda: measure(text, lengths)) == outcome(lambda: len(render(text, values).encode()))


def outcome(make: Callable[[], int]) -> int | None:
    try:
        return make()
    except TemplateError:
        return None


@given(TEXTS)
def test_a_text_holds_the_token_where_the_token_is_rendered(text: str) -> None:
    values = dict.fromkeys(NAMES, "")
    try:
        shown = "TOKEN" in render(text.replace("TOKEN", ""), values | {"access_token": "TOKEN"})
    except TemplateError:
        return
    assert holds_token(text) == shown


def test_the_size_is_that_with_the_longest_values() -> None:
    template = {"a": "".join(f"$({name})" for name in NAMES)}
    longest = len(str(int(LONGEST_LIFETIME / timedelta(seconds=1))))
    times = 2 * len(to_rfc3339(worlds.NOW))
    fixed = 8192 + len("bearer") + times + longest + 256 + len("a,bc")
    assert secret_size(template, ["a", "bc"], "1@AdobeOrg") == fixed + len("1@AdobeOrg")


def spec(data: dict[str, str], annotations: dict[str, str] | None = None) -> Spec:
    return Spec(source=ClientRef("oauth"), secret=SecretTemplate("token", data=data, annotations=annotations or {}))


@pytest.mark.parametrize(
    ("given_spec", "reason", "said"),
    [
        (spec(HUGE), "SecretTooLarge", f"could have {32 * 1092 * 8192} bytes"),
        (spec({"a": "$(access_token)" * 128 + "x"}), "SecretTooLarge", f"Kubernetes takes {MAX_SECRET_SIZE}"),
        (spec({"a": "$(access_token)"}, {f"x{n}": "é" * 4096 for n in range(32)}), "SecretTooLarge", "annotations"),
        (spec({"a": "$$(access_token)"}), "TemplateInvalid", "no key holds the token"),
        (spec({"a": "$(access_token) $(nope)"}), "TemplateInvalid", "unknown placeholder $(nope)"),
        (
            spec({"a": "$(access_token) $(organization_id)"}),
            "TemplateInvalid",
            "$(organization_id) has no value; set spec.client.organizationId",
        ),
    ],
)
def test_what_can_not_be_written_is_refused_before_ims_is_asked(given_spec: Spec, reason: str, said: str) -> None:
    decision = decide(worlds.observed(spec=given_spec), worlds.NOW)
    assert isinstance(decision, Refused)
    assert decision.finding.reason == reason
    assert said in decision.finding.message


@pytest.mark.parametrize("text", ["$(access_token)" * 128, "$$$(access_token)"])
def test_what_just_fits_is_asked_for(text: str) -> None:
    assert isinstance(decide(worlds.observed(spec=spec({"a": text})), worlds.NOW), Ask)


def test_a_template_without_the_token_never_counts_as_a_fresh_one() -> None:
    secret = worlds.token_secret(worlds.facts())
    assert why_not_ready(worlds.observed(secret, spec=spec({"a": "$(access_token)"})), worlds.NOW) is None
    assert why_not_ready(worlds.observed(secret, spec=spec({"a": "$$(access_token)"})), worlds.NOW) is not None


def test_what_is_measured_is_no_part_of_the_digest() -> None:
    # As earlier versions wrote it: an upgrade asks for no token.
    assert digest_spec(Spec(source=ClientRef("oauth"), secret=SecretTemplate("token"))) == DIGEST


def seconds(data: dict[str, str]) -> float:
    """The time of a parse and a render of the worst of a template."""
    values = dict.fromkeys(NAMES, "v") | {"access_token": "t" * 8192}
    started = time.process_time()
    measured = spec(data)
    digest_spec(measured)
    if measured.secret_size <= MAX_SECRET_SIZE and not measured.template_problem:
        digest_data("uid", {key: render(text, values) for key, text in data.items()})
    return time.process_time() - started


@pytest.mark.parametrize(
    "data",
    [
        HUGE,
        {"a": "$(access_token)" * 128},
        {f"k{number}": "$$" * 8192 for number in range(31)} | {"t": "$(access_token)"},
        {f"k{number}": "$(" * 8192 for number in range(32)},
    ],
)
def test_the_worst_of_templates_takes_milliseconds(data: dict[str, str]) -> None:
    assert min(seconds(data) for _ in range(5)) < 0.1


@pytest.mark.parametrize("name", sorted(set(worlds.facts().to_annotations()) - {"adobe-ims.dev/rotate"}))
def test_a_fact_that_is_too_long_damages_the_facts(name: str) -> None:
    assert read_facts(worlds.facts().to_annotations() | {name: "1" * 318}) is None


def test_a_long_rotate_request_of_an_earlier_version_is_still_the_one_that_was_answered() -> None:
    known = read_facts(replace(worlds.facts(), rotate_request="x" * 1000).to_annotations())
    assert known is not None
    assert known.rotate_request.startswith("sha256:")


def test_what_others_write_of_an_owner_is_kept_short() -> None:
    key = Key("photos", "token")
    owner = {"kind": "AdobeIMSCredential", "apiVersion": "adobe-ims.dev/v1alpha1", "name": "n" * 10**6}
    metadata = {"namespace": key.namespace, "name": key.name, "uid": "u", "resourceVersion": "1"}
    secret = observe_secret({**metadata, "ownerReferences": [{**owner, "uid": "u" * 10**6, "controller": True}]})
    assert max(len(secret.owner), len(secret.credential_uid or ""), len(secret.controller_uid or "")) <= 317


@pytest.mark.parametrize("length", [8193, 20_000])
async def test_a_token_that_is_longer_than_the_longest_is_no_token(serve: Serve, refuse: Refuse, length: int) -> None:
    body = f'{{"access_token": "{"t" * length}", "token_type": "bearer", "expires_in": 60}}'
    check(await refuse((await serve(body)).url), IMSResponseInvalid, "an access_token of more than 8192 bytes")


async def test_the_longest_token_is_taken(serve: Serve, fetch: Fetch) -> None:
    body = f'{{"access_token": "{"t" * 8192}", "token_type": "bearer", "expires_in": 60}}'
    assert len((await fetch((await serve(body)).url)).access_token) == 8192
