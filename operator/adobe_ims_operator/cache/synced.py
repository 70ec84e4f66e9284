"""Of which namespaces all is known: their Secrets and their credentials, from the start and without a gap."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Synced:
    """What was read of each namespace; None stands for all of them."""

    is_served: Callable[[str], bool] = lambda _: True
    """Whether a namespace is to be watched, and can be."""
    _watched: dict[str | None, int] = field(default_factory=dict)
    _listed: set[str | None] = field(default_factory=set)
    _unseen: set[str] = field(default_factory=set)

    def watched_secrets(self, namespace: str | None, version: int) -> bool:
        """Remember up to which version the Secrets of a namespace were seen; whether that is the first time."""
        first = namespace not in self._watched
        self._watched[namespace] = version
        return first

    def listed_credentials(self, namespace: str | None) -> bool:
        """Remember that the credentials of a namespace were seen; whether that is the first time, or again."""
        first = namespace not in self._listed or namespace in self._unseen
        self._listed.add(namespace)
        self._unseen.discard(str(namespace))
        return first

    def lost_credentials(self, namespaces: Iterable[str]) -> None:
        """Remember that the credentials of namespaces may change unseen, until all of them are seen again."""
        self._unseen.update(namespaces)

    def has_synced(self, namespace: str) -> bool:
        """Whether all Secrets and all credentials of a namespace are known.

        Before that a credential may seem to have no token, or a Secret to be nobody's.
        """
        secrets = None in self._watched or namespace in self._watched
        return secrets and (None in self._listed or namespace in self._listed)

    def is_known(self, namespace: str) -> bool:
        """Whether what is known of a namespace is all there is, also now."""
        return self.is_served(namespace) and self.has_synced(namespace) and namespace not in self._unseen

    def version(self, namespace: str) -> int:
        """Up to which version changes of the Secrets of a namespace were seen."""
        return max(self._watched.get(namespace, 0), self._watched.get(None, 0))

    @property
    def highest(self) -> int:
        """The highest version up to which changes of Secrets were seen."""
        return max(self._watched.values(), default=0)

    def clear(self) -> None:
        """Take nothing for known."""
        self._watched.clear()
        self._listed.clear()
        self._unseen.clear()
