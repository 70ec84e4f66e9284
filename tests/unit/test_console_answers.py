"""An answer of the console API is what was asked for, or an error in which nothing of what was sent or received is."""

import json
import uuid as uuid_module
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adobe_ims_operator.adobe.answers import LONGEST_ANSWER, Answer
from adobe_ims_operator.adobe.console_answers import (
    MOST_LISTED,
    Operation,
    interpret_add,
    interpret_delete,
    interpret_list,
    unreachable,
)
from adobe_ims_operator.adobe.console_errors import (
    ClientSecretGone,
    ClientSecretLimitReached,
    ConsoleError,
    ConsoleRateLimited,
    ConsoleRefused,
    ConsoleResponseInvalid,
    ConsoleUnavailable,
    CredentialNotFound,
    ManagementNotPermitted,
    Outcome,
)
from adobe_ims_operator.adobe.errors import Fault
from adobe_ims_operator.api.sizes import MAX_CLIENT_SECRET_SIZE
from adobe_ims_operator.core.replacement.listing import AddedClientSecret, ListedClientSecret, Listing, NoUse
from unit.asking import assert_without_secrets

ENDPOINT = "https://console.example"
NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
DATE = "Thu, 26 Nov 2026 10:00:00 GMT"
UUID = "6f5902ac-237d-4a3e-a1b4-5e5d0a1b2c3d"
CLIENT_ID = "0123456789abcdef0123456789abcdef"
ADOBES = "11ede399b68b57a5aca6a96b8b6487c9"
"""A uuid as Adobe's page has it."""
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpZCI6IjExZWQifQ.11ede399-b68b57a5aca6a96b8b6487c9"
READ: dict[Operation, Callable[[str, Answer], Listing | AddedClientSecret | None]] = {
    Operation.LIST: lambda endpoint, given_answer: interpret_list(endpoint, given_answer, "the-token"),
    Operation.ADD: lambda endpoint, given_answer: interpret_add(endpoint, given_answer, "the-token"),
    Operation.DELETE: interpret_delete,
}
REASONS = {
    CredentialNotFound: "CredentialMismatch",
    ClientSecretGone: "OldClientSecretGone",
    ClientSecretLimitReached: "TwoClientSecrets",
    ConsoleRefused: "ConsoleResponseInvalid",
}
"""Where the reason of a condition says it in the words of those who have an AdobeIMSClientSecret."""
CHANGES = (Operation.ADD, Operation.DELETE)


def entry(uuid: str = UUID, **fields: object) -> dict[str, object]:
    return {
        "uuid": uuid,
        "created_at": "1682448485000",
        "created_at_str": "2023-04-25T18:48:05.000Z",
        "expires_at": "PERMANENT",
        "expires_at_str": "PERMANENT",
        "secret_usages": [{"last_used_at": "1683162010101", "grant_type": "client_credentials"}],
        **fields,
    }


def listing(*entries: object, **fields: object) -> dict[str, object]:
    return {"client_id": CLIENT_ID, "client_secrets": list(entries), **fields}


def answer(body: object = b"", status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"date": DATE, **headers}, raw, NOW, NOW + timedelta(seconds=1))


def read(operation: Operation, given_answer: Answer) -> Listing | AddedClientSecret | ConsoleError | None:
    try:
        return READ[operation](ENDPOINT, given_answer)
    except ConsoleError as error:
        return error


def only(document: dict[str, object]) -> ListedClientSecret:
    [secret] = interpret_list(ENDPOINT, answer(document), "the-token").secrets
    return secret


# What Adobe's page shows


def test_a_list_is_read_as_adobes_page_has_it() -> None:
    unused = entry(ADOBES, secret_usages=None, expires_at="1714070885000")
    assert interpret_list(ENDPOINT, answer(listing(entry(), unused)), "the-token") == Listing(
        CLIENT_ID,
        (
            ListedClientSecret(
                UUID,
                datetime(2023, 4, 25, 18, 48, 5, tzinfo=UTC),
                datetime(2023, 5, 4, 1, 0, 10, 101_000, tzinfo=UTC),
                None,
            ),
            ListedClientSecret(
                ADOBES,
                datetime(2023, 4, 25, 18, 48, 5, tzinfo=UTC),
                NoUse.NULL,
                datetime(2024, 4, 25, 18, 48, 5, tzinfo=UTC),
            ),
        ),
        NOW,
    )


@pytest.mark.parametrize("status", [200, 201])
def test_a_new_client_secret_is_read_with_its_value(status: int) -> None:
    given_answer = answer({**entry(), "client_secret": "p8e-new", "secret_usages": None}, status)
    added = interpret_add(ENDPOINT, given_answer, "the-token")
    assert added == AddedClientSecret(UUID, "p8e-new")
    assert_without_secrets(repr(added))


def test_a_deletion_is_read_from_its_status() -> None:
    interpret_delete(ENDPOINT, answer(status=204))


@pytest.mark.parametrize("count", [0, 1, 3, MOST_LISTED])
def test_another_number_of_client_secrets_than_two_is_listed_as_it_is(count: int) -> None:
    uuids = [str(uuid_module.UUID(int=number)) for number in range(count)]
    listed = interpret_list(ENDPOINT, answer(listing(*map(entry, uuids))), "the-token")
    assert [secret.uuid for secret in listed.secrets] == uuids


# Times decide what is deleted


@pytest.mark.parametrize("value", ["1683162010101", 1683162010101, 1683162010101.0, "01683162010101"])
def test_a_time_is_milliseconds_as_a_string_or_a_number(value: object) -> None:
    secret = only(listing(entry(created_at=value, expires_at=value, secret_usages=[{"last_used_at": value}])))
    moment = datetime(2023, 5, 4, 1, 0, 10, 101_000, tzinfo=UTC)
    assert (secret.created_at, secret.expires_at, secret.last_use) == (moment, moment, moment)


@pytest.mark.parametrize(
    "value",
    [
        None, "", "0", 0, -1, "-1683162010101", True, False, [], {}, "soon", "PERMANENT", "1683162010101.5",
        " 1683162010101",
        "1683162010", 1683162010, 1683162010.5, "1683162010101000", 10**30, "9" * 5000, float("nan"), float("inf"),
        "2023-05-04T01:00:10Z", "\u0661683162010101",
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_a_use_whose_time_may_mean_something_else_is_unreadable_and_never_an_early_one(value: object) -> None:
    usages = [{"last_used_at": value}]
    assert only(listing(entry(created_at=value, secret_usages=usages))).last_use is NoUse.UNREADABLE
    assert only(listing(entry(created_at=value))).created_at is None
    assert only(listing(entry(secret_usages=[{"last_used_at": "1683162010101"}, *usages]))).last_use is NoUse.UNREADABLE


@pytest.mark.parametrize(
    "value", ["", "0", -1, True, [], {}, "soon", "permanent", "1683162010", "2023-05-04T01:00:10Z"]
)
def test_an_end_that_can_not_be_read_is_not_taken_for_none(value: object) -> None:
    assert only(listing(entry(expires_at=None))).expires_at is None
    with pytest.raises(ConsoleResponseInvalid, match="expires_at that can't be read"):
        only(listing(entry(expires_at=value)))


def test_the_last_use_is_the_latest_of_all_grants() -> None:
    usages = [{"last_used_at": str(1683162010101 + later), "grant_type": "any"} for later in (5, 9000, 0)]
    assert only(listing(entry(secret_usages=usages))).last_use == datetime(2023, 5, 4, 1, 0, 19, 101_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("usages", "last_use"),
    [
        (None, NoUse.NULL),
        ([], NoUse.NULL),
        ({}, NoUse.UNREADABLE),
        ("null", NoUse.UNREADABLE),
        (0, NoUse.UNREADABLE),
        ([None], NoUse.UNREADABLE),
        (["1683162010101"], NoUse.UNREADABLE),
        ([{}], NoUse.UNREADABLE),
    ],
)
def test_a_client_secret_without_a_use_is_told_from_one_whose_uses_can_not_be_read(
    usages: object, last_use: NoUse
) -> None:
    assert only(listing(entry(secret_usages=usages))).last_use is last_use


def test_usages_that_are_not_there_at_all_are_unreadable() -> None:
    without = {name: value for name, value in entry().items() if name != "secret_usages"}
    assert only(listing(without)).last_use is NoUse.UNREADABLE


# What can't be relied on


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "without a JSON object"),
        (b"<html>p8e-</html>", "without a JSON object"),
        ([entry()], "without a JSON object"),
        (b"[" * 30_000, "without a JSON object"),
        (b"{" + b" " * LONGEST_ANSWER + b"}", f"more than {LONGEST_ANSWER} bytes"),
        ({"client_id": CLIENT_ID}, "without client_secrets"),
        (listing(client_secrets=None), "without client_secrets"),
        (listing(client_secrets={UUID: entry()}), "without client_secrets"),
        ({"client_secrets": []}, "without a client_id"),
        *[
            (listing(client_id=value), "without a client_id")
            for value in (None, "", 1, "p8e-with space", "a" * 257, "a\n", "\u0430", "../x")
        ],
        *[
            (listing(entry(uuid)), "no uuid")  # type: ignore[arg-type] # whatever JSON may hold
            for uuid in (
                None,
                "",
                7,
                "a/b",
                "..",
                "a b",
                "a\n",
                "u" * 65,
                "-",
                "\u0430",
                "p8e-quoted",
                f"{UUID}\n",
                UUID[:-1],
                ADOBES + "0",
                f"{UUID[:8]}{UUID[9:]}",
                "p8e-" + ADOBES[4:],
                "g" * 32,
            )
        ],
        (listing(entry(), None), "no uuid"),
        (listing("p8e-text"), "no uuid"),
        (listing(entry(), entry()), "one uuid for two"),
        (listing(entry(), entry(secret_usages=None)), "one uuid for two"),
        (listing(*(entry(f"uuid-{number}") for number in range(MOST_LISTED + 1))), f"more than {MOST_LISTED}"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_list_that_says_less_than_all_is_none(document: Any, words: str) -> None:
    check(read(Operation.LIST, answer(document)), ConsoleResponseInvalid, Outcome.NOT_DONE, words, "captive portal")


@pytest.mark.parametrize("date", ["", "soon", "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_list_without_a_time_by_adobes_clock_is_none(date: str) -> None:
    outcome = read(Operation.LIST, answer(listing(entry()), date=date))
    check(outcome, ConsoleResponseInvalid, Outcome.NOT_DONE, "Date")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "without a client_secret that can be used"),
        *[
            ({"client_secret": value}, "without a client_secret that can be used")
            for value in (
                None, "", " ", 1, ["p8e-new"], "p8e-new\n", " p8e-new", "p8e-new ", "p8e-\x00new", "p8e-n\u00e9w",
                "p8e-\ud800",
                "p8e-" + "a" * MAX_CLIENT_SECRET_SIZE,
            )
        ],
        ({"client_secret": "p8e-new", "uuid": None}, "without a uuid"),
        ({"client_secret": "p8e-new", "uuid": "p8e/new"}, "without a uuid"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_a_value_that_can_not_be_used_was_added_perhaps(fields: dict[str, object], words: str) -> None:
    outcome = read(Operation.ADD, answer({**entry(), **fields}, 201))
    check(outcome, ConsoleResponseInvalid, Outcome.UNKNOWN, words, "Whether a client secret was added is not known")


@pytest.mark.parametrize("length", [1, MAX_CLIENT_SECRET_SIZE])
def test_a_value_may_be_as_long_as_one_in_a_client_secret(length: int) -> None:
    added = interpret_add(ENDPOINT, answer({"uuid": UUID, "client_secret": "a" * length}, 201), "the-token")
    assert added.value == "a" * length


# What people read repeats no secret


@pytest.mark.parametrize(
    "value", [ADOBES, ADOBES.upper(), str(uuid_module.UUID(ADOBES)), f"p8e-{ADOBES}", f"p8e-{ADOBES[5:13]}"]
)
def test_a_uuid_that_repeats_the_value_is_refused_and_told_to_nobody(value: str) -> None:
    outcome = read(Operation.ADD, answer({**entry(ADOBES), "client_secret": value}, 201))
    check(outcome, ConsoleResponseInvalid, Outcome.UNKNOWN, "with a uuid that repeats its client_secret")
    assert ADOBES not in str(outcome)
    assert value not in str(outcome)


@pytest.mark.parametrize("uuid", [ADOBES, ADOBES.upper(), str(uuid_module.UUID(ADOBES)), UUID[:-13] + "-b68b57a50000"])
def test_a_uuid_that_repeats_the_token_is_refused_and_told_to_nobody(uuid: str) -> None:
    listed = answer(listing(entry(), entry(uuid)))
    with pytest.raises(ConsoleResponseInvalid, match="with a uuid that repeats what was sent") as of_list:
        interpret_list(ENDPOINT, listed, TOKEN)
    with pytest.raises(ConsoleResponseInvalid, match="with a uuid that repeats") as of_add:
        interpret_add(ENDPOINT, answer({**entry(uuid), "client_secret": "p8e-new"}, 201), TOKEN)
    assert uuid not in f"{of_list.value!r} {of_add.value!r}"
    assert (of_list.value.outcome, of_add.value.outcome) == (Outcome.NOT_DONE, Outcome.UNKNOWN)


# Refusals


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_told_with_what_a_person_does(operation: Operation, status: int) -> None:
    words = (f"HTTP {status}", "Developer Console", "I/O Management API", "manage_client_secrets")
    check(read(operation, answer(b"p8e-", status)), ManagementNotPermitted, Outcome.NOT_DONE, *words)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_the_credential_or_the_client_secret(status: int) -> None:
    for operation in (Operation.LIST, Operation.ADD):
        check(read(operation, answer(status=status)), CredentialNotFound, Outcome.NOT_DONE, "spec.credentialId")
    check(read(Operation.DELETE, answer(status=status)), ClientSecretGone, Outcome.NOT_DONE, "the next list")


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_third_client_secret_is_refused(status: int) -> None:
    check(read(Operation.ADD, answer(status=status)), ClientSecretLimitReached, Outcome.NOT_DONE, "two already")
    for operation in (Operation.LIST, Operation.DELETE):
        check(read(operation, answer(status=status)), ConsoleRefused, Outcome.NOT_DONE, f"HTTP {status}")


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("status", [405, 413, 415])
def test_another_refusal_is_for_a_person_too(operation: Operation, status: int) -> None:
    check(read(operation, answer(status=status)), ConsoleRefused, Outcome.NOT_DONE, f"HTTP {status}")


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 1), ("9999", 3600), ("soon", None)])
def test_throttling_changes_nothing_and_says_how_long_to_wait(
    operation: Operation, header: str, seconds: int | None
) -> None:
    outcome = read(operation, answer(status=429, **{"retry-after": header}))
    check(outcome, ConsoleRateLimited, Outcome.NOT_DONE, "HTTP 429")
    assert isinstance(outcome, ConsoleRateLimited)
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


# Nobody knows whether it was done


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_after_a_server_error_a_change_may_have_been_made(status: int) -> None:
    for operation in CHANGES:
        outcome = read(operation, answer(b"p8e-", status))
        check(outcome, ConsoleUnavailable, Outcome.UNKNOWN, f"HTTP {status}", "is not known; the next list shows it")
    check(read(Operation.LIST, answer(status=status)), ConsoleUnavailable, Outcome.NOT_DONE, f"HTTP {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_answer_of_adobe(status: int) -> None:
    for operation in CHANGES:
        outcome = read(operation, answer(status=status, location="https://p8e-.example"))
        check(outcome, ConsoleResponseInvalid, Outcome.UNKNOWN, f"redirects (HTTP {status})")


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        (Operation.LIST, (201, 202, 204, 206, 402, 418, 451)),
        (Operation.ADD, (202, 204, 206, 402, 418, 451)),
        (Operation.DELETE, (200, 201, 202, 206, 402, 418, 451)),
    ],
)
def test_another_status_than_adobes_proves_nothing(operation: Operation, statuses: tuple[int, ...]) -> None:
    for status in statuses:
        body = {**listing(), **entry(), "client_secret": "p8e-new"}
        check(read(operation, answer(body, status)), ConsoleResponseInvalid, operation.unknown, f"HTTP {status}")


@pytest.mark.parametrize(
    ("operation", "sent", "outcome"),
    [
        (Operation.LIST, True, Outcome.NOT_DONE),
        (Operation.LIST, False, Outcome.NOT_DONE),
        (Operation.ADD, True, Outcome.UNKNOWN),
        (Operation.ADD, False, Outcome.NOT_DONE),
        (Operation.DELETE, True, Outcome.UNKNOWN),
        (Operation.DELETE, False, Outcome.NOT_DONE),
    ],
)
def test_no_answer_leaves_a_change_in_doubt_only_where_it_was_sent(
    operation: Operation, sent: bool, outcome: Outcome
) -> None:
    error = unreachable(operation, ENDPOINT, "no answer in 60 s", Fault.NETWORK, sent=sent)
    check(error, ConsoleUnavailable, outcome, "can't be reached (no answer in 60 s)")
    assert ("is not known" in str(error)) == (outcome is Outcome.UNKNOWN)


# Whatever it is

quotes = st.sampled_from(["p8e-quoted", "Bearer eyJ", "the-token", CLIENT_ID, UUID])
texts = st.text(max_size=40) | quotes
times = (
    st.sampled_from(["1682448485000", 1683162010101, "PERMANENT", "0", 1e300]) | st.integers() | st.text(max_size=20)
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
usages = (
    st.none() | st.lists(st.fixed_dictionaries({}, optional={"last_used_at": times | anything}), max_size=3) | anything
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "uuid": st.uuids().map(str) | texts | anything,
        "created_at": times | anything,
        "expires_at": times | anything,
        "secret_usages": usages,
        "client_secret": st.just("p8e-new") | texts | anything,
    },
)
lists = st.fixed_dictionaries(
    {},
    optional={"client_id": st.just(CLIENT_ID) | anything, "client_secrets": st.lists(entries, max_size=4) | anything},
)
bodies = st.one_of(
    (lists | entries | anything).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=100),
    quotes.map(str.encode),
    st.just(b"A" * (LONGEST_ANSWER + 1)),
)
headers = st.dictionaries(
    st.sampled_from(["date", "retry-after", "x-debug-id", "location"]),
    st.sampled_from([DATE, "120", "p8e-quoted", "https://eyJ.example"]) | st.text(max_size=40),
)
statuses = st.sampled_from([200, 201, 204, 400, 401, 403, 404, 409, 429, 302, 503]) | st.integers(100, 999)


@settings(max_examples=3000)
@given(st.sampled_from(Operation), statuses, headers, bodies)
def test_any_answer_is_what_was_asked_for_or_an_error_of_one_line_without_what_was_sent_or_received(
    operation: Operation, status: int, given_headers: dict[str, str], body: bytes
) -> None:
    outcome = read(operation, Answer(status, {"date": DATE, **given_headers}, body, NOW, NOW))
    if isinstance(outcome, ConsoleError):
        check(outcome, type(outcome), outcome.outcome)
        assert outcome.outcome in (Outcome.NOT_DONE, operation.unknown)
    elif isinstance(outcome, Listing):
        assert status == 200
        assert len(outcome.secrets) == len({secret.uuid for secret in outcome.secrets}) <= MOST_LISTED
        for moment in times_of(outcome):
            assert datetime(2015, 1, 1, tzinfo=UTC) <= moment < datetime(9000, 1, 1, tzinfo=UTC)
    elif isinstance(outcome, AddedClientSecret):
        assert status in (200, 201)
        assert outcome.value.strip() == outcome.value != ""
        assert outcome.value.isascii()
        assert outcome.value.isprintable()
        assert outcome.value not in repr(outcome) or outcome.value in outcome.uuid or len(outcome.value) < 8
    else:
        assert (operation, status) == (Operation.DELETE, 204)


def times_of(listed: Listing) -> list[datetime]:
    times = [listed.at]
    for secret in listed.secrets:
        times += [each for each in (secret.created_at, secret.expires_at) if each is not None]
        times += [secret.last_use] if isinstance(secret.last_use, datetime) else []
    return times


def check(error: object, kind: type[ConsoleError], outcome: Outcome, *words: str) -> None:
    assert type(error) is kind
    assert error.outcome is outcome
    assert error.needs_person == issubclass(kind, ConsoleRefused)
    assert error.reason == REASONS.get(kind, kind.__name__)
    assert error.__cause__ is error.__context__ is None
    message = str(error)
    assert [word for word in words if word not in message] == [], message
    assert_without_secrets(f"{message} {error!r} {error.args!r}")
    assert CLIENT_ID not in message
    assert UUID not in message
    assert len(message) < 400
    assert message.isprintable()
