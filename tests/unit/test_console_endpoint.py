"""Where management tokens may be sent is one endpoint of its own, https but for those who ask for http."""

import pytest

from adobe_ims_operator.adobe.console_endpoint import ADOBE_CONSOLE, parse_console_endpoint
from adobe_ims_operator.adobe.endpoints import EndpointError


@pytest.mark.parametrize("url", [ADOBE_CONSOLE, f"{ADOBE_CONSOLE}/", f"{ADOBE_CONSOLE}:443", " HTTPS://API.adobe.io "])
def test_an_endpoint_is_written_in_one_way(url: str) -> None:
    assert parse_console_endpoint(url) == "https://api.adobe.io"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://stand-in.ims.svc"])
def test_http_is_for_those_who_ask_for_it(url: str) -> None:
    with pytest.raises(EndpointError, match="in the clear; use https, or add --allow-http-endpoint"):
        parse_console_endpoint(url)
    assert parse_console_endpoint(url, allow_http=True) == url


@pytest.mark.parametrize(
    "url",
    ["", "api.adobe.io", f"{ADOBE_CONSOLE}/console", "https://user@api.adobe.io", f"{ADOBE_CONSOLE}?x", "ftp://a"],
)
def test_what_is_no_endpoint_is_refused_with_one_that_would_be(url: str) -> None:
    with pytest.raises(EndpointError, match=f"write a scheme and a host, such as {ADOBE_CONSOLE}"):
        parse_console_endpoint(url, allow_http=True)
