"""What must hold at every moment, looked at all the time: by the stand-in's own account, and by the managed Secrets.

It reads no ledger. A Secret is read first and the stand-in after it, with the moments at which it deleted what is gone.
"""

import base64
import threading
import time
from collections.abc import Mapping
from typing import Any, Self

import httpx

from crash_client_secrets.points import Subject
from crash_client_secrets.world import OVERLAP, World
from testbed.api import Api

PAUSE_SECONDS = 0.3
MOST = 2


class Checker:
    """`with Checker(world) as checker:` looks all the time, in a thread of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checker", daemon=True)
        self._http = httpx.Client(base_url=world.ims.control, trust_env=False, timeout=60)
        self._api = Api.from_kubeconfig(world.kubeconfig)
        self._uuids: dict[tuple[str, str], str] = {}
        """By the client id and the value."""
        self._known: set[str] = set()
        self._judged: set[str] = set()
        self.looks = 0
        self.violations: dict[str, str] = {}
        """What was wrong, in words, with when it was seen first."""
        self.by_hand: dict[str, Subject] = {}
        """The uuids of client secrets that a person added."""
        self.deleted_by_hand: set[str] = set()
        self.deleted_orphans = self.deleted_previous = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._http.close()
        self._api.close()

    @property
    def values(self) -> set[str]:
        """All client secrets that there ever were."""
        return {value for _, value in self._uuids}

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - nothing would be checked from there on
                self._violation(f"the checker failed: {type(error).__name__}: {error}")

    def look(self) -> None:
        """Look once."""
        with self._lock:
            ahead, in_use = self._world.ahead, self._world.gate.in_use
            before = time.time() + ahead
            written = [in_use.popleft() for _ in range(len(in_use))]
            secrets = self._world.secrets(self._api)
            accounts = self._http.get("/client-secrets").raise_for_status().json()
            self._learn(accounts)
            for subject in self._world.subjects:
                self._judge(subject, secrets.get(subject), accounts[subject.client_id], before)
            for subject, value, at in written:
                self._judge_value(subject, value, accounts[subject.client_id], at + ahead, "after a write or a DELETE")
            answers = self._http.get("/console?log=0").raise_for_status().json()["by_answer"]
            if "limit_reached" in answers:
                self._violation("a third client secret was asked for, and Adobe refused it")
            self.looks += 1

    def _learn(self, accounts: Mapping[str, Any]) -> None:
        for client_id, account in accounts.items():
            for entry in account["current"]:
                if entry["uuid"] in self._known:
                    continue
                answer = self._http.get(f"/client-secrets/{client_id}/{entry['uuid']}").raise_for_status()
                self._uuids[client_id, answer.json()["client_secret"]] = entry["uuid"]
                self._known.add(entry["uuid"])

    def _judge(self, subject: Subject, secret: Mapping[str, Any] | None, account: Mapping[str, Any], at: float) -> None:
        if account["most"] > MOST:
            self._violation(f"{subject.name} had {account['most']} client secrets at Adobe")
        for entry in account["deleted"]:
            if entry["uuid"] not in self._judged:
                self._judged.add(entry["uuid"])
                self._judge_delete(subject, entry)
        if secret is None:
            return
        value = base64.b64decode(secret["data"]["client_secret"]).decode()
        self._judge_value(subject, value, account, at, f"at version {secret['metadata']['resourceVersion']}")

    def _judge_value(self, subject: Subject, value: str, account: Mapping[str, Any], at: float, when: str) -> None:
        """Whether a client secret that was in the managed Secret at a moment worked then, or later."""
        uuid = self._uuids.get((subject.client_id, value))
        entries = {entry["uuid"]: entry for entry in (*account["current"], *account["deleted"])}
        if uuid is None:
            self._violation(f"{when} Secret {subject.secret} has a client secret that Adobe never gave")
            return
        entry = entries[uuid]
        if entry["deleted_at"] is not None and entry["deleted_at"] <= at:
            self._violation(f"{when} Secret {subject.secret} has {uuid}, which was deleted before")
        if entry["accepted_from"] > time.time() + self._world.ahead:
            self._violation(f"{when} Secret {subject.secret} has {uuid}, which is not accepted yet")

    def _judge_delete(self, subject: Subject, entry: Mapping[str, Any]) -> None:
        uuid, used = entry["uuid"], entry["used_at"]
        if uuid in self.deleted_by_hand:
            return
        if uuid in self.by_hand:
            self._violation(f"{uuid} of {subject.name} was deleted, which a person had added")
        unused = entry["deleted_at"] - (entry["created_at"] if used is None else used)
        if unused < OVERLAP:
            what = "created" if used is None else "used"
            self._violation(f"{uuid} of {subject.name} was deleted {unused:.0f} s after it was {what}")
        if used is None:
            self.deleted_orphans += 1
        else:
            self.deleted_previous += 1

    def _violation(self, what: str) -> None:
        if what not in self.violations:
            self.violations[what] = time.strftime("%H:%M:%S")
            print(f"VIOLATION: {what}", flush=True)
