"""Adobe's console API without a network: it lists, adds and deletes the client secrets of a credential.

The facts are of Adobe's documentation ("OAuth Server-to-Server credential API Reference"). It does not say how the API
refuses; the forms here are those of Adobe's gateway.
"""

import logging
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime

from adobe_ims_stand_in import api
from adobe_ims_stand_in.answers import Answer
from adobe_ims_stand_in.client_secrets import ClientSecret, LimitReachedError
from adobe_ims_stand_in.defaults import MANAGEMENT_SCOPES
from adobe_ims_stand_in.ims import IMS
from adobe_ims_stand_in.kinds import apply
from adobe_ims_stand_in.rules import Kind

PATH = "/console/organizations/{organization}/credentials/{credential}/secrets"
LOG_LENGTH = 10_000
"""How many requests the log reaches back."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConsoleRequest:
    """A request as it came in; `uuid` only where one is to be deleted."""

    kind: Kind
    organization: str
    credential: str
    uuid: str
    authorization: str
    api_key: str
    with_cookie: bool = False


@dataclass(slots=True)
class Entry:
    """One request, and whether what it asked for was done: where its answer is lost, perhaps later."""

    time: float
    kind: Kind
    client_id: str
    uuid: str
    answer: str = ""
    done: bool = False
    with_cookie: bool = False


class Console:
    """The API over the clients of an IMS; asked by the server."""

    def __init__(self, ims: IMS) -> None:
        self._ims = ims
        self.log: deque[Entry] = deque(maxlen=LOG_LENGTH)
        self._by_answer: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()

    def answer(self, request: ConsoleRequest) -> Answer:
        """Decide, count and log; how long to wait before sending it is in the answer."""
        client_id = self._ims.credentials.get((request.organization, request.credential), request.api_key)
        entry = Entry(self._ims.now(), request.kind, client_id, request.uuid, with_cookie=request.with_cookie)
        behaviours = self._ims.rules.applying_to(request.kind, client_id, request.organization, request.uuid)
        answer = apply(behaviours, lambda: self._usual(request, entry))
        entry.answer = answer.label
        self.log.append(entry)
        self._asked[request.kind] += 1
        self._by_answer[answer.label] += 1
        _log.info("console %s client_id=%r uuid=%r answer=%s", entry.kind, client_id, entry.uuid, entry.answer)
        return answer

    def reset(self) -> None:
        """Count from zero again."""
        self.log.clear()
        self._by_answer.clear()
        self._asked.clear()

    def to_json(self, log: int) -> dict[str, object]:
        """Give the counts, and the `log` latest requests, oldest first; `done` of those that the log has."""
        names = ("time", "kind", "client_id", "uuid", "answer", "done", "with_cookie")
        entries = [{name: getattr(entry, name) for name in names} for entry in self.log]
        return {
            "by_request": dict(self._asked),
            "by_answer": dict(self._by_answer),
            "done": dict(Counter(entry.kind for entry in self.log if entry.done)),
            "log": entries[-log:] if log else [],
        }

    def _usual(self, request: ConsoleRequest, entry: Entry) -> Answer:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        client_id = self._ims.credentials[request.organization, request.credential]
        if request.kind == "list":
            entry.done = True
            return self._listed(client_id)
        return self._added(client_id, entry) if request.kind == "add" else self._deleted(client_id, request, entry)

    def _refusal(self, request: ConsoleRequest) -> Answer | None:
        issued = api.bearer(self._ims.record, request.authorization, self._ims.now())
        if isinstance(issued, str):
            return _error("unauthorized", 401, "401013", f"Oauth token is not valid: {issued}")
        if not request.api_key:
            return _error("forbidden", 403, "403000", "Api Key is required")
        if request.api_key != issued.client_id:
            return _error("forbidden", 403, "403003", "Api Key is invalid")
        own = {
            organization for (organization, _), client in self._ims.credentials.items() if client == issued.client_id
        }
        if not MANAGEMENT_SCOPES.issubset(issued.scopes) or request.organization not in own:
            return _error("forbidden", 403, "403010", "Not permitted to manage client secrets")
        if (request.organization, request.credential) not in self._ims.credentials:
            return _error("not_found", 404, "404001", "Credential not found")
        return None

    def _listed(self, client_id: str) -> Answer:
        secrets = [self._describe(secret) for secret in self._ims.client_secrets.of(client_id)]
        return Answer(label="listed", body={"client_id": client_id, "client_secrets": secrets})

    def _added(self, client_id: str, entry: Entry) -> Answer:
        settings = self._ims.settings
        try:
            secret = self._ims.client_secrets.add(
                client_id,
                self._ims.now(),
                delay=settings.acceptance_delay,
                lifetime=settings.client_secret_lifetime,
            )
        except LimitReachedError:
            return _error("limit_reached", settings.limit_status, "400001", "Client secret limit reached")
        except KeyError:
            return _error("not_found", 404, "404001", "Credential not found")
        entry.uuid, entry.done = secret.uuid, True
        return Answer(label="added", status=201, body={"client_secret": secret.value, **self._describe(secret)})

    def _deleted(self, client_id: str, request: ConsoleRequest, entry: Entry) -> Answer:
        try:
            self._ims.client_secrets.delete(client_id, request.uuid, self._ims.now())
        except KeyError:
            return _error("not_found", 404, "404002", "Client secret not found")
        entry.done = True
        return Answer(label="deleted", status=204, content_type="")

    def _describe(self, secret: ClientSecret) -> dict[str, object]:
        used = secret.last_used_at(self._ims.now(), self._ims.settings.last_used_lag)
        usages = None if used is None else [{"last_used_at": _milliseconds(used), "grant_type": "client_credentials"}]
        expires = secret.expires_at
        return {
            "uuid": secret.uuid,
            "created_at": _milliseconds(secret.created_at),
            "created_at_str": _text(secret.created_at),
            "expires_at": "PERMANENT" if expires is None else _milliseconds(expires),
            "expires_at_str": "PERMANENT" if expires is None else _text(expires),
            "secret_usages": usages,
        }


def _error(label: str, status: int, code: str, message: str) -> Answer:
    return Answer(label=label, status=status, body={"error_code": code, "message": message})


def _milliseconds(time: float) -> str:
    return str(int(time * 1000))


def _text(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
