"""How a restored etcd is noticed: the API server shows less than it had shown before.

After a restore, resourceVersions start again from those of the backup. All that compares versions would pass over
whatever happens from then on, in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.core.model import ObservedSecret

Mark = tuple[int, object]
"""The version of an object, and what can't differ at that version."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was known when a request was sent. A consistent answer to it shows nothing older.

    Args:
        restorations: how many restores had been noticed by then.
        highest: the highest version that was known.
    """

    store: Store
    restorations: int
    highest: int
    marks: Mapping[Key, Mark]

    @classmethod
    def of_secrets(cls, store: Store) -> "Before":
        """What is known of Secrets now."""
        marks = {key: mark_secret(secret) for key, secret in store.secrets.items()}
        return cls(store, store.restorations, max(_highest(marks), store.watched_version), marks)

    @classmethod
    def of_secret(cls, store: Store, key: Key) -> "Before":
        """What is known of one Secret now."""
        known = store.secrets.get(key)
        return cls(store, store.restorations, 0, {} if known is None else {key: mark_secret(known)})

    @classmethod
    def of_credentials(cls, store: Store) -> "Before":
        """What is known of credentials now."""
        marks = {key: (each.version, (each.uid, each.generation)) for key, each in store.credentials.items()}
        return cls(store, store.restorations, _highest(marks), marks)

    def shows_restore(self, version: int, found: Mapping[Key, Mark]) -> bool:
        """Compare an answer, and report to the store if it shows that the data was restored.

        Args:
            version: that of the list.
            found: the objects in it.
        """
        why = self._compare(version, found)
        if why is None:
            return False
        self.store.report_restored(self.restorations, why)
        return True

    @property
    def is_outdated(self) -> bool:
        """Whether a restore was noticed since."""
        return self.store.restorations != self.restorations

    def _compare(self, version: int, found: Mapping[Key, Mark]) -> str | None:
        if version < self.highest:
            return f"a list is at resourceVersion {version}, and {self.highest} was seen before"
        for key, (now, content) in found.items():
            before, known = self.marks.get(key, (0, None))
            if now < before:
                return f"{key} is at resourceVersion {now}, and {before} was seen before"
            if now == before and content != known:
                return f"{key} has other content at resourceVersion {now} than before"
        return None


def mark_secret(secret: ObservedSecret) -> Mark:
    """The mark of a Secret."""
    return secret.version, (secret.uid, secret.controller_uid, secret.facts)


def _highest(marks: Mapping[Key, Mark]) -> int:
    return max((version for version, _ in marks.values()), default=0)
