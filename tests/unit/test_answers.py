"""Whatever an answer holds, nothing of it or of the request gets into an error but what Adobe's support asks for."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER, Answer, Grant, Question, interpret
from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.errors import IMSError, IMSRateLimited, IMSResponseInvalid
from adobe_ims_operator.adobe.tls_trust import load_trust
from testbed.stand_in import StandIn
from unit.asking import CLIENT, SCOPES, assert_without_secrets

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
QUESTION = Question("https://ims.example", SCOPES, CLIENT.client_secret)

# An IMS that quotes the request and its own token, wherever it can.
quotes = st.sampled_from([CLIENT.client_secret, f"secret={CLIENT.client_secret}", "the-token", "the-token-of-ims"])
texts = st.text(max_size=40) | quotes
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
errors = st.sampled_from(["invalid_client", "invalid_scope", "invalid_request", "access_denied", "server_error"])
documents = st.fixed_dictionaries(
    {},
    optional={
        "access_token": st.just("the-token-of-ims") | anything,
        "token_type": st.sampled_from(["bearer", "Bearer"]) | anything,
        "expires_in": st.integers(-1, 900_000) | anything,
        "error": errors | anything,
        "error_description": anything,
    },
)
bodies = st.one_of(
    documents.map(lambda document: json.dumps(document).encode()),
    anything.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=100),
    quotes.map(str.encode),
    st.just(b"A" * (LONGEST_ANSWER + 1)),
)
headers = st.dictionaries(
    st.sampled_from(["date", "retry-after", "x-debug-id"]),
    st.sampled_from(["Thu, 26 Nov 2026 10:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT", "120", "a-debug-id"])
    | st.text(max_size=40)
    | st.sampled_from([CLIENT.client_secret, f"x.{CLIENT.client_secret}"]),
)


def read(answer: Answer) -> Grant | IMSError:
    try:
        return interpret(QUESTION, answer)
    except IMSError as error:
        return error


@settings(max_examples=1500)
@given(st.sampled_from([200, 400, 401, 403, 408, 429, 302, 503]) | st.integers(100, 999), headers, bodies)
def test_any_answer_is_a_token_that_can_be_used_or_an_error_of_one_short_line_without_secrets(
    status: int, given_headers: dict[str, str], body: bytes
) -> None:
    outcome = read(Answer(status, given_headers, body, NOW, NOW + timedelta(seconds=1)))
    if isinstance(outcome, Grant):
        assert status == 200
        assert_without_secrets(repr(outcome))
        assert timedelta(seconds=10) <= outcome.expires_at - outcome.issued_at <= timedelta(days=10)
        assert outcome.issued_at <= NOW
        return
    message = str(outcome)
    assert_without_secrets(f"{message} {outcome!r} {outcome.args!r} {outcome.debug_id}")
    assert len(message) < 400
    assert message.isprintable()
    assert outcome.__cause__ is outcome.__context__ is None
    if isinstance(outcome, IMSRateLimited) and outcome.retry_after is not None:
        assert 1 <= outcome.retry_after.total_seconds() <= 3600


def test_a_list_of_scopes_without_end_is_not_repeated_as_a_whole() -> None:
    question = Question(QUESTION.endpoint, ["scope"] * 1000, "p8e-secret")
    with pytest.raises(IMSError, match=r"scope,scope.*[.]{3}; set spec.scopes") as raised:
        interpret(question, Answer(400, {}, b'{"error": "invalid_scope"}', NOW, NOW))
    assert len(str(raised.value)) < 400


def refused(debug_id: str, body: bytes = b"") -> IMSError:
    with pytest.raises(IMSError) as raised:
        interpret(QUESTION, Answer(200 if body else 503, {"x-debug-id": debug_id}, body, NOW, NOW))
    return raised.value


@pytest.mark.parametrize("debug_id", ["12345678", "6f5902ac-237d-4a3e-a1b4-5e5d0a1b2c3d", "NA1-x-y-1", "a" * 64])
def test_an_error_has_the_debug_id_of_its_answer(debug_id: str) -> None:
    error = refused(debug_id)
    assert error.debug_id == debug_id
    assert str(error).endswith(f"(for Adobe's support: x-debug-id {debug_id})")


@pytest.mark.parametrize(
    "debug_id",
    ["", " ", "1234567", "a" * 65, "12345678 9", "12345678\t", "<12345678>", "\u00e9" * 8, "NA1.x_y-1", "123456789\n"],
)
def test_what_is_no_debug_id_is_left_out(debug_id: str) -> None:
    error = refused(debug_id)
    assert error.debug_id is None
    assert "x-debug-id" not in str(error)


@pytest.mark.parametrize(
    "debug_id",
    [CLIENT.client_secret, f"x-{CLIENT.client_secret}", CLIENT.client_secret[:8], "a" + CLIENT.client_secret[-8:]],
)
def test_a_debug_id_that_quotes_the_client_secret_is_left_out(debug_id: str) -> None:
    assert_without_secrets(str(refused(debug_id)))
    assert refused(debug_id).debug_id is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "the-token-of-ims", "expires_in": 1}',
        b'{"access_token": "\\u0074he-token-of-ims", "expires_in": 1}',
        b'{"token": "THE-TOKEN-OF-IMS"}',
        b"the-token-of-ims",
    ],
)
def test_a_debug_id_that_repeats_what_was_received_is_left_out(body: bytes) -> None:
    error = refused("of-a-the-token-of-ims", body)
    assert isinstance(error, IMSResponseInvalid)
    assert error.debug_id is None


@pytest.mark.parametrize("debug_id", [f"x-{CLIENT.client_id}", CLIENT.client_id.upper(), "x-read-organizations"])
def test_a_debug_id_that_repeats_anything_that_was_sent_is_left_out(debug_id: str) -> None:
    question = Question(QUESTION.endpoint, ("read-organizations",), CLIENT.client_secret, CLIENT.client_id)
    with pytest.raises(IMSError) as raised:
        interpret(question, Answer(503, {"x-debug-id": debug_id}, b"", NOW, NOW))
    assert raised.value.debug_id is None


@given(st.text(max_size=100))
def test_any_debug_id_leaves_a_message_of_one_short_line(header: str) -> None:
    message = str(refused(header))
    assert len(message) < 400
    assert message.isprintable()


async def test_the_debug_id_of_ims_reaches_the_error(stand_in: StandIn) -> None:
    stand_in.rules([{"behaviour": "server_error"}])
    client = IMSClient(load_trust(stand_in.ca))
    ids = set()
    for _ in range(2):
        with pytest.raises(IMSError) as raised:
            await client.fetch(stand_in.url, CLIENT, SCOPES)
        ids.add(raised.value.debug_id)
    assert None not in ids
    assert len(ids) == 2
    for value in (CLIENT.client_id, CLIENT.client_secret.replace("_", "-"), None):
        stand_in.rules([{"behaviour": "debug_id", "value": value}, {"behaviour": "server_error"}])
        with pytest.raises(IMSError) as raised:
            await client.fetch(stand_in.url, CLIENT, SCOPES)
        assert raised.value.debug_id is None
    await client.close()
