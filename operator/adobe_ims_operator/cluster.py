"""What has been seen of the cluster, and what this process remembers of its own attempts.

The watches and the answers to our own writes put observations in; `observe` puts all of them together for the
core. An observation older than the one at hand is passed over, so a late event never undoes what we just wrote.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from adobe_ims_operator import ledger
from adobe_ims_operator.checks import due_at
from adobe_ims_operator.endpoints import Endpoints
from adobe_ims_operator.ledger import Facts
from adobe_ims_operator.observed import Failure, Inputs, Observed, ObservedSecret
from adobe_ims_operator.policy import recall_failure
from adobe_ims_operator.resource import Credential, Key
from adobe_ims_operator.token_secret import HeldToken

T = TypeVar("T")


@dataclass(slots=True)
class Memory:
    """What this process knows of one credential beside what can be observed: lost with it, and harmless to lose."""

    spec_digest: str
    failure: Failure | None = None
    secret_version: str | None = None
    secret_intact: bool = True
    client_version: str | None = None
    client_digest: str | None = None
    held: HeldToken | None = None
    last_written: datetime | None = None
    written_for: str = ""
    heals: int = 0
    api_failures: int = 0


@dataclass(slots=True)
class Cluster:
    """All credentials and all Secrets' metadata.

    Args:
        endpoints: which endpoints are allowed, and when they want to be asked again.
        wake: called with each credential whose observed state changed.
        forget: called with each credential that is gone.
    """

    endpoints: Endpoints
    wake: Callable[[Key], None]
    forget: Callable[[Key], None]
    credentials: dict[Key, Credential] = field(default_factory=dict)
    secrets: dict[Key, ObservedSecret] = field(default_factory=dict)
    memories: dict[Key, Memory] = field(default_factory=dict)
    _by_client: defaultdict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _by_token: defaultdict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _by_owner: defaultdict[tuple[str, str], set[Key]] = field(default_factory=lambda: defaultdict(set))

    def put_credential(self, credential: Credential) -> None:
        """Take up a credential as the API server has it."""
        key = credential.key
        known = self.credentials.get(key)
        if known is not None and credential.version <= known.version:
            return
        if known is not None:
            self._unlink(known)
        self._link(credential)
        self.credentials[key] = credential
        digest = ledger.digest_spec(credential.spec, self.endpoints.resolve(credential.spec.endpoint))
        memory = self.memories.get(key)
        if known is None or known.uid != credential.uid or memory is None:
            self.memories[key] = memory = Memory(digest, secret_version=credential.status.secret_version)
            inputs = self._inputs(credential, memory)
            memory.failure = recall_failure(credential.status, credential.generation, inputs)
        memory.spec_digest = digest
        self._wake_claimants(known, credential)

    def drop_credential(self, key: Key, uid: str) -> None:
        """Forget a credential that was deleted, unless it is another of that name by now."""
        known = self.credentials.get(key)
        if known is None or known.uid != uid:
            return
        self._unlink(known)
        del self.credentials[key]
        del self.memories[key]
        self.forget(key)
        self._wake_claimants(known)

    def put_secret(self, key: Key, secret: ObservedSecret) -> None:
        """Take up the metadata of a Secret."""
        known = self.secrets.get(key)
        if known is not None and secret.version <= known.version:
            return
        self._set_secret(key, secret)
        self._wake_users(key, known, secret)

    def drop_secret(self, key: Key, version: int) -> None:
        """Forget a Secret that was deleted; `version` is that of the deletion."""
        known = self.secrets.get(key)
        if known is None or version < known.version:
            return
        self._unset_secret(key)
        self._wake_users(key, known)

    def replace_secrets(self, namespace: str | None, listed: Mapping[Key, ObservedSecret], version: int) -> None:
        """Take up a whole list of the Secrets of a namespace (None: of all), as it was at `version`."""
        for key in [key for key in self.secrets if namespace in (None, key.namespace) and key not in listed]:
            self.drop_secret(key, version)
        for key, secret in listed.items():
            self.put_secret(key, secret)

    def note_secret(self, key: Key, version: int, *, intact: bool) -> None:
        """Remember whether the data of the token Secret is as it was written, at a resourceVersion."""
        if memory := self.memories.get(key):
            memory.secret_version, memory.secret_intact = str(version), intact

    def note_client(self, key: Key, version: str | None, digest: str | None) -> None:
        """Remember what the content of the client Secret amounts to at a resourceVersion; None: there is none."""
        memory = self.memories.get(key)
        credential = self.credentials.get(key)
        if memory is None or credential is None:
            return
        memory.client_version, memory.client_digest = version, digest
        if version is None:
            self._unset_secret(_client_key(credential))

    def observe(self, key: Key, now: datetime) -> Observed | None:
        """Put together all that a decision about one credential depends on; None if it is gone."""
        credential = self.credentials.get(key)
        memory = self.memories.get(key)
        if credential is None or memory is None:
            return None
        endpoint = self.endpoints.resolve(credential.spec.endpoint)
        inputs = self._inputs(credential, memory)
        older, younger = self._claimants(credential)
        secret = self.secrets.get(_token_key(credential))
        return Observed(
            key=key,
            uid=credential.uid,
            spec=credential.spec,
            endpoint=endpoint,
            endpoint_allowed=self.endpoints.allows(endpoint),
            inputs=inputs,
            secret=secret,
            secret_intact=_intact(memory, secret),
            predecessor_uid=self._predecessor(credential, secret),
            older_claimant=older,
            younger_claimants=younger,
            client_digest=memory.client_digest if memory.client_version == inputs.client_version else None,
            holds_token=_holds_token(memory, inputs, credential, now),
            failure=memory.failure,
            endpoint_opens_at=self.endpoints.opens_at(endpoint, now),
            last_written=memory.last_written if memory.written_for == inputs.spec_digest else None,
            heals=memory.heals,
        )

    def outgrown_secrets(self, key: Key) -> Iterable[tuple[Key, ObservedSecret]]:
        """The Secrets that a credential made under names which it has given up, and which nobody else names."""
        credential = self.credentials[key]
        for secret_key in tuple(self._by_owner.get((key.namespace, credential.uid), ())):
            if secret_key != _token_key(credential) and not self._by_token.get(secret_key):
                yield secret_key, self.secrets[secret_key]

    def _inputs(self, credential: Credential, memory: Memory) -> Inputs:
        client = self.secrets.get(_client_key(credential))
        version = str(client.version) if client is not None else None
        return Inputs(memory.spec_digest, version, credential.rotate_request)

    def _claimants(self, credential: Credential) -> tuple[str | None, frozenset[str]]:
        claimants = self._by_token.get(_token_key(credential), set())
        if len(claimants) < 2:
            return None, frozenset()
        rivals = [self.credentials[key] for key in claimants if key != credential.key]
        older = sorted((c.created, c.uid, c.key.name) for c in rivals if _age(c) < _age(credential))
        younger = frozenset(c.uid for c in rivals if _age(c) > _age(credential))
        return (older[0][2] if older else None), younger

    def _predecessor(self, credential: Credential, secret: ObservedSecret | None) -> str | None:
        if secret is None or secret.facts is None or secret.facts.credential != str(credential.key):
            return None
        return secret.facts.credential_uid

    def _link(self, credential: Credential) -> None:
        self._by_client[_client_key(credential)].add(credential.key)
        self._by_token[_token_key(credential)].add(credential.key)

    def _unlink(self, credential: Credential) -> None:
        _remove(self._by_client, _client_key(credential), credential.key)
        _remove(self._by_token, _token_key(credential), credential.key)

    def _set_secret(self, key: Key, secret: ObservedSecret) -> None:
        self._unset_secret(key)
        self.secrets[key] = secret
        if secret.facts is not None:
            self._by_owner[key.namespace, secret.facts.credential_uid].add(key)

    def _unset_secret(self, key: Key) -> None:
        known = self.secrets.pop(key, None)
        if known is not None and known.facts is not None:
            _remove(self._by_owner, (key.namespace, known.facts.credential_uid), key)

    def _wake_users(self, key: Key, *secrets: ObservedSecret | None) -> None:
        users = self._by_client.get(key, set()) | self._by_token.get(key, set())
        owners = {_owner(s.facts) for s in secrets if s is not None and s.facts is not None}
        for user in users | (owners & self.credentials.keys()):
            self.wake(user)

    def _wake_claimants(self, *credentials: Credential | None) -> None:
        for credential in credentials:
            if credential is not None:
                for key in self._by_token.get(_token_key(credential), ()):
                    self.wake(key)


def _holds_token(memory: Memory, inputs: Inputs, credential: Credential, now: datetime) -> bool:
    held = memory.held
    return held is not None and held.inputs == inputs and now < due_at(held.facts, credential.spec.interval)


def _intact(memory: Memory, secret: ObservedSecret | None) -> bool | None:
    known = secret is not None and memory.secret_version == str(secret.version)
    return memory.secret_intact if known else None


def _owner(facts: Facts) -> Key:
    namespace, _, name = facts.credential.partition("/")
    return Key(namespace, name)


def _token_key(credential: Credential) -> Key:
    return Key(credential.key.namespace, credential.spec.secret.name)


def _client_key(credential: Credential) -> Key:
    return Key(credential.key.namespace, credential.spec.client.secret_name)


def _age(credential: Credential) -> tuple[datetime, str]:
    return credential.created, credential.uid


def _remove(index: defaultdict[T, set[Key]], at: T, key: Key) -> None:
    keys = index.get(at, set())
    keys.discard(key)
    if not keys:
        index.pop(at, None)
