"""Whether client secrets are replaced, and where the console API is for that, by the flags of `run`."""

import click

from adobe_ims_operator.adobe.console_endpoint import parse_console_endpoint
from adobe_ims_operator.adobe.endpoints import EndpointError
from adobe_ims_operator.adobe.proxies import Proxies, ProxyError

_FLAG = "--console-endpoint"


def read_console(*, enabled: bool, endpoint: str, allow_http: bool, proxies: Proxies) -> str | None:
    """Read the flags; None where AdobeIMSClientSecrets are left alone.

    Raises:
        BadParameter: the endpoint can't be used, or the proxy for it; it names the flag or the variable.
    """
    try:
        url = parse_console_endpoint(endpoint, allow_http=allow_http)
    except EndpointError as error:
        raise click.BadParameter(str(error), param_hint=_FLAG) from error
    if not enabled:
        return None
    try:
        proxies.of(url)
    except ProxyError as error:
        raise click.BadParameter(str(error), param_hint=error.variable) from error
    return url
