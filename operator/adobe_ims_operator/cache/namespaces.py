"""Which of the named namespaces can be watched.

kopf ends when one of its namespaces answers 403, as one does that was deleted together with its Role. So kopf is given
only those that answer; the others are tried again and again, and hold up nobody.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from adobe_ims_operator.kube.answers import check_version
from adobe_ims_operator.kube.client import METADATA_LIST, METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.paths import credentials_path

logger = logging.getLogger(__name__)

POLL_SECONDS = 5.0
"""After which namespaces that did not answer are tried again."""
WATCH_SECONDS = 1
SILENCE_SECONDS = 10.0


class Namespaces:
    """The named namespaces, all of which are taken to answer until they are probed.

    Args:
        names: none stands for all namespaces, which are one watch and are not probed.
    """

    def __init__(self, kube: Kube, names: Sequence[str]) -> None:
        self._kube = kube
        self.names = tuple(names)
        self.problems: dict[str, str] = {}
        """Why a namespace can't be watched."""

    @property
    def answering(self) -> tuple[str | None, ...]:
        """Those that can be watched; None stands for all namespaces."""
        if not self.names:
            return (None,)
        return tuple(name for name in self.names if name not in self.problems)

    async def probe(self) -> None:
        """Find out which namespaces answer."""
        for name in self.names:
            await self._probe(name)

    async def run(self, on_return: Callable[[str], None]) -> None:
        """Try those that do not answer again and again; `on_return` takes each that answers."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            for name in tuple(self.problems):
                await self._probe(name)
                if name not in self.problems:
                    on_return(name)

    async def _probe(self, name: str) -> None:
        problem = await self._problem(name)
        known = self.problems.get(name)
        if problem is None:
            self.problems.pop(name, None)
            if known is not None:
                logger.info("namespace %s can be watched again", name)
            return
        self.problems[name] = problem
        if problem != known:
            logger.warning(
                "namespace %s can't be watched: %s; the others are served, and it is tried every %.0f s",
                name,
                problem,
                POLL_SECONDS,
            )

    async def _problem(self, name: str) -> str | None:
        path = credentials_path(name)
        try:
            page = await self._kube.read(path, accept=METADATA_LIST, query={"limit": "1"})
            version = check_version(page.get("metadata"))
            query = {"watch": "true", "timeoutSeconds": str(WATCH_SECONDS), "resourceVersion": version}
            async with self._kube.stream(path, accept=METADATA_OBJECT, query=query, silence=SILENCE_SECONDS):
                return None
        except ApiError as error:
            return str(error)
