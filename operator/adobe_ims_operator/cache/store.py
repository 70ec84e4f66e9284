"""What has been seen of the cluster: all credentials, and the metadata of all Secrets.

The watches and the answers to our own writes put observations in; `observe` puts all of them together for the
core. An observation older than the one at hand is passed over, so a late event never undoes what we just wrote.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api import ledger
from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import JSON, Credential, Key, Status, parse_version, rotate_request
from adobe_ims_operator.cache.index import References
from adobe_ims_operator.core.attempts import Memory
from adobe_ims_operator.core.checks import due_at
from adobe_ims_operator.core.claims import claimant, had_secret
from adobe_ims_operator.core.forbidden import DEFAULT, Forbidden
from adobe_ims_operator.core.model import NO_HOLDER, Claimant, Hold, Holder, Inputs, Observed, ObservedSecret, Rivals
from adobe_ims_operator.core.policy import recall_failure


@dataclass(slots=True)
class Cluster:
    """All credentials and all Secrets' metadata, with the memory of each credential.

    Args:
        endpoints: which endpoints are allowed, and when they want to be asked again.
        wake: called with each credential whose observed state changed.
        wake_soon: called instead where a Secret was deleted: a moment later, as the credential may be on its way out
            too, which another watch tells of.
        forget: called with each credential that is gone.
        forbidden: what no token Secret may be made with.
    """

    endpoints: Endpoints
    wake: Callable[[Key], None]
    wake_soon: Callable[[Key], None]
    forget: Callable[[Key], None]
    forbidden: Forbidden = field(default_factory=lambda: Forbidden.parse(DEFAULT))
    credentials: dict[Key, Credential] = field(default_factory=dict)
    secrets: dict[Key, ObservedSecret] = field(default_factory=dict)
    memories: dict[Key, Memory] = field(default_factory=dict)
    _holders: dict[Key, tuple[str, Holder]] = field(default_factory=dict)
    """What a lookup told of the credential that a Secret was made for, with its uid."""
    _watched: dict[str | None, int] = field(default_factory=dict)
    _by_client: References[Key] = field(default_factory=References)
    _by_token: References[Key] = field(default_factory=References)
    _by_owner: References[tuple[str, str]] = field(default_factory=References)

    def put_credential(self, credential: Credential) -> None:
        """Take up a credential as a watch tells of it."""
        key = credential.key
        known = self.credentials.get(key)
        if known is not None and credential.version <= known.version:
            return
        if credential.deleting:
            self.drop_credential(key, credential.uid)
            return
        if known is None or (known.spec.client, known.spec.secret) != (credential.spec.client, credential.spec.secret):
            if known is not None:
                self._unlink(known)
            self._link(credential)
        self.credentials[key] = credential
        digest = ledger.digest_spec(credential.spec)
        if known is None or known.uid != credential.uid:
            self.memories[key] = _recalled(credential, digest)
        self.memories[key].spec_digest = digest
        self._wake_claimants(known, credential)

    def put_own_status(self, key: Key, metadata: JSON, status: Status) -> None:
        """Take up a status that we wrote; `metadata` is that of the answer.

        Nobody is woken by it. Where the answer shows another change too, all of it is left to the watch.
        """
        known = self.credentials.get(key)
        if known is None or known.uid != metadata["uid"] or "deletionTimestamp" in metadata:
            return
        version, request = parse_version(metadata), rotate_request(metadata)
        if version > known.version and (metadata["generation"], request) == (known.generation, known.rotate_request):
            self.credentials[key] = replace(known, version=version, status=status)

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

    def recall(self) -> None:
        """Take up what another replica, which led until now, wrote of its attempts, as at a start.

        A token that waits to be written goes too, as the other may have written one since. Where the watch on Secrets
        is behind, the resourceVersion in the status tells so, and the Secret is looked into.
        """
        for key, credential in self.credentials.items():
            self.memories[key] = _recalled(credential, self.memories[key].spec_digest)

    def put_secret(self, key: Key, secret: ObservedSecret, by: Key | None = None) -> None:
        """Take up the metadata of a Secret as a watch tells of it, and wake its users but for `by`."""
        known = self.secrets.get(key)
        if known is not None and secret.version <= known.version:
            return
        self._set_secret(key, secret)
        for user in self._users(key, known, secret):
            if user != by:
                self.wake(user)

    def put_own_secret(self, key: Key, secret: ObservedSecret, by: Key | None) -> None:
        """Take up a Secret as an answer to us has it, unless a watch has told of its deletion since.

        `by` is the credential in whose turn it was read or written, and that looks at it next in any case.
        """
        watched = max(self._watched.get(key.namespace, 0), self._watched.get(None, 0))
        if key in self.secrets or secret.version > watched:
            self.put_secret(key, secret, by)

    def watched_secrets(self, namespace: str | None, version: int) -> None:
        """Remember that all changes of the Secrets of a namespace (None: of all) up to `version` were seen."""
        first = namespace not in self._watched
        self._watched[namespace] = version
        if first:
            for key in self.credentials:
                if namespace in (None, key.namespace):
                    self.wake(key)

    def is_in_sync(self, key: Key) -> bool:
        """Whether the Secrets around a credential are known; before that it seems to have no token."""
        return None in self._watched or key.namespace in self._watched

    def drop_secret(self, key: Key, version: int) -> None:
        """Forget a Secret that was deleted; `version` is that of the deletion."""
        known = self.secrets.get(key)
        if known is None or version < known.version:
            return
        self._unset_secret(key)
        self._holders.pop(key, None)
        for user in self._users(key, known):
            self.wake_soon(user)

    def replace_secrets(self, namespace: str | None, listed: Mapping[Key, ObservedSecret], version: int) -> None:
        """Take up a whole list of the Secrets of a namespace (None: of all), as it was at `version`."""
        for key in [key for key in self.secrets if namespace in (None, key.namespace) and key not in listed]:
            self.drop_secret(key, version)
        for key, secret in listed.items():
            self.put_secret(key, secret)
        self.watched_secrets(namespace, version)

    def observe(self, key: Key, now: datetime) -> Observed | None:
        """Put together all that a decision about one credential depends on; None if it is gone."""
        credential = self.credentials.get(key)
        if credential is None:
            return None
        memory = self.memories[key]
        endpoint = self.endpoints.resolve(credential.spec.endpoint)
        client = self.secrets.get(_client_key(credential))
        inputs = _inputs(credential, memory, client)
        secret = self.secrets.get(_token_key(credential))
        return Observed(
            key=key,
            uid=credential.uid,
            created=credential.created,
            generation=credential.generation,
            spec=credential.spec,
            endpoint=endpoint,
            endpoint_allowed=self.endpoints.allows(endpoint),
            forbidden=self.forbidden.first(credential.spec.secret),
            inputs=inputs,
            client=client,
            secret=secret,
            secret_intact=_intact(memory, secret),
            predecessor_uid=_predecessor(credential, secret),
            held_last=had_secret(credential.status, credential.spec.secret.name),
            rivals=self._rivals(credential),
            holder=self._holder(credential, secret, now),
            holds_token=_holds_token(memory, inputs, credential, now),
            token_waits=memory.held is not None,
            told_ready=credential.status.says("Ready", "True"),
            pending=memory.failure is not None or memory.held is not None,
            failure=memory.failure if memory.failure and memory.failure.inputs in (None, inputs) else None,
            last_failure=memory.failure,
            endpoint_opens_at=self.endpoints.opens_at(endpoint, now),
            unplanned=memory.unplanned,
            last_unplanned=memory.last_unplanned,
        )

    def note_holder(self, secret_key: Key, uid: str, holder: Holder) -> None:
        """Remember what a lookup told of the credential of that uid, which a Secret was made for."""
        self._holders[secret_key] = uid, holder

    def outgrown_secrets(self, key: Key) -> Iterable[tuple[Key, ObservedSecret]]:
        """The Secrets that a credential owns under names which it has given up, and which nobody else names."""
        credential = self.credentials.get(key)
        if credential is None:
            return
        for secret_key in self._by_owner.of((key.namespace, credential.uid)):
            secret = self.secrets.get(secret_key)
            if secret is None:  # it went while the caller deleted another
                continue
            # By ownerReference too: annotations may be forged by who may not delete, and Retain has none.
            owned = secret.controller_uid == credential.uid
            if owned and secret_key != _token_key(credential) and not self._by_token.of(secret_key):
                yield secret_key, secret

    def _rivals(self, credential: Credential) -> Rivals:
        token, client = _token_key(credential), _client_key(credential)

        def others(keys: Iterable[Key]) -> tuple[Claimant, ...]:
            return tuple(claimant(self.credentials[key]) for key in keys if key != credential.key)

        return Rivals(
            others(self._by_token.of(token)), others(self._by_client.of(token)), others(self._by_token.of(client))
        )

    def _holder(self, credential: Credential, secret: ObservedSecret | None, now: datetime) -> Holder:
        if secret is None or secret.credential_uid in (None, credential.uid) or secret.credential is None:
            return NO_HOLDER
        uid, looked_up = self._holders.get(_token_key(credential), ("", NO_HOLDER))
        if uid == secret.credential_uid and looked_up.again_at is not None and now < looked_up.again_at:
            return looked_up
        return NO_HOLDER if secret.credential in self.credentials else Holder(Hold.UNSEEN)

    def _link(self, credential: Credential) -> None:
        self._by_client.add(_client_key(credential), credential.key)
        self._by_token.add(_token_key(credential), credential.key)

    def _unlink(self, credential: Credential) -> None:
        self._by_client.remove(_client_key(credential), credential.key)
        self._by_token.remove(_token_key(credential), credential.key)

    def _set_secret(self, key: Key, secret: ObservedSecret) -> None:
        self._unset_secret(key)
        self.secrets[key] = secret
        if secret.facts is not None:
            self._by_owner.add((key.namespace, secret.facts.credential_uid), key)

    def _unset_secret(self, key: Key) -> None:
        known = self.secrets.pop(key, None)
        if known is not None and known.facts is not None:
            self._by_owner.remove((key.namespace, known.facts.credential_uid), key)

    def _users(self, key: Key, *secrets: ObservedSecret | None) -> set[Key]:
        users = {*self._by_client.of(key), *self._by_token.of(key)}
        owners = {_owner(s.facts) for s in secrets if s is not None and s.facts is not None}
        return users | (owners & self.credentials.keys())

    def _wake_claimants(self, *credentials: Credential | None) -> None:
        for credential in credentials:
            if credential is not None:
                self._holders.pop(_token_key(credential), None)
                names = _token_key(credential), _client_key(credential)
                for key in dict.fromkeys(key for name in names for key in self._by_token.of(name)):
                    self.wake(key)
                for key in self._by_client.of(_token_key(credential)):
                    self.wake(key)


def _recalled(credential: Credential, spec_digest: str) -> Memory:
    failure = recall_failure(credential.status, credential.generation)
    return Memory(spec_digest, credential.status.secret_version, failure)


def _inputs(credential: Credential, memory: Memory, client: ObservedSecret | None) -> Inputs:
    read = client is not None and memory.client_version == str(client.version)
    return Inputs(memory.spec_digest, memory.client_digest if read else None, credential.rotate_request)


def _predecessor(credential: Credential, secret: ObservedSecret | None) -> str | None:
    return secret.credential_uid if secret is not None and secret.credential == credential.key else None


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
