"""Where the tokens may be sent that can replace client secrets: the one endpoint of the console API.

A list of its own, of one: an endpoint of IMS is not asked to manage client secrets, and no object names one of these.
"""

from adobe_ims_operator.adobe.endpoints import Endpoints

ADOBE_CONSOLE = "https://api.adobe.io"
"""Adobe's own, and the default of `--console-endpoint`."""


def parse_console_endpoint(url: str, *, allow_http: bool = False) -> str:
    """Read the value of `--console-endpoint`, into the one way that it is written.

    Args:
        url: a scheme and a host.
        allow_http: whether an `http://` endpoint is fit to send tokens to, as `--allow-http-endpoint` says.

    Raises:
        EndpointError: it is no endpoint, or is http without leave.
    """
    return Endpoints([url], allow_http=allow_http, example=ADOBE_CONSOLE).urls[0]
