"""How IMS is reached, by the flags and variables of `run`."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from adobe_ims_operator.adobe.endpoints import EndpointError, Endpoints
from adobe_ims_operator.adobe.proxies import Proxies, ProxyError
from adobe_ims_operator.adobe.tls_trust import TrustError, load_trust


@dataclass(frozen=True, slots=True)
class Reach:
    """Where client secrets may be sent to, for what, and how."""

    endpoints: Endpoints
    trust: ssl.SSLContext
    proxies: Proxies


def read_reach(endpoints: Sequence[str], *, allow_http: bool, management_scopes: bool, ca_file: Path | None) -> Reach:
    """Read the flags, and the variables of the process for authorities and proxies.

    Raises:
        BadParameter: one of them can't be used; it names the flag or the variable.
    """
    try:
        allowed = Endpoints(endpoints, allow_http=allow_http, management_scopes=management_scopes)
    except EndpointError as error:
        raise click.BadParameter(str(error), param_hint="--endpoint") from error
    try:
        trust = load_trust(ca_file)
    except TrustError as error:
        raise click.BadParameter(str(error), param_hint="--ims-ca-file" if ca_file else "SSL_CERT_FILE") from error
    proxies = Proxies()
    try:
        for url in allowed.urls:
            proxies.of(url)
    except ProxyError as error:
        raise click.BadParameter(str(error), param_hint=error.variable) from error
    return Reach(allowed, trust, proxies)
