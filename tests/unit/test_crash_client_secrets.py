"""How `make crash-client-secrets` tells the points of a replacement from requests, and finds what must not be."""

import json
from typing import Any
from urllib.parse import urlencode

from adobe_ims_operator.api.client_secret_ledger import LEDGER_ANNOTATION
from crash_client_secrets import canaries
from crash_client_secrets.points import POINTS, STATES, STATUS, Reader, Subject, state_of

SUBJECT = Subject("team", "app", "id", "1", "2", "p8e-first")
SECRETS = "/api/v1/namespaces/team/secrets"
CONSOLE = "/console/organizations/1/credentials/2/secrets"
PHASES: dict[str, dict[str, Any]] = {
    "Steady, uncertain": {"phase": "Steady"},
    "Steady": {"phase": "Steady"},
    "Adding": {"phase": "Adding"},
    "Proving": {"phase": "Proving", "acceptedAt": None},
    "Proving, accepted once": {"phase": "Proving", "acceptedAt": "2026-11-27T00:00:00Z"},
    "Draining": {"phase": "Draining", "deleting": False},
    "Draining, deleting": {"phase": "Draining", "deleting": True},
    "Orphaned": {"phase": "Orphaned", "deleting": False},
    "Orphaned, deleting": {"phase": "Orphaned", "deleting": True},
}


def managed(state: str, **data: str | None) -> dict[str, Any]:
    origin = "Alone" if "uncertain" in state else "Stamped"
    ledger = json.dumps({"phase": PHASES[state], "current": {"origin": origin}})
    return {"metadata": {"name": "app-client", "annotations": {LEDGER_ANNOTATION: ledger}}, "data": data}


class Operator:
    """What the operator sends, one request after the other."""

    def __init__(self) -> None:
        self.reader = Reader((SUBJECT,))
        self.seen: list[str] = []

    def send(self, method: str, path: str, body: bytes = b"") -> str:
        sighting = self.reader.read(method, path, body)
        assert sighting is not None
        self.reader.done(sighting)
        self.seen.append(sighting.point)
        return sighting.point

    def ask(self, value: str = "p8e-first") -> str:
        form = {"client_id": "id", "client_secret": value}
        return self.send("POST", "/ims/token/v3", urlencode(form).encode())

    def write(self, state: str, **data: str | None) -> str:
        path = SECRETS if self.reader.state(SUBJECT) == "none" else f"{SECRETS}/app-client"
        return self.send("POST" if path == SECRETS else "PATCH", path, json.dumps(managed(state, **data)).encode())

    def look(self) -> None:
        self.ask()
        self.send("GET", CONSOLE)


def test_each_point_is_told_from_its_request() -> None:
    operator = Operator()
    operator.look()
    operator.write("Steady, uncertain")
    operator.look()
    operator.write("Steady")
    for state in ("Adding", "Steady", "Adding"):
        operator.write(state)
    operator.look()
    operator.send("POST", CONSOLE)
    operator.write("Orphaned")
    operator.look()
    operator.write("Orphaned, deleting")
    operator.send("DELETE", f"{CONSOLE}/uuid")
    operator.write("Steady")
    operator.write("Adding")
    operator.write("Proving", client_secret_next="cDhlLW5leHQ=")
    operator.ask("p8e-next")
    operator.write("Proving, accepted once", client_secret_next="cDhlLW5leHQ=")
    operator.write("Draining")
    operator.look()
    operator.write("Draining, deleting")
    operator.send("DELETE", f"{CONSOLE}/uuid")
    operator.write("Steady")
    operator.send(
        "PATCH", "/apis/adobe-ims.dev/v1alpha1/namespaces/team/adobeimsclientsecrets/app/status", b'{"status": {}}'
    )
    assert set(operator.seen) == set(POINTS)


def test_a_write_that_was_not_done_changes_nothing() -> None:
    reader = Reader((SUBJECT,))
    body = json.dumps(managed("Steady, uncertain")).encode()
    for _ in range(2):
        sighting = reader.read("POST", SECRETS, body)
        assert sighting is not None
        assert sighting.point == "none: take over"


def test_what_only_reads_and_what_is_of_others_is_no_point() -> None:
    reader = Reader((SUBJECT,))
    assert reader.read("GET", f"{SECRETS}/app-client", b"") is None
    assert reader.read("PATCH", f"{SECRETS}/other", b'{"metadata": {}}') is None
    assert reader.read("POST", "/apis/events.k8s.io/v1/namespaces/team/events", b"{}") is None


def test_each_state_of_a_ledger_is_told() -> None:
    assert ("none", *PHASES) == STATES
    assert [state_of(None), *(state_of(managed(state)) for state in PHASES)] == list(STATES)


def test_no_point_stands_twice() -> None:
    assert len(set(POINTS)) == len(POINTS)
    assert STATUS in POINTS


def test_a_client_secret_and_a_token_are_found_in_what_people_read() -> None:
    private = {"p8e-secret", "opaque-token"}
    assert list(canaries.found([("the log", "all is well"), ("the Events", "[]")], private)) == []
    for text in ("it said p8e-secret", "cDhlLXNlY3JldA==", "Bearer eyJhbGciOi"):
        assert len(list(canaries.found([("the log", text)], private))) == 1
    assert list(canaries.found([("the Events", "Bearer opaque-token")], private)) == [
        "the Events: a client secret or a token"
    ]
    assert list(canaries.found([("the log", "")], private)) == ["the log: there is nothing to look at"]
