"""IMS for tests, the demo and benchmarks: the stand-in as a process, with its control API as methods."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self, cast

import httpx

import adobe_ims_stand_in
from adobe_ims_stand_in.defaults import (
    EXPIRES_IN,
    SAMPLE_CLIENT_ID,
    SAMPLE_CLIENT_SECRET,
    SAMPLE_CREDENTIAL,
    SAMPLE_ORGANIZATION,
)
from adobe_ims_stand_in.ims import Settings
from adobe_ims_stand_in.record import Entry
from testbed import plain_http, warm_start
from testbed.address import free_ports
from testbed.process import BOUND

Clients = Mapping[str, str] | Sequence[tuple[str, str]]
"""Client ids and secrets; as pairs, an id may have two secrets."""

SAMPLE = {SAMPLE_CLIENT_ID: SAMPLE_CLIENT_SECRET}
SAMPLE_CREDENTIALS = {(SAMPLE_ORGANIZATION, SAMPLE_CREDENTIAL): SAMPLE_CLIENT_ID}

Credentials = Mapping[tuple[str, str], str]
"""The client id of each credential that the console API knows, by the ids of organization and credential."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What the stand-in was asked since it started or was last `reset`; `log` is oldest first."""

    total: int
    by_client: dict[str, int]
    by_answer: dict[str, int]
    issued: int
    in_query: int
    with_cookie: int
    log: tuple[Entry, ...]
    calls: dict[str, int] = field(default_factory=dict)
    """Of the API that needs a token, by status."""


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A client secret as the stand-in knows it; times in seconds since the epoch, by its clock."""

    uuid: str
    created_at: float
    accepted_from: float
    expires_at: float | None
    deleted_at: float | None
    last_used_at: float | None
    """As a list shows it, after the lag."""
    used_at: float | None
    """When it was used in fact."""
    tokens: int


@dataclass(frozen=True, slots=True)
class KnownSecrets:
    """Those of a client, the oldest first; `most` is how many it had at once."""

    most: int
    current: tuple[KnownSecret, ...]
    deleted: tuple[KnownSecret, ...]


@dataclass(frozen=True, slots=True)
class ConsoleRequests:
    """What the console API was asked since the start or the last `reset`; `done` counts deeds by list, add, delete."""

    by_request: dict[str, int]
    by_answer: dict[str, int]
    done: dict[str, int]
    log: tuple[dict[str, Any], ...]


class StandIn:
    """A running stand-in; `with StandIn(folder) as ims:` or `start` and `stop`.

    `folder` keeps its certificates and its log, `stand-in.log`. `expires_in` and `latency` are in seconds.
    A `warm` one is forked by a process that has made its imports, where that can be done.
    On Linux the process dies with the thread that started it (`testbed.process`).
    """

    def __init__(
        self,
        folder: Path,
        *,
        clients: Clients = SAMPLE,
        expires_in: int = EXPIRES_IN,
        latency: float = 0,
        port: int = 0,
        http: bool = False,
        arguments: Sequence[str] = (),
        credentials: Credentials = SAMPLE_CREDENTIALS,
        warm: bool = False,
    ) -> None:
        self._folder = folder
        self._clients = _pairs(clients)
        self._settings: dict[str, object] = {"expires_in": expires_in, "latency": latency}
        self._credentials = dict(credentials)
        self._state = folder / "state.json"
        self._state.unlink(missing_ok=True)
        free, control = free_ports(2)
        self._ports = (port or free, control)
        self._transport = "--http" if http else f"--tls-dir={folder}"
        self._arguments = tuple(arguments)
        self._warm = warm
        self._process: subprocess.Popen[bytes] | warm_start.Forked | None = None
        self._http = httpx.Client(trust_env=False, verify=plain_http.NOBODY)
        self._issued: set[str] = set()
        self.url = ""
        self.ca: Path | None = None
        self.control = ""

    @property
    def folder(self) -> Path:
        """Where its certificates are; another one in it is of the same authority."""
        return self._folder

    @property
    def log_file(self) -> Path:
        """Where the stand-in logs, across restarts."""
        return self._folder / "stand-in.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._http.close()

    def start(self) -> None:
        """Start it, on the same ports each time. Raises RuntimeError with its log if it ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        out, its_end = os.pipe()
        with open(out) as first, self.log_file.open("ab") as log:  # noqa: PTH123 - it has no path
            with open(its_end, "wb") as output:  # noqa: PTH123
                self._process = self._spawn(output, log)
            line = first.readline()
        if not line:
            self._end()
            raise RuntimeError(f"the stand-in did not start: {self.log_file.read_text()}")
        said = json.loads(line)
        self.url, self.control = said["url"], said["control"]
        self.ca = Path(said["ca"]) if said["ca"] else None
        self._call("PUT", "/settings", self._settings)

    def stop(self) -> None:
        """End it, if it runs; what it issued is remembered, its counts and rules are not."""
        try:
            if self.control and self._process is not None and self._process.poll() is None:
                self._issued |= self.tokens()
        finally:
            self._end()

    def restart(self) -> None:
        """Take IMS down and bring it back: its ports, authority, clients, client secrets and settings stay."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Its connections stay open meanwhile, and it answers nothing, TLS included."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def renew(self) -> None:
        """Have it answer and count as if it had just started, with the sample's client; what it issued stays good."""
        if self._process is None:
            self.start()
        self.clear_rules()
        self.settings(**asdict(Settings()))
        self.clients({})
        self.clients(SAMPLE)
        self.credentials(SAMPLE_CREDENTIALS)
        self.reset()

    def rules(self, rules: Iterable[Mapping[str, object]]) -> None:
        """Put these rules in place of all others, such as {"behaviour": "server_error", "times": 3}."""
        self._call("PUT", "/rules", list(rules))

    def clear_rules(self) -> None:
        """Answer as usual again."""
        self._call("DELETE", "/rules")

    def settings(self, **changes: object) -> None:
        """Change the lifetime of new tokens (`expires_in`), the delay of all answers (`latency`), and the like.

        All times are in seconds; `adobe_ims_stand_in.ims.Settings` has the names.
        """
        self._call("PUT", "/settings", changes)
        self._settings |= changes

    def clients(self, clients: Clients) -> None:
        """Put these clients in place of all others."""
        self._clients = _pairs(clients)
        secrets: dict[str, list[str]] = {client_id: [] for client_id, _ in self._clients}
        for client_id, secret in self._clients:
            secrets[client_id].append(secret)
        self._call("PUT", "/clients", secrets)

    def credentials(self, credentials: Credentials) -> None:
        """Put these credentials in place of all that the console API knows."""
        self._credentials = dict(credentials)
        self._call("PUT", "/credentials", {"/".join(ids): client_id for ids, client_id in credentials.items()})

    def client_secrets(self, client_id: str = SAMPLE_CLIENT_ID) -> KnownSecrets:
        """Give what became of the client secrets of a client."""
        known = self._call("GET", "/client-secrets")[client_id]
        current, deleted = (tuple(KnownSecret(**each) for each in known[which]) for which in ("current", "deleted"))
        return KnownSecrets(known["most"], current, deleted)

    def add_by_hand(self, client_id: str = SAMPLE_CLIENT_ID) -> tuple[str, str]:
        """Add a client secret as a person does in the console's web page; its uuid and value."""
        added = self._call("POST", f"/client-secrets/{client_id}")
        return added["uuid"], added["client_secret"]

    def delete_by_hand(self, uuid: str, client_id: str = SAMPLE_CLIENT_ID) -> None:
        """Delete a client secret as a person does."""
        self._call("DELETE", f"/client-secrets/{client_id}/{uuid}")

    def read_by_hand(self, uuid: str, client_id: str = SAMPLE_CLIENT_ID) -> str:
        """Read the value of a client secret in the web page."""
        return cast("str", self._call("GET", f"/client-secrets/{client_id}/{uuid}")["client_secret"])

    def console_requests(self, log: int = 1000) -> ConsoleRequests:
        """Ask what the console API was asked and did."""
        answer = self._call("GET", f"/console?log={log}")
        return ConsoleRequests(**{**answer, "log": tuple(answer["log"])})

    def requests(self, log: int = 1000) -> Requests:
        """Ask what it was asked, with so many of the latest requests (10 000 are kept)."""
        answer = self._call("GET", f"/requests?log={log}")
        entries = tuple(Entry(**{**entry, "scopes": tuple(entry["scopes"])}) for entry in answer.pop("log"))
        return Requests(**answer, log=entries)

    def reset(self) -> None:
        """Count from zero again."""
        self._call("DELETE", "/requests")

    def tokens(self) -> frozenset[str]:
        """Give the SHA-256 digests, in hex, of all tokens it issued, also before a restart."""
        return frozenset(self._issued.union(self._call("GET", "/tokens")["sha256"]))

    def issued(self, token: str) -> bool:
        """Say whether it issued this token."""
        return hashlib.sha256(token.encode()).hexdigest() in self.tokens()

    def _spawn(self, out: IO[bytes], log: IO[bytes]) -> "subprocess.Popen[bytes] | warm_start.Forked":
        program, command = "adobe_ims_stand_in", self._command()
        env = {**os.environ, "PYTHONPATH": str(Path(adobe_ims_stand_in.__file__).parents[1])}
        with Path(os.devnull).open("rb") as nothing:
            if self._warm:
                return warm_start.start(program, command, env, nothing, out, log)
            bound = [sys.executable, "-I", "-S", "-c", BOUND, str(os.getpid())] if sys.platform == "linux" else []
            command = [*bound, sys.executable, "-m", program, *command]
            return subprocess.Popen(command, env=env, stdin=nothing, stdout=out, stderr=log, start_new_session=True)

    def _command(self) -> list[str]:
        port, control_port = self._ports
        flags = ["run", f"--port={port}", f"--control-port={control_port}", self._transport]
        flags += [f"--expires-in={self._settings['expires_in']}", f"--latency={self._settings['latency']}"]
        flags += [f"--client={client_id}={secret}" for client_id, secret in self._clients]
        flags += [f"--credential={'/'.join(ids)}={client_id}" for ids, client_id in self._credentials.items()]
        return [*flags, f"--state={self._state}", *self._arguments]

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        response = self._http.request(method, self.control + path, json=body)
        if response.is_error:
            raise ValueError(f"{method} {path}: {response.text}")
        return cast("dict[str, Any]", response.json()) if response.content else {}

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _pairs(clients: Clients) -> tuple[tuple[str, str], ...]:
    return tuple(clients.items() if isinstance(clients, Mapping) else clients)
