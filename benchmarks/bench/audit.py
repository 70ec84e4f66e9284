"""Following the API server's audit log: who asked for what, and when it was answered.

The API server starts a new file at 100 MB, which a large run fills; what is followed is the file that is open.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was answered, or a watch that began."""

    verb: str
    resource: str
    """Such as "secrets" or "adobeimscredentials/status"."""
    status: int
    answered: float
    """Epoch seconds."""
    name: str = ""
    """Of the object; empty for a list or a watch of many."""


class AuditLog:
    """The requests of one user since it was opened."""

    def __init__(self, path: Path, user: str) -> None:
        self._path = path
        self._needle = f'"username":"{user}"'
        self._file = path.open()
        self._file.seek(0, 2)
        self._part = ""
        self._requests: list[Request] = []

    def close(self) -> None:
        """Stop following."""
        self._file.close()

    def mark(self) -> int:
        """The number of requests so far: where to count from later."""
        self._read()
        return len(self._requests)

    def since(self, mark: int) -> list[Request]:
        """What was asked since a mark."""
        self._read()
        return self._requests[mark:]

    def _read(self) -> None:
        self._requests.extend(self._new(self._file))
        # A new file is there only after the old one was written to its end.
        if self._path.exists() and self._path.stat().st_ino != _inode(self._file):
            self._requests.extend(self._new(self._file))
            self._file.close()
            self._file = self._path.open()
            self._requests.extend(self._new(self._file))

    def _new(self, file: TextIO) -> Iterator[Request]:
        *lines, self._part = (self._part + file.read()).split("\n")
        for line in lines:
            if self._needle in line and (request := _parse(line)) is not None:
                yield request


def count(requests: list[Request]) -> "Counter[tuple[str, str]]":
    """Count requests by verb and resource."""
    return Counter((each.verb, each.resource) for each in requests)


def _inode(file: TextIO) -> int:
    return Path(f"/proc/self/fd/{file.fileno()}").stat().st_ino


def _parse(line: str) -> Request | None:
    event = json.loads(line)
    if event["stage"] != ("ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"):
        return None
    reference = event.get("objectRef", {})
    resource = "/".join(part for part in (reference.get("resource"), reference.get("subresource")) if part)
    return Request(
        verb=event["verb"],
        resource=resource or event["requestURI"].partition("?")[0],
        status=event.get("responseStatus", {}).get("code", 0),
        answered=datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
        name=reference.get("name", ""),
    )
