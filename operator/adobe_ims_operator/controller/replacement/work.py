"""How far the work on each AdobeIMSClientSecret is: what was read, what is remembered, and the token in hand.

Values of client secrets are read where they are needed, and not kept. A management token is kept here, in memory alone.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.api.client_secret import ClientSecretResource
from adobe_ims_operator.api.client_secret_ledger import Draining, Ledger, Orphaned, Slot
from adobe_ims_operator.api.digests import digest_client_value
from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.index import token_key
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Endpoint, Trouble
from adobe_ims_operator.core.replacement import attempts as attempt
from adobe_ims_operator.core.replacement import checks
from adobe_ims_operator.core.replacement.model import Added, ManagedSecret, Memory, Now, Observed, Step, UnreadSecret
from adobe_ims_operator.kube.managed_secret import ManagedContent

logger = logging.getLogger(__name__)

TOKEN_MARGIN = timedelta(minutes=1)
"""Before its end a token is not used any more."""

MOST_USERS = 100
"""The oldest credentials on a managed Secret are looked at for who uses the old client secret; each takes a digest."""

Traces = Mapping[Key, tuple[str, str]]
"""The uid of each credential on a managed Secret, and the digest that marks a token made with the old client secret."""


@dataclass(frozen=True, slots=True)
class ManagementToken:
    """A token with which client secrets can be replaced."""

    access_token: str = field(repr=False)
    client_id: str
    digest: str
    """Of the client secret that it was asked with."""
    expires_at: datetime


class Outdated(Exception):  # noqa: N818 - no error: what was decided on changed, and it is decided again
    """A Secret or the object is not as it was decided on, or could not be read."""


class Work:
    """The state of the work on all objects.

    Args:
        console: where the console API is.
        jitter: a random number in [0, 1).
    """

    def __init__(
        self,
        store: Store,
        replacements: Replacements,
        endpoints: Endpoints,
        console: str,
        *,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self.store = store
        self.replacements = replacements
        self.endpoints = endpoints
        self.clock = clock
        self.jitter = jitter
        self.stopping = False
        self._console = Endpoint(console, allowed=True)
        self._memories: dict[Key, Memory] = {}
        self._read: dict[Key, tuple[ManagedSecret, Traces | None]] = {}
        self._tokens: dict[Key, ManagementToken] = {}
        self._last: dict[Key, ClientSecretResource] = {}

    @property
    def now(self) -> Now:
        """The moment by both clocks."""
        return Now(self.clock.now(), self.clock.monotonic())

    def stop(self) -> None:
        """Begin nothing more: what Adobe gave or deleted is still written."""
        self.stopping = True
        for key, memory in list(self._memories.items()):  # which may wait for its next attempt
            self._memories[key] = attempt.try_again(memory)

    def unwritten(self) -> Mapping[Key, str]:
        """The uuid of each client secret that Adobe gave, and whose value is in no Secret yet."""
        return {key: each.added.secret.uuid for key, each in self._memories.items() if each.added is not None}

    def has_synced(self, namespace: str) -> bool:
        """Whether all Secrets and all objects of a namespace are known."""
        return self.store.has_synced(namespace) and self.replacements.has_synced(namespace)

    def observe(self, key: Key) -> Observed | None:
        """Observe one object; None if it is gone, and nothing that Adobe gave for it is to be written."""
        live = self.replacements.resources.get(key)
        resource = self._former(key, live) or live
        if resource is None:
            self._forget(key)
            return None
        self._last[key] = resource
        bootstrap = self.store.secrets.get(Key(key.namespace, resource.spec.bootstrap.secret_name))
        bootstrap_version = None if bootstrap is None else bootstrap.version
        memory = self._memories.get(key)
        if memory is None or memory.uid != resource.uid:
            if memory is not None and memory.added is not None and self._has_lost_its_secret(memory.added, resource):
                _log_given_up(key, memory.added)
            self._tokens.pop(key, None)
            self._read.pop(key, None)
            memory = self._memories[key] = attempt.begin(
                resource.uid, memory, bootstrap_version, checks.recall(resource, self.now)
            )
        if memory.manages_with is not None and self.token(key) is None:
            memory = self._memories[key] = attempt.token_ended(memory)
        url = self.endpoints.resolve(resource.spec.endpoint)
        older = self.replacements.older(resource)
        return Observed(
            resource=resource,
            secret=self._secret(resource, is_first=older is None),
            bootstrap_version=bootstrap_version,
            endpoint=Endpoint(url, self.endpoints.allows(url), self.endpoints.urls),
            console=self._console,
            memory=memory,
            older=older,
            users=self._users(resource),
        )

    def note(self, observed: Observed, memory: Memory) -> Observed:
        """Remember what follows from a step; what was observed, with that."""
        key = observed.resource.key
        known = self._memories.get(key)
        if known is not None and known.uid == memory.uid:
            self._memories[key] = memory
        return replace(observed, memory=memory)

    def failed(self, observed: Observed, step: Step, trouble: Trouble) -> None:
        """Remember a step that failed, and log it."""
        after = attempt.failed(observed.memory, observed, step, trouble, self.now, self.jitter())
        self.note(observed, after)
        log_failure(observed.resource.key, trouble.finding)

    def saw(self, resource: ClientSecretResource, content: ManagedContent) -> None:
        """Remember what a read of the managed Secret showed, and how the use of the old client secret in it shows."""
        self._read[resource.key] = content.observed(resource.spec.credential), self._traces(resource, content)

    def token(self, key: Key) -> ManagementToken | None:
        """The token in hand, as long as it serves."""
        token = self._tokens.get(key)
        if token is not None and self.clock.now() >= token.expires_at - TOKEN_MARGIN:
            del self._tokens[key]
            return None
        return token

    def keep_token(self, key: Key, token: ManagementToken) -> None:
        """Take a token in hand."""
        self._tokens[key] = token

    def drop_token(self, key: Key) -> None:
        """Use the token in hand no longer."""
        self._tokens.pop(key, None)

    def forget_attempts(self) -> None:
        """Take up from the Secrets what another process did, as at a start; what Adobe gave is kept."""
        self._read.clear()
        self._tokens.clear()
        for key, memory in list(self._memories.items()):
            resource = self.replacements.resources.get(key)
            checked = None if resource is None else checks.recall(resource, self.now)
            self._memories[key] = attempt.begin(memory.uid, memory, memory.first_bootstrap_version, checked)

    def is_gone(self, observed: Observed) -> bool:
        """Whether there is no such object any more, or another of its name."""
        live = self.replacements.resources.get(observed.resource.key)
        return live is None or live.uid != observed.resource.uid

    def forget_former(self, key: Key) -> None:
        """Go on with the object that there is now."""
        self._last.pop(key, None)

    def _former(self, key: Key, live: ClientSecretResource | None) -> ClientSecretResource | None:
        """The object that is gone, or was made again for another credential or Secret, while its own lacks what came.

        The Secret stays when the object goes, and nobody else has that value.
        """
        memory, last = self._memories.get(key), self._last.get(key)
        if memory is None or memory.added is None or last is None or last.secret_key not in self.store.secrets:
            return None
        if live is not None and (live.uid == last.uid or _has_same_place(live, last)):
            return None
        return replace(last, deleting=True)

    def _has_lost_its_secret(self, added: Added, resource: ClientSecretResource) -> bool:
        """Whether what Adobe gave for an earlier object has no Secret to go into, so that it is given up."""
        return added.credential == resource.spec.credential and resource.secret_key not in self.store.secrets

    def _secret(self, resource: ClientSecretResource, *, is_first: bool) -> ManagedSecret | UnreadSecret | None:
        found = self.store.secrets.get(resource.secret_key)
        if found is None:
            return None
        read, traces = self._read.get(resource.key, (None, None))
        if read is None or read.version != found.version or (is_first and traces is None):
            return UnreadSecret(found.version)
        return read

    def _traces(self, resource: ClientSecretResource, content: ManagedContent) -> Traces | None:
        """How tokens made with the old client secret are recognized; None where an older object reports their use.

        Any number of objects may name one Secret, and a tenant may write what looks like an old client secret there.
        """
        previous, ledger = content.values.get(Slot.PREVIOUS), content.ledger
        if previous is None or content.client_id is None or not isinstance(ledger, Ledger):
            return {}
        if ledger.credential != resource.spec.credential or not isinstance(ledger.phase, Draining | Orphaned):
            return {}
        if self.replacements.older(resource) is not None:
            return None
        users = self.store.users(resource.secret_key, MOST_USERS)
        uids = {user: found.uid for user in users if (found := self.store.credentials.get(user)) is not None}
        return {user: (uid, digest_client_value(uid, content.client_id, previous)) for user, uid in uids.items()}

    def _users(self, resource: ClientSecretResource) -> tuple[Key, ...]:
        """The credentials whose token was made with the old client secret."""
        _, traces = self._read.get(resource.key, (None, None))
        return tuple(key for key, trace in sorted((traces or {}).items()) if self._uses(key, *trace))

    def _uses(self, key: Key, uid: str, digest: str) -> bool:
        """Whether the token of the credential of that uid was made with the value of that digest."""
        credential = self.store.credentials.get(key)
        secret = None if credential is None else self.store.secrets.get(token_key(credential))
        facts = None if secret is None else secret.facts
        return facts is not None and (facts.credential_uid, facts.client_value) == (uid, digest)

    def _forget(self, key: Key) -> None:
        """Forget an object that is gone, and what Adobe gave for it: who has a Secret of that name next may be another.

        Only where its Secret is gone too.
        """
        self._read.pop(key, None)
        self._tokens.pop(key, None)
        self._last.pop(key, None)
        memory = self._memories.pop(key, None)
        if memory is not None and memory.added is not None:
            _log_given_up(key, memory.added)


def _has_same_place(one: ClientSecretResource, other: ClientSecretResource) -> bool:
    """Whether what Adobe gives for one is at home in the Secret of the other."""
    return (one.spec.credential, one.secret_key) == (other.spec.credential, other.secret_key)


def _log_given_up(key: Key, added: Added) -> None:
    message = (
        "AdobeIMSClientSecret %s: client secret %s was added, and its value is given up, as the object and its "
        "Secret are gone; delete it in the Adobe Developer Console"
    )
    logger.warning(message, key, added.secret.uuid, extra=about(key))


def log_passed_over(key: Key, uuid: str) -> None:
    """Log that the value that Adobe gave is forgotten: a later replacement shows that nobody needs it."""
    message = (
        "AdobeIMSClientSecret %s: client secret %s was added, and its value is given up, as a later replacement began "
        "without it"
    )
    logger.warning(message, key, uuid, extra=about(key))


def log_failure(key: Key, finding: Finding) -> None:
    """Log that a step failed."""
    fields = about(key, reason=finding.reason)
    logger.warning("AdobeIMSClientSecret %s: %s: %s", key, finding.reason, finding.message, extra=fields)
