"""The AdobeIMSClientSecrets that were seen, and which Secrets they name.

Each object whose surroundings change is enqueued. It decides nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adobe_ims_operator.api.client_secret import ClientSecretResource, CredentialId
from adobe_ims_operator.api.client_secret_status import ClientSecretStatus
from adobe_ims_operator.api.resource import JSON, Key, parse_version, rotate_request
from adobe_ims_operator.cache.claimants import MAX_CLAIMANTS
from adobe_ims_operator.cache.index import Claims

Enqueue = Callable[[Key], None]


@dataclass(slots=True)
class Replacements:
    """All AdobeIMSClientSecrets, by namespace and name."""

    enqueue: Enqueue
    """Takes the key of each object that is to be looked at."""
    wake_crowd: Callable[[Key, float], None] = lambda _, __: None
    """Takes a Secret that many name, for all of them to be enqueued: the first of them are already."""
    resources: dict[Key, ClientSecretResource] = field(default_factory=dict)
    _naming: Claims[Key] = field(init=False)
    """Those that name a Secret, be it the managed one or the bootstrap's."""
    _of_credential: Claims[tuple[str, CredentialId]] = field(init=False)
    """Those of one credential in one namespace."""
    _managing: Claims[Key] = field(init=False)
    """Those that name a Secret as the one they manage."""
    _listed: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make the indexes, in which the older object comes first."""
        self._naming = Claims(self._rank)
        self._of_credential = Claims(self._rank)
        self._managing = Claims(self._rank)

    def upsert(self, resource: ClientSecretResource) -> None:
        """Take up an object as a watch brings it, unless it is no news, and enqueue it with its rivals."""
        known = self.resources.get(resource.key)
        if known is not None and resource.version <= known.version:
            return
        rivals = set() if known is None else self._rivals(known)
        if known is not None:
            self._forget(known)
        if not resource.deleting:
            self._remember(resource)
            rivals |= self._rivals(resource)
        for key in rivals | {resource.key}:
            self.enqueue(key)

    def delete(self, key: Key, uid: str) -> None:
        """Forget an object that is gone, unless it is another of that name by now."""
        known = self.resources.get(key)
        if known is not None and known.uid == uid:
            rivals = self._rivals(known)
            self._forget(known)
            for each in rivals | {key}:
                self.enqueue(each)

    def replace(self, namespace: str | None, listed: Mapping[Key, ClientSecretResource]) -> None:
        """Take up a whole list of the objects of a namespace (None: of all)."""
        for key, known in list(self.resources.items()):
            if namespace in (None, key.namespace) and key not in listed:
                self.delete(key, known.uid)
        for key, resource in listed.items():
            seen = self.resources.get(key)
            if seen is None or seen.version != resource.version:
                self.correct(resource)  # a list is the truth, also where a restored API server goes back
        if namespace not in self._listed:
            self._listed.add(namespace)
            self.enqueue_all(namespace)

    def forget_versions(self) -> None:
        """Have whatever is seen next count as newer than what is known, and no work be done until all was seen."""
        self._listed.clear()
        for key, resource in self.resources.items():
            self.resources[key] = replace(resource, version=0)

    def note_status(self, key: Key, metadata: JSON, status: ClientSecretStatus) -> None:
        """Take up a status that we wrote; `metadata` is that of the answer.

        Where the answer shows another change too, all of it is left to the watch.
        """
        known = self.resources.get(key)
        if known is None or known.uid != metadata["uid"] or "deletionTimestamp" in metadata:
            return
        version, same = parse_version(metadata), (metadata["generation"], rotate_request(metadata))
        if version > known.version and same == (known.generation, known.rotate_request):
            self.resources[key] = replace(known, version=version, status=status)

    def correct(self, resource: ClientSecretResource) -> None:
        """Take up an object as the API server has it, whatever version of it is known."""
        if (known := self.resources.get(resource.key)) is not None:
            self.resources[resource.key] = replace(known, version=-1)
        self.upsert(resource)

    def has_synced(self, namespace: str) -> bool:
        """Whether all objects of a namespace were seen."""
        return None in self._listed or namespace in self._listed

    def older(self, resource: ClientSecretResource) -> Key | None:
        """The oldest object in the namespace for the same credential or with the same Secret, if it is older."""
        rivals = [self.resources[key] for key in self._rivals(resource, 1)]
        first = min(rivals, key=_age, default=resource)
        return first.key if _age(first) < _age(resource) else None

    def enqueue_all(self, namespace: str | None) -> None:
        """Have the objects of a namespace (None: of all) looked at, as more of it is known."""
        for key in self.resources:
            if namespace in (None, key.namespace):
                self.enqueue(key)

    def secret_changed(self, secret: Key) -> None:
        """Enqueue those that name a Secret which changed."""
        for key in self._naming.first(secret, MAX_CLAIMANTS):
            self.enqueue(key)
        if self._naming.count(secret) > MAX_CLAIMANTS:
            self.wake_crowd(secret, 0)

    def users(self, secret: Key) -> Sequence[Key]:
        """All that name a Secret."""
        return self._naming.first(secret)

    def _rank(self, key: Key) -> tuple[datetime, str]:
        return _age(self.resources[key])

    def _rivals(self, resource: ClientSecretResource, most: int = MAX_CLAIMANTS) -> set[Key]:
        """The first of those that want the same; the others see it when they look again."""
        of_credential = () if resource.spec.invalid else self._of_credential.first(_credential(resource), most)
        return {*of_credential, *self._managing.first(resource.secret_key, most)}

    def _remember(self, resource: ClientSecretResource) -> None:
        key = resource.key
        self.resources[key] = resource
        for secret in _secrets(resource):
            self._naming.add(secret, key)
        self._managing.add(resource.secret_key, key)
        if not resource.spec.invalid:
            self._of_credential.add(_credential(resource), key)

    def _forget(self, known: ClientSecretResource) -> None:
        key = known.key
        for secret in _secrets(known):
            self._naming.remove(secret, key)
        self._managing.remove(known.secret_key, key)
        if not known.spec.invalid:
            self._of_credential.remove(_credential(known), key)
        del self.resources[key]


def _secrets(resource: ClientSecretResource) -> set[Key]:
    return {resource.secret_key, Key(resource.key.namespace, resource.spec.bootstrap.secret_name)}


def _credential(resource: ClientSecretResource) -> tuple[str, CredentialId]:
    return resource.key.namespace, resource.spec.credential


def _age(resource: ClientSecretResource) -> tuple[datetime, str]:
    return resource.created, resource.uid
