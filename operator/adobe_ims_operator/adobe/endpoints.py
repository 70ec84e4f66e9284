"""What may be asked of IMS: which endpoints client secrets may be sent to, and for tokens of what power.

Without the list anyone who may create a credential could have the operator send another Secret of the namespace
to a host of theirs.
"""

import re
from collections.abc import Sequence

ADOBE = ("https://ims-na1.adobelogin.com", "https://ims-na1-stg1.adobelogin.com")
"""Adobe's own: production and stage (@adobe/aio-lib-ims)."""


_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_LABEL}(?:[.]{_LABEL})*(?::(?P<port>[0-9]{{1,5}}))?")


class EndpointError(ValueError):
    """Something that can't be an endpoint."""


def normalize(url: str, example: str = ADOBE[0]) -> str:
    """Write an endpoint the one way it is compared in: lower case, no slash at the end, no default port.

    Args:
        url: what somebody wrote.
        example: one for the message.

    Raises:
        EndpointError: it has a path, a user, or a scheme other than http and https.
    """
    origin = url.strip().lower().rstrip("/")
    match = _ORIGIN.fullmatch(origin)
    if match is None or not _is_port(match["port"]):
        raise EndpointError(f"{url!r} is not an endpoint; write a scheme and a host, such as {example}")
    default_port = "443" if match["scheme"] == "https" else "80"
    return origin.removesuffix(f":{default_port}") if match["port"] == default_port else origin


def _is_port(text: str | None) -> bool:
    return text is None or 1 <= int(text) <= 65535


class Endpoints:
    """The allow-list, in the operator's order: the first is the default.

    Args:
        urls: the endpoints.
        allow_http: whether an `http://` endpoint is fit to send secrets to.
        example: one for a message.
        management_scopes: whether tokens may be asked for that can replace client secrets.

    Raises:
        EndpointError: a URL is no endpoint, or is http without leave, or there is none.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        allow_http: bool = False,
        management_scopes: bool = False,
        example: str = ADOBE[0],
    ) -> None:
        self.management_scopes = management_scopes
        self.urls = tuple(dict.fromkeys(normalize(url, example) for url in urls))
        if not self.urls:
            raise EndpointError("no endpoint is allowed; name at least one")
        insecure = [url for url in self.urls if not url.startswith("https://")]
        if insecure and not allow_http:
            raise EndpointError(
                f"{insecure[0]} would send secrets in the clear; use https, or add --allow-http-endpoint"
            )

    def resolve(self, endpoint: str | None) -> str:
        """The endpoint that a spec means, in the form in which it is compared. It need not be on the list."""
        if endpoint is None:
            return self.urls[0]
        try:
            return normalize(endpoint)
        except EndpointError:
            return endpoint

    def allows(self, endpoint: str) -> bool:
        """Whether client secrets may be sent there."""
        return endpoint in self.urls
