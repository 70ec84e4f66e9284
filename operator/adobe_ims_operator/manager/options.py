"""What the command line says, as the process takes it."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.manager.ports import Ports


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    endpoints: Endpoints
    trust: ssl.SSLContext
    proxies: Proxies
    forbidden: Forbidden
    namespaces: Sequence[str] = ()
    selector: str | None = None
    concurrency: int = 32
    ims_qps: float = 50.0
    max_credentials: int | None = None
    """How many a namespace may have; None for any number."""
    lease: Key | None = None
    """The Lease that decides which of several replicas leads; None where there is only one."""
    ports: Ports = field(default_factory=Ports)
    console_endpoint: str | None = None
    """Where client secrets are replaced; None where they are not."""
