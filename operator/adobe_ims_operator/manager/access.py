"""Who may read the metrics: those that the API server allows to get the path.

It is what controller-runtime's WithAuthenticationAndAuthorization does (pkg/metrics/filters/filters.go). Anybody may
ask with any token, so what an unknown one costs is bounded: the decisions that are kept, and the questions to the API
server. A token that was allowed before waits for none of those.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.reviews import may_get, review_token

logger = logging.getLogger(__name__)

ALLOWED_SECONDS = 60.0
"""For how long a decision holds. controller-runtime's filter keeps a token for as long, and a denial for half of it."""
DENIED_SECONDS = 30.0
MOST_DECISIONS = 64
"""That are kept of each kind; the oldest goes for a new one."""
AT_ONCE, MOST_WAITING = 2, 16
"""Unknown tokens that the API server is asked about, and that wait for it."""
PAUSE_SECONDS = 0.1
"""From one unknown token to the next."""
LONGEST_TOKEN = 8192
LONGEST_HEADER = LONGEST_TOKEN + 64
"""Of a request, in bytes: a token of a service account has more than a thousand."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access:
    """Decides who may get a path.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, kube: Kube, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._path = path
        self._clock = clock
        self._decisions: dict[HTTPStatus, OrderedDict[bytes, float]] = {
            status: OrderedDict() for status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        }
        self._known, self._unknown = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._next = clock()
        self._failing = False

    def guarded(self, handler: Handler) -> Handler:
        """The handler for those who may, and a short answer for all others."""

        async def answer(request: web.Request) -> web.StreamResponse:
            status = await self._decide(request.headers.get("Authorization", ""))
            if status is HTTPStatus.OK:
                return await handler(request)
            headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
            return web.Response(status=status, text=f"{status.phrase}\n", headers=headers)

        return answer

    async def _decide(self, authorization: str) -> HTTPStatus:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
            return HTTPStatus.UNAUTHORIZED
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        if (decided := self._decided(digest)) is not None:
            return decided
        known = digest in self._decisions[HTTPStatus.OK]
        if not known and self._waiting >= MOST_WAITING:
            return HTTPStatus.TOO_MANY_REQUESTS
        self._waiting += not known
        try:
            async with self._known if known else self._unknown:
                if (decided := self._decided(digest)) is not None:
                    return decided
                if not known:
                    await self._wait_for_turn()
                return await self._ask(digest, token)
        finally:
            self._waiting -= not known

    async def _wait_for_turn(self) -> None:
        now = self._clock()
        turn = max(now, self._next)
        self._next = turn + PAUSE_SECONDS
        await asyncio.sleep(turn - now)

    async def _ask(self, digest: bytes, token: str) -> HTTPStatus:
        try:
            status = await self._review(token)
        except ApiError as error:
            if not self._failing:  # anybody can ask, so what they ask for is not logged each time
                logger.warning("can't tell who may read %s: %s", self._path, error)
            self._failing = True
            return HTTPStatus.INTERNAL_SERVER_ERROR
        self._failing = False
        for decisions in self._decisions.values():
            decisions.pop(digest, None)
        decisions = self._decisions[status]
        seconds = ALLOWED_SECONDS if status is HTTPStatus.OK else DENIED_SECONDS
        decisions[digest] = self._clock() + seconds
        if len(decisions) > MOST_DECISIONS:
            decisions.popitem(last=False)
        return status

    def _decided(self, digest: bytes) -> HTTPStatus | None:
        now = self._clock()
        return next((status for status, kept in self._decisions.items() if kept.get(digest, now) > now), None)

    async def _review(self, token: str) -> HTTPStatus:
        user = await review_token(self._kube, token)
        if user is None:
            return HTTPStatus.UNAUTHORIZED
        return HTTPStatus.OK if await may_get(self._kube, user, self._path) else HTTPStatus.FORBIDDEN
