"""Paths of objects of which one thing is remembered; of too many the oldest is forgotten."""


class RememberedPaths:
    """A bounded set.

    Args:
        most: how many paths it holds at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._paths: dict[str, None] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def add(self, path: str) -> None:
        """Remember a path."""
        self._paths[path] = None
        if len(self._paths) > self._most:
            del self._paths[next(iter(self._paths))]

    def discard(self, path: str) -> None:
        """Forget a path, if it is remembered."""
        self._paths.pop(path, None)
