"""How many requests the API server was asked, and how it answered."""

from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp

from adobe_ims_operator.kube.errors import ApiError

NO_ANSWER = "<error>"
"""What client-go counts a request without an answer as, in rest_client_requests_total (its metrics package)."""
OTHER = "other"
_CODES = frozenset(int(status) for status in HTTPStatus)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts of requests.

    An admission webhook may answer any number as a code, so only the codes of HTTP have counts of their own.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By verb and code."""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Writes that will be refused until a person mends something, by resource and reason."""

    async def count(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send a request and count its answer, as a middleware of a session."""
        code = NO_ANSWER
        try:
            response = await handler(request)
            code = str(response.status) if response.status in _CODES else OTHER
        finally:
            self.requests[request.method, code] += 1
        return response

    def refuse(self, path: str, error: ApiError) -> None:
        """Count a write that was refused."""
        self.refused[resource_of(path), error.reason] += 1


def resource_of(path: str) -> str:
    """The resource that a path of `paths` names, with its subresource, such as `adobeimscredentials/status`."""
    _, _, within = path.partition("/namespaces/")
    _, resource, _, *subresource = [*within.split("/"), "", ""] if within else ["", path.rpartition("/")[2], ""]
    return "/".join([resource, *subresource]).rstrip("/")
