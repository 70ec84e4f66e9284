"""What has been seen of the cluster: all credentials, and the metadata of all Secrets, with their indexes.

The watches and the answers to our own writes put observations in; the keys of credentials that are concerned go to the
queue. An observation older than the one at hand is passed over, so a late event never undoes what we just wrote. It
decides nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from adobe_ims_operator.api.digests import SpecDigests, spec_digests
from adobe_ims_operator.api.resource import JSON, Credential, Key, parse_version, rotate_request
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.cache import index, sources
from adobe_ims_operator.cache.claimants import MAX_CLAIMANTS, Claimants
from adobe_ims_operator.cache.index import References, age, client_key, controller, names, rank, token_key
from adobe_ims_operator.cache.memory_budget import Budget
from adobe_ims_operator.cache.missing_secrets import Absences
from adobe_ims_operator.cache.namespace_limit import NamespaceLimit
from adobe_ims_operator.cache.sources import find_source, sources_of
from adobe_ims_operator.cache.synced import Synced
from adobe_ims_operator.cache.takers import Takers
from adobe_ims_operator.core.claims import to_look_up
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.rivals import NO_HOLDER, Hold, Holder
from adobe_ims_operator.core.surroundings import Surroundings

DELETION_SECONDS = 1.0
"""How long after the deletion of a Secret its users are looked at: a credential that goes too is seen by another watch,
and a Secret that is replaced is there again."""

Enqueue = Callable[[Key, float], None]
"""Takes the key of a credential that is to be looked at, and after how many seconds."""


@dataclass(slots=True)
class Store:
    """All credentials and all Secrets' metadata."""

    enqueue: Enqueue
    """Takes each credential whose surroundings changed, or that is gone."""
    credentials: dict[Key, Credential] = field(default_factory=dict)
    secrets: dict[Key, ObservedSecret] = field(default_factory=dict)
    on_restored: Callable[[str], None] = lambda _: None
    """Takes why the API server's data is seen to be restored; all is to be read again."""
    wake_crowd: Callable[[Key, float], None] = lambda _, __: None
    """Takes a Secret that many name, for all of them to be enqueued: the first of them are already."""
    wake_takers: Callable[[Key, float], None] = lambda _, __: None
    """Takes a credential whose token others take, for all of them to be enqueued."""
    on_secret: Callable[[Key], None] = lambda _: None
    """Takes each Secret that changed, or that is gone."""
    on_synced: Callable[[str | None], None] = lambda _: None
    """Takes a namespace (None: all) of which more is known than before."""
    limit: NamespaceLimit = field(default_factory=NamespaceLimit)
    restorations: int = 0
    """How often that was noticed."""
    absences: Absences = field(default_factory=Absences)
    budget: Budget = field(default_factory=Budget)
    _digests: dict[Key, SpecDigests] = field(default_factory=dict)
    _holders: dict[Key, tuple[str, Holder]] = field(default_factory=dict)
    """What a lookup showed of the credential that a Secret was made for, with its uid."""
    synced: Synced = field(default_factory=Synced)
    takers: Takers = field(init=False)
    _claimants: Claimants = field(init=False)
    _by_owner: References[tuple[str, str]] = field(default_factory=References)
    """The Secrets that a credential controls, and that were made for it."""

    def __post_init__(self) -> None:
        """Make the indexes that look credentials up."""
        self._claimants = Claimants(self.credentials)
        self.takers = Takers(self.credentials)

    def upsert_credential(self, credential: Credential) -> None:
        """Take up a credential as a watch brings it, or as it is read again as there is room for it by now."""
        known = self.credentials.get(key := credential.key)
        oldest = 0 if known is None else known.version + (0 if self.budget.has_room_for(key) else 1)
        if credential.version < oldest:
            return
        if credential.deleting:
            self.delete_credential(key, credential.uid)
            return
        if self._set_credential(known, credential):
            self._enqueue_rivals(known, credential)
        self.enqueue(key, 0)

    def update_own_status(self, key: Key, metadata: JSON, status: Status) -> None:
        """Take up a status that we wrote; `metadata` is that of the answer.

        Nobody is enqueued for it. Where the answer shows another change too, all of it is left to the watch.
        """
        known = self.credentials.get(key)
        if known is None or known.uid != metadata["uid"] or "deletionTimestamp" in metadata:
            return
        version, request = parse_version(metadata), rotate_request(metadata)
        if version > known.version and (metadata["generation"], request) == (known.generation, known.rotate_request):
            self._set_credential(known, replace(known, version=version, status=status))

    def delete_credential(self, key: Key, uid: str) -> None:
        """Forget a credential that was deleted, unless it is another of that name by now."""
        known = self.credentials.get(key)
        if known is None or known.uid != uid:
            return
        self._claimants.remove(known)
        self.takers.replace(known, None, key)
        self._holders.pop(token_key(known), None)
        del self.credentials[key]
        del self._digests[key]
        self.budget.release(key)
        self._look_again(key, self.limit.remove(known))
        self._wake_takers(key)
        self._enqueue_rivals(known)

    def upsert_secret(self, key: Key, secret: ObservedSecret, by: Key | None = None) -> None:
        """Take up the metadata of a Secret as a watch brings it, and enqueue its users but for `by`."""
        known = self.secrets.get(key)
        if known is not None and secret.version <= known.version:
            return
        self._set_secret(key, secret)
        self._wake_users(key, 0, by, known, secret)

    def upsert_own_secret(self, key: Key, secret: ObservedSecret, by: Key | None) -> None:
        """Take up a Secret as an answer to us has it, unless a watch has shown its deletion since.

        `by` is the credential in whose turn it was read or written, and that looks at it next in any case.
        """
        if key in self.secrets or secret.version > self.synced.version(key.namespace):
            self.upsert_secret(key, secret, by)

    def delete_secret(self, key: Key, version: int) -> None:
        """Forget a Secret that was deleted; `version` is that of the deletion."""
        known = self.secrets.get(key)
        if known is None or version < known.version:
            return
        self._unset_secret(key)
        self.absences.deleted(key)
        self._holders.pop(key, None)
        self._wake_users(key, DELETION_SECONDS, None, known, None)

    def replace_secrets(self, namespace: str | None, listed: Mapping[Key, ObservedSecret], version: int) -> None:
        """Take up a whole list of the Secrets of a namespace (None: of all), as it was at `version`."""
        for key in [key for key in self.secrets if namespace in (None, key.namespace) and key not in listed]:
            self.delete_secret(key, version)
        for key, secret in listed.items():
            self.upsert_secret(key, secret)
        self.absences.listed(namespace)
        if self.synced.watched_secrets(namespace, version):
            self.enqueue_all(namespace)

    def watched_secrets(self, namespace: str | None, version: int) -> None:
        """Remember that all changes of the Secrets of a namespace (None: of all) up to `version` were seen."""
        self.synced.watched_secrets(namespace, version)

    def listed_credentials(self, namespace: str | None) -> None:
        """Remember that all credentials of a namespace (None: of all) that there were at the start were seen."""
        if self.synced.listed_credentials(namespace):
            self.enqueue_all(namespace)

    def has_synced(self, namespace: str) -> bool:
        """Whether all Secrets and all credentials of a namespace are known."""
        return self.synced.has_synced(namespace)

    def knows_source(self, key: Key) -> bool:
        """Whether it is known, or can't be, what there is of the credential whose token one takes."""
        return sources.is_known(self.credentials.get(key), self.synced)

    @property
    def watched_version(self) -> int:
        """The highest version up to which changes of Secrets were seen."""
        return self.synced.highest

    def report_restored(self, since: int, why: str) -> None:
        """Have all read again, as the API server's data was restored.

        Args:
            since: `restorations` as of what was compared; a restore that was noticed meanwhile is the same one.
        """
        if since == self.restorations:
            self.forget_versions()
            self.on_restored(why)

    def forget_versions(self) -> None:
        """Have whatever is seen next count as newer than what is known, and no work be done until all was seen."""
        self.restorations += 1
        self.credentials.update({key: replace(each, version=0) for key, each in self.credentials.items()})
        self.secrets = {key: replace(secret, version=0) for key, secret in self.secrets.items()}
        self._holders.clear()
        self.synced.clear()

    def note_holder(self, secret_key: Key, uid: str, holder: Holder) -> None:
        """Remember what a lookup showed of the credential of that uid, which a Secret was made for."""
        self._holders[secret_key] = uid, holder

    def surroundings(self, key: Key, now: datetime) -> Surroundings | None:
        """A credential and what is around it as of `now`, or None if it is gone."""
        credential = self.credentials.get(key)
        if credential is None:
            return None
        secret, client = self.secrets.get(token_key(credential)), client_key(credential)
        return Surroundings(
            credential=credential,
            spec_digests=self._digests[key],
            client=None if client is None else self.secrets.get(client),
            secret=secret,
            rivals=self._claimants.rivals(credential, secret),
            holder=self._holder(credential, secret, now),
            source=find_source(credential, self.synced, self.credentials, self.secrets, self._digests),
            limit=self.limit.most if self.limit.is_beyond(credential) else None,
        )

    def outgrown_secrets(self, key: Key) -> Iterator[tuple[Key, ObservedSecret]]:
        """The Secrets that a credential owns under names which it has given up, and which nobody else names."""
        credential = self.credentials.get(key)
        if credential is None:
            return
        for secret_key in self._by_owner.of((key.namespace, credential.uid)):
            secret = self.secrets.get(secret_key)  # None where it went while the caller deleted another
            named = secret_key == token_key(credential) or self._claimants.puts_token(secret_key)
            if secret is not None and not (secret.deleting or secret.holds_client or named):
                yield secret_key, secret

    def _holder(self, credential: Credential, secret: ObservedSecret | None, now: datetime) -> Holder:
        whom = to_look_up(credential, secret)
        if whom is None:
            return NO_HOLDER
        uid, looked_up = self._holders.get(token_key(credential), ("", NO_HOLDER))
        if uid == whom.uid and looked_up.again_at is not None and now < looked_up.again_at:
            return looked_up
        watched = whom.key.namespace == credential.key.namespace and whom.key in self.credentials
        return NO_HOLDER if watched else Holder(Hold.UNSEEN)

    def _set_credential(self, known: Credential | None, new: Credential) -> bool:
        """Take up a credential; whether its claims differ from those of what was known."""
        new = self.budget.admit(new)
        if known is None or new.spec is not known.spec:
            self._digests[new.key] = spec_digests(new.spec)
            self.takers.replace(known, new, new.key)
            if known is None or (known.uid, known.spec) != (new.uid, new.spec):
                self._wake_takers(new.key)
        if known is None or age(known) != age(new):
            self._look_again(None if known is None else self.limit.remove(known), self.limit.add(new))
        same_names = known is not None and names(known) == names(new)
        if known is not None and same_names and rank(known) == rank(new):
            self.credentials[new.key] = new
            return False
        if known is not None:
            self._claimants.remove(known)
        self.credentials[new.key] = new
        self._claimants.add(new)
        if not same_names:
            for each in filter(None, (known, new)):
                self._holders.pop(token_key(each), None)
        return True

    def _look_again(self, *keys: Key | None) -> None:
        for key in filter(None, keys):
            self.enqueue(key, 0)

    def _wake_takers(self, *sources: Key) -> None:
        for source in filter(self.takers.has, sources):
            self.wake_takers(source, 0)

    def _set_secret(self, key: Key, secret: ObservedSecret) -> None:
        self._unset_secret(key)
        self.secrets[key] = secret
        if (by := controller(secret)) is not None:
            self._by_owner.add((key.namespace, by), key)

    def _unset_secret(self, key: Key) -> None:
        known = self.secrets.pop(key, None)
        if known is not None and (by := controller(known)) is not None:
            self._by_owner.remove((key.namespace, by), key)

    def users(self, key: Key, most: int | None = None) -> set[Key]:
        """Those that name a Secret; of each way to name it the oldest, where that is limited."""
        return self._claimants.naming(key, most)

    def _wake_users(self, key: Key, after: float, by: Key | None, *secrets: ObservedSecret | None) -> None:
        """Wake those whom a change of a Secret from one state to the other concerns."""
        self.on_secret(key)
        owners = index.owners(key.namespace, secrets) & self.credentials.keys()
        for user in (self._claimants.naming(key, MAX_CLAIMANTS) | owners) - {by}:
            self.enqueue(user, after)
        self._wake_takers(*set(sources_of(key, secrets, self.credentials)))
        if self._claimants.is_crowd(key, changes_hands=index.changes_hands(secrets)):
            self.wake_crowd(key, after)

    def _enqueue_rivals(self, *credentials: Credential | None) -> None:
        for credential in filter(None, credentials):
            for key in self._claimants.near(credential):
                self.enqueue(key, 0)

    def enqueue_all(self, namespace: str | None) -> None:
        """Have the credentials of a namespace (None: of all) looked at, and those that take the token of one there."""
        self.on_synced(namespace)
        for key, credential in self.credentials.items():
            source = credential.spec.taken_from
            concerned = namespace in (None, key.namespace, None if source is None else source.namespace)
            if concerned and self.has_synced(key.namespace):
                self.enqueue(key, 0)
