"""Answers of the API server: each has a class, and none brings anybody's text into a log line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.kube import errors, paths
from adobe_ims_operator.kube.answers import check_object

CLASSES = {
    400: errors.RefusedError,
    401: errors.UnavailableError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    405: errors.RefusedError,
    408: errors.UnavailableError,
    409: errors.ConflictError,
    410: errors.GoneError,
    413: errors.RefusedError,
    415: errors.RefusedError,
    422: errors.RefusedError,
    429: errors.UnavailableError,
    500: errors.UnavailableError,
    503: errors.UnavailableError,
    504: errors.UnavailableError,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
METADATA = {"name": "a", "namespace": "b", "uid": "c", "resourceVersion": "1"}


@pytest.mark.parametrize(("status", "expected"), CLASSES.items())
def test_each_status_has_one_class_whatever_the_code_in_the_body(status: int, expected: type[errors.ApiError]) -> None:
    body = json.dumps({"code": 404, "reason": "Invalid"}).encode()
    error = errors.from_answer(status, body, quotable=False)
    assert type(error) is expected
    assert (error.status, error.reason) == (status, "Invalid")


@given(st.integers(400, 599), st.binary() | JSON.map(lambda body: json.dumps(body).encode()))
def test_any_body_gives_an_error_with_a_known_reason(status: int, body: bytes) -> None:
    error = errors.from_answer(status, body, quotable=True)
    assert error.reason in errors.KNOWN_REASONS | {"Unknown"}
    assert str(error).isprintable()
    assert len(error.message) <= errors.LONGEST_MESSAGE


def test_what_a_webhook_says_to_a_write_is_in_no_error() -> None:
    body = json.dumps({"reason": "canary", "message": "canary", "details": {"name": "canary"}}).encode()
    error = errors.from_answer(403, body, quotable=False)
    assert "canary" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("99999", 3600), ("soon", None), ("-1", None), (None, None)])
def test_retry_after_is_read_in_seconds(header: str | None, seconds: float | None) -> None:
    assert errors.from_answer(429, b"{}", quotable=False, retry_after=header).retry_after == seconds


@given(JSON, st.sampled_from(sorted([*METADATA, "generation", "annotations", "labels", "ownerReferences"])))
def test_an_odd_object_is_an_unavailable_api_server_and_is_not_quoted(value: object, field: str) -> None:
    for body in (value, {"metadata": value}, {"metadata": METADATA | {field: value}}):
        said = "InvalidAnswer: the API server answered no valid object"
        try:
            check_object(body)
        except errors.UnavailableError as error:
            said = str(error)
        assert said == "InvalidAnswer: the API server answered no valid object"


@pytest.mark.parametrize("version", ["abc", "1 2", "9" * 40, "-1", "", "\u0661", 1, None])
def test_an_odd_resource_version_is_refused(version: object) -> None:
    with pytest.raises(errors.UnavailableError):
        check_object({"metadata": METADATA | {"resourceVersion": version}})


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_name_leaves_its_place_in_a_path(name: str) -> None:
    try:
        path = paths.workload_path(name, "Deployment", name)
    except errors.RefusedError:
        assert name in ("", ".", "..")
    else:
        parts = path.split("/")
        assert len(parts) == 8
        assert parts[5] == parts[7] not in (".", "..")


def test_an_empty_namespace_is_not_all_namespaces() -> None:
    with pytest.raises(errors.RefusedError):
        paths.secret_path(Key("", "a"))
    with pytest.raises(errors.RefusedError):
        paths.secrets_path("")
