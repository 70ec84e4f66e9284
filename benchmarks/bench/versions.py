"""Every version of the token Secrets of a namespace, as a watch on metadata shows them to an administrator."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from adobe_ims_operator.api.resource import GROUP
from bench.history import HistoryError, Version
from bench.objects import path
from bench.raw import Raw

WATCH_SECONDS = 45
"""After which the API server ends a watch, which then goes on from where it was: less than `raw.REQUEST_SECONDS`."""


class Versions:
    """The versions of the Secrets of these names, in the order in which they were made."""

    def __init__(self, namespace: str, names: Iterable[str]) -> None:
        self._where = path(namespace, "secrets")
        self._of: dict[str, list[Version]] = {name: [] for name in names}

    def of(self, name: str) -> list[Version]:
        """Those of one Secret, as far as they were seen."""
        return self._of[name]

    async def start(self, api: Raw) -> str:
        """The resourceVersion to follow from: now."""
        version: str = (await api.request("GET", f"{self._where}?limit=1"))["metadata"]["resourceVersion"]
        return version

    async def follow(self, api: Raw, since: str) -> None:
        """Note all versions that are made after `since`, forever.

        Raises:
            HistoryError: some were missed, or a Secret was deleted.
        """
        while True:
            query = f"watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={since}"
            async for event in api.lines(f"{self._where}?{query}"):
                since = self.note(event)

    def note(self, event: dict[str, Any]) -> str:
        """Note one event of a watch; the resourceVersion to go on from. Raises HistoryError."""
        if event["type"] == "ERROR":
            raise HistoryError(f"the watch on Secrets broke off: {event['object'].get('message')}")
        metadata = event["object"]["metadata"]
        since: str = metadata["resourceVersion"]
        name = metadata.get("name", "")
        if event["type"] != "BOOKMARK" and name in self._of:
            if event["type"] == "DELETED":
                raise HistoryError(f"Secret {name} was deleted")
            self._of[name].append(_read(since, metadata["annotations"]))
        return since

    def reach(self, secrets: Iterable[dict[str, Any]]) -> bool:
        """Whether the latest versions that were seen are those of a list."""
        listed = {each["metadata"]["name"]: int(each["metadata"]["resourceVersion"]) for each in secrets}
        return all(
            listed.get(name) == (versions[-1].resource_version if versions else None)
            for name, versions in self._of.items()
        )


def _read(version: str, annotations: dict[str, str]) -> Version:
    return Version(
        resource_version=int(version),
        rotations=int(annotations[f"{GROUP}/rotations"]),
        issued_at=datetime.fromisoformat(annotations[f"{GROUP}/issued-at"]).timestamp(),
        expires_at=datetime.fromisoformat(annotations[f"{GROUP}/expires-at"]).timestamp(),
    )
