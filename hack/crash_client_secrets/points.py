"""The points of a replacement at which the operator is killed, told from the requests that it sends.

What a request means follows from the ledger before it, which is that of the last write that passed here.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_PLURAL
from adobe_ims_operator.api.client_secret_ledger import LEDGER_ANNOTATION, Origin

NONE = "none"
UNCERTAIN = "Steady, uncertain"
STATES = (
    NONE,
    UNCERTAIN,
    "Steady",
    "Adding",
    "Proving",
    "Proving, accepted once",
    "Draining",
    "Draining, deleting",
    "Orphaned",
    "Orphaned, deleting",
)
"""What the ledger of a managed Secret says; NONE where there is no such Secret."""

_WRITES = {
    (NONE, UNCERTAIN): "take over",
    (UNCERTAIN, "Steady"): "confirm which one it is",
    ("Steady", "Adding"): "intend to add",
    ("Adding", "Steady"): "forget the intent",
    ("Adding", "Proving"): "keep the next",
    ("Adding", "Orphaned"): "note an orphan",
    ("Proving", "Proving, accepted once"): "note that IMS accepted it",
    ("Proving, accepted once", "Draining"): "put the next in place",
    ("Draining", "Draining, deleting"): "intend to delete",
    ("Draining, deleting", "Steady"): "drop the previous",
    ("Orphaned", "Orphaned, deleting"): "intend to delete",
    ("Orphaned, deleting", "Steady"): "forget the orphan",
}
ENTRIES = {f"{before.partition(',')[0]}: {what}": after for (before, after), what in _WRITES.items()}
"""The state that follows from each write."""
DELETE = ": DELETE"
"""How the points end at which one is deleted."""
STATUS = "any: write the status"
POST = "Adding: POST"
ORPHANED = "Orphaned"
"""How the points and states begin of one at Adobe of which nobody has the value."""
TAKE_OVER_POINTS = (f"{NONE}: ask IMS", f"{NONE}: list", f"{NONE}: take over", "Steady: confirm which one it is")
TAKE_OVER_STATES = (NONE, UNCERTAIN)
POINTS = (
    *TAKE_OVER_POINTS,
    "Steady: ask IMS",
    "Steady: list",
    "Steady: intend to add",
    POST,
    "Adding: keep the next",
    "Adding: ask IMS",
    "Adding: list",
    "Adding: forget the intent",
    "Adding: note an orphan",
    "Proving: ask IMS with the next",
    "Proving: note that IMS accepted it",
    "Proving: put the next in place",
    "Draining: ask IMS",
    "Draining: list",
    "Draining: intend to delete",
    "Draining: DELETE",
    "Draining: drop the previous",
    "Orphaned: ask IMS",
    "Orphaned: list",
    "Orphaned: intend to delete",
    "Orphaned: DELETE",
    "Orphaned: forget the orphan",
    STATUS,
)
"""All that a replacement asks of IMS, Adobe and the API server, but for what only reads there."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One AdobeIMSClientSecret, with the client that is its own."""

    namespace: str
    name: str
    client_id: str
    organization: str
    credential: str
    bootstrap: str = field(repr=False)
    """The value of its first client secret."""

    @property
    def secret(self) -> str:
        """The name of its managed Secret."""
        return f"{self.name}-client"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A request that is one of the points, or another write of the managed Secret."""

    subject: Subject
    point: str
    writes: Mapping[str, Any] | None = None
    """The managed Secret as it is sent."""


def state_of(secret: Mapping[str, Any] | None) -> str:
    """What the ledger of a managed Secret says, as one of `STATES`."""
    if secret is None:
        return NONE
    ledger = json.loads(secret["metadata"]["annotations"][LEDGER_ANNOTATION])
    phase, is_certain = ledger["phase"], ledger["current"]["origin"] != Origin.ALONE
    name: str = phase["phase"]
    if name == "Steady" and not is_certain:
        return UNCERTAIN
    if phase.get("deleting"):
        return f"{name}, deleting"
    return f"{name}, accepted once" if phase.get("acceptedAt") else name


class Reader:
    """Reads what requests mean. It is told of writes that were done."""

    def __init__(self, subjects: tuple[Subject, ...]) -> None:
        self._by_secret = {(each.namespace, each.secret): each for each in subjects}
        self._by_name = {(each.namespace, each.name): each for each in subjects}
        self._by_client = {each.client_id: each for each in subjects}
        self._by_credential = {(each.organization, each.credential): each for each in subjects}
        self._written: dict[Subject, Mapping[str, Any]] = {}

    def state(self, subject: Subject) -> str:
        """The state of the managed Secret by the writes that passed."""
        return state_of(self._written.get(subject))

    def read(self, method: str, path: str, body: bytes) -> Sighting | None:
        """What a request is; None for all that is of no interest."""
        parts = path.strip("/").split("/")
        if parts[0] == "ims":
            return self._token(body)
        if parts[0] == "console":
            return self._console(method, parts)
        if method not in ("POST", "PATCH") or "namespaces" not in parts:
            return None
        namespace, plural, *rest = parts[parts.index("namespaces") + 1 :]
        if plural == CLIENT_SECRET_PLURAL and rest[1:] == ["status"]:
            return Sighting(self._by_name[namespace, rest[0]], STATUS)
        return self._secret(namespace, rest, body) if plural == "secrets" else None

    def forget(self, subject: Subject) -> None:
        """The managed Secret was deleted."""
        self._written.pop(subject, None)

    def done(self, sighting: Sighting) -> None:
        """The request was answered, and not refused."""
        if sighting.writes is not None:
            self._written[sighting.subject] = sighting.writes

    def _token(self, body: bytes) -> Sighting:
        form = parse_qs(body.decode())
        subject, value = self._by_client[form["client_id"][0]], form["client_secret"][0]
        is_next = value == self.value(subject, "client_secret_next")
        return Sighting(subject, f"{self.phase(subject)}: ask IMS{' with the next' if is_next else ''}")

    def value(self, subject: Subject, key: str) -> str | None:
        """What is under a key of the managed Secret, by the writes that passed."""
        data = self._written.get(subject, {}).get("data", {})
        return base64.b64decode(data[key]).decode() if data.get(key) else None

    def _console(self, method: str, parts: list[str]) -> Sighting:
        subject = self._by_credential[parts[2], parts[4]]
        what = "list" if method == "GET" else method
        return Sighting(subject, f"{self.phase(subject)}: {what}")

    def _secret(self, namespace: str, rest: list[str], body: bytes) -> Sighting | None:
        sent = json.loads(body)
        subject = self._by_secret.get((namespace, rest[0] if rest else sent["metadata"]["name"]))
        if subject is None:
            return None
        before, after = self.state(subject), state_of(sent)
        what = _WRITES.get((before, after), f"write {after}")
        return Sighting(subject, f"{_phase(before)}: {what}", sent)

    def phase(self, subject: Subject) -> str:
        """The phase alone, with which the names of points begin."""
        return _phase(self.state(subject))


def _phase(state: str) -> str:
    return state.partition(",")[0]
