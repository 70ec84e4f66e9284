"""Requests to the Kubernetes API server, as plain JSON.

`kubernetes.aio` finds the cluster and authenticates. Its requests and model classes are passed over: they cost more
than a request of aiohttp itself, and a V1Secret prints its data wherever it is formatted.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from yarl import URL

from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.kube.answers import JSONObject, check_mapping, check_object
from adobe_ims_operator.kube.errors import RefusedError, TooLargeError, UnreachableError, from_answer, invalid_answer
from adobe_ims_operator.kube.fair_turns import Place
from adobe_ims_operator.kube.heavy_writes import HeavyWrites
from adobe_ims_operator.kube.informer import IsKnown, drop_known_events, limit_pages
from adobe_ims_operator.kube.large_answers import LargeAnswers
from adobe_ims_operator.kube.login import NoClusterError, forget_files, no_cluster
from adobe_ims_operator.kube.page_size import PageSize
from adobe_ims_operator.kube.traffic import Traffic
from adobe_ims_operator.kube.transport import LARGE, Answer, is_quotable, lines, translated_errors, within

REQUEST_SECONDS = 15.0
RELOAD_SECONDS = 10.0

UNAUTHORIZED = 401

MERGE_PATCH = "application/merge-patch+json"
JSON_TYPE = "application/json"
# A compressed answer could become a thousand times as large before anybody looks.
_HEADERS = {"User-Agent": FIELD_MANAGER, "Accept-Encoding": "identity"}
METADATA_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def unhurried() -> float:
    """The time left for a request of who shares its work with nobody, in seconds."""
    return REQUEST_SECONDS


class Kube:
    """The API server, as JSON in and JSON out.

    Args:
        configuration: where it is, and how to authenticate.
        load: finds that again where the API server no longer takes it, as the tokens of a kubeconfig's plugin expire.
        connections: how many requests may be under way at once, watches included.
        time_left: returns before each write how many seconds it may take; it raises NotLeadingError where
            it may not be sent.
        reload_after: credentials that the API server refuses are loaded again no sooner than so many seconds after the
            last time.
        patience: seconds that a request may take, but for a stream.
        manager: under which name what is written is noted in managedFields.
        traffic: counts the requests.

    Raises:
        NoClusterError: the certificates of the configuration can't be used.
    """

    def __init__(
        self,
        configuration: Configuration,
        connections: int,
        load: Callable[[], Awaitable[Configuration]],
        time_left: Callable[[], float] = unhurried,
        reload_after: float = RELOAD_SECONDS,
        patience: float = REQUEST_SECONDS,
        *,
        manager: str = FIELD_MANAGER,
        traffic: Traffic | None = None,
    ) -> None:
        self._managed = {"fieldManager": manager}
        self.traffic = traffic or Traffic()
        self._connections = connections + 16
        self._session: aiohttp.ClientSession | None = None
        self.heavy = HeavyWrites()
        self._large = LargeAnswers()
        self._configuration = configuration
        self._load = load
        self._time_left = time_left
        self._reload_after = reload_after
        self._patience = patience
        self._loaded_at = -reload_after
        try:
            self._client = ApiClient(configuration)
        except OSError as error:  # which an ssl.SSLError is as well
            raise no_cluster(f"its certificates can't be used, {type(error).__name__}") from None
        finally:
            forget_files()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
        await self._client.close()  # type: ignore[no-untyped-call]

    @property
    def host(self) -> str:
        """The URL of the API server."""
        return str(self._configuration.host)

    def session(self, is_known: IsKnown = lambda _: False) -> aiohttp.ClientSession:
        """A session for kopf that authenticates as this client does; the caller closes it.

        Args:
            is_known: whether a line of a watch tells nothing new, and is to be passed over.
        """

        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            authorization = await self.authorization()
            if authorization is not None:
                request.headers["Authorization"] = authorization
            return await handler(request)

        return self._open(0, drop_known_events(is_known), limit_pages(), authorize)

    def _open(self, connections: int, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._client.rest_client.ssl_context, limit=connections),
            middlewares=(self.traffic.count, *middlewares),
            response_class=Answer,
            proxy=self._configuration.proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # HTTPS_PROXY is for IMS: a cluster's API server is next door
        )

    async def authorization(self) -> str | None:
        """The Authorization header as of now; None with a client certificate.

        A service account's token is read again each minute, as kubernetes.aio does in a pod.

        Raises:
            ApiError: it can't be read.
        """
        with translated_errors():
            return await self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")

    async def log_in_again(self) -> bool:
        """Load the credentials again after a 401; False where that was tried a moment ago."""
        now = asyncio.get_running_loop().time()
        if now - self._loaded_at < self._reload_after:
            return False
        self._loaded_at = now
        try:
            self._configuration.api_key = (await self._load()).api_key
        except NoClusterError as error:
            raise UnreachableError(0, "Unauthorized", str(error)) from None
        finally:
            forget_files()
        return True

    def ended(self, place: Place) -> None:
        """Work ended that may have been called to take its turn."""
        self._large.ended(place)
        self.heavy.ended(place)

    def time_left(self) -> float:
        """Seconds for which a write may be under way.

        Raises:
            NotLeadingError: nothing may be written or asked.
        """
        return self._time_left()

    async def get(self, path: str, *, accept: str = JSON_TYPE, fields: bool = False) -> JSONObject:
        """GET an object, with or without the fields that its managers own.

        Raises:
            ApiError: as for all requests of this class.
        """
        return check_object(await self._request("GET", path, accept=accept, fields=fields))

    async def read(self, path: str, *, accept: str = JSON_TYPE, query: Mapping[str, str] | None = None) -> JSONObject:
        """GET what is no object of its own, as a list."""
        return await self._request("GET", path, accept=accept, query=query)

    async def review(self, path: str, body: object) -> JSONObject:
        """POST a question, such as a SelfSubjectAccessReview, of which nothing is stored."""
        return check_mapping(await self._request("POST", path, body=body))

    async def create(self, path: str, body: object, *, accept: str = JSON_TYPE, dry_run: bool = False) -> JSONObject:
        """POST a new object; 409 where there is one of its name. A dry run may hold nothing secret."""
        query = {**self._managed, "dryRun": "All"} if dry_run else self._managed
        return check_object(await self._request("POST", path, body=body, accept=accept, query=query))

    async def patch(self, path: str, body: object, *, accept: str = JSON_TYPE) -> JSONObject:
        """Apply a JSON merge patch; 409 where `body` names a resourceVersion that is no longer current."""
        async with self.heavy.turn(path):
            return check_object(
                await self._request("PATCH", path, body=body, content=MERGE_PATCH, accept=accept, query=self._managed)
            )

    async def replace(self, path: str, body: object) -> JSONObject:
        """PUT a whole object; 409 where it is no longer at the resourceVersion that `body` names."""
        return check_object(await self._request("PUT", path, body=body, query=self._managed))

    async def delete(self, path: str, uid: str, version: int) -> None:
        """DELETE an object if it is still the one of that uid and resourceVersion; 409 where it is not."""
        preconditions = {"uid": uid, "resourceVersion": str(version)}
        await self._request("DELETE", path, body={"preconditions": preconditions})

    async def read_page(
        self, size: PageSize, path: str, *, accept: str, query: Mapping[str, str] | None = None
    ) -> JSONObject | None:
        """GET a page of a list, or None where it is too large: `size` says how many objects to ask for then."""
        answer = await self._send("GET", path, accept=accept, query=query)
        with translated_errors():
            body = await size.read(answer)
            return None if body is None else check_mapping(await self._large.decode(body))

    @asynccontextmanager
    async def stream(
        self, path: str, *, accept: str, query: Mapping[str, str], silence: float
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """GET a stream of JSON lines; it ends with an ApiError after `silence` seconds without a line."""
        timeout = aiohttp.ClientTimeout(total=None, connect=REQUEST_SECONDS, sock_read=silence)
        response = await self._send("GET", path, accept=accept, query=query, timeout=timeout)
        try:
            yield lines(response)
        finally:
            response.close()

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: str = JSON_TYPE,
        accept: str = JSON_TYPE,
        query: Mapping[str, str] | None = None,
        fields: bool = False,
    ) -> JSONObject:
        if method == "GET":
            self._large.expect(path)
        response = await self._send(method, path, body=body, content=content, accept=accept, query=query)
        with translated_errors():
            try:
                return check_mapping(await self._large.read(response, path, fields=fields))
            except TooLargeError:
                if method == "GET":
                    raise
                raise invalid_answer() from None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        query: Mapping[str, str] | None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 - aiohttp's own, for each phase
        body: object = None,
        content: str = JSON_TYPE,
    ) -> Answer:
        url = URL(self.host + path + (f"?{urlencode(query)}" if query else ""), encoded=True)
        if self._session is None:  # which asks for a running loop
            self._session = self._open(self._connections)
        while True:
            headers = {**_HEADERS, "Accept": accept, "Content-Type": content}
            if (authorization := await self.authorization()) is not None:
                headers["Authorization"] = authorization
            seconds = self._patience if method == "GET" else min(self._time_left(), self._patience)
            with translated_errors():
                response = cast(
                    "Answer",
                    await self._session.request(
                        method,
                        url,
                        headers=headers,
                        data=None if body is None else json.dumps(body).encode(),
                        timeout=timeout or within(seconds),
                        proxy_headers=self._configuration.proxy_headers,
                        server_hostname=self._configuration.tls_server_name or None,
                    ),
                )
                if not response.is_refusal:
                    return response
                refusal = from_answer(
                    response.status,
                    bytes(await response.read_at_most(LARGE) or b""),
                    quotable=is_quotable(method, path, query),
                    retry_after=response.headers.get("Retry-After"),
                )
            if isinstance(refusal, RefusedError) and method != "GET" and "dryRun" not in (query or {}):
                self.traffic.refuse(path, refusal)
            if response.status != UNAUTHORIZED or not await self.log_in_again():
                raise refusal
