"""Which proxy an endpoint is asked through, by the variables that programs take one from.

HTTPS_PROXY is for https endpoints, HTTP_PROXY for http ones, ALL_PROXY for those without one of their own; NO_PROXY
lists whom to ask directly. In lower case a variable goes before the same in capitals. They are read once, at the start.

NO_PROXY is matched here, as Go's programs match it: clusters set it for all pods, and an HTTP library that can't read
one of its entries must not keep tokens from coming. No name is resolved for it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

_SCHEMES = ("http", "https")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
_ENTRY = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?:\[(?P<ip>[^][]+)\]|(?P<name>[^][:/]+))(?::(?P<port>[0-9]{1,5}))?")
_EXAMPLE = "http://proxy.example.com:3128"

_Match = Callable[[str, str, int], bool]
"""Whether an entry of NO_PROXY means a scheme, host and port."""


class ProxyError(Exception):
    """A proxy that can't be used; `variable` names it."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(problem)
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the variable that names it."""

    variable: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        """The proxy for a message: without a user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]} of {self.variable}"


class Proxies:
    """The proxies of an environment.

    Args:
        environment: its variables; None for those of the process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        known = os.environ if environment is None else environment
        self._named = {name: _value(known, name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
        entries = [entry for entry in re.split(r"[,\s]+", _value(known, "NO_PROXY")[1]) if entry]
        matches = {entry: _parse_entry(entry.lower()) for entry in entries}
        self._direct = [match for match in matches.values() if match is not None]
        self._none = "*" in entries
        self.unreadable = [entry for entry, match in matches.items() if match is None]
        """Entries of NO_PROXY that mean nothing, and are passed over."""

    def of(self, endpoint: str) -> Proxy | None:
        """The proxy to ask an endpoint through; None to ask it directly.

        Raises:
            ProxyError: the proxy for endpoints of its scheme can't be used, be it for this one or not.
        """
        if self._none:
            return None
        url = urlsplit(endpoint)
        proxy = self._for_scheme(url.scheme)
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        if proxy is None or any(match(url.scheme, host, port) for match in self._direct):
            return None
        return proxy

    def _for_scheme(self, scheme: str) -> Proxy | None:
        for name in (f"{scheme.upper()}_PROXY", "ALL_PROXY"):
            variable, value = self._named[name]
            if value:
                return _parse_proxy(variable, value)
        return None


def _value(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """The variable that is set, and its value; an empty one in lower case takes back the other."""
    variable = name.lower() if name.lower() in environment else name
    return variable, environment.get(variable, "").strip()


def _parse_proxy(variable: str, value: str) -> Proxy:
    # The value may have a password, so none of it is in a message but a scheme.
    url = value if "://" in value else f"http://{value}"
    scheme = url.partition("://")[0].lower()
    if scheme not in _SCHEMES and _SCHEME.fullmatch(scheme):
        problem = f"a proxy by {scheme[:20]}:// can't be used; name one by http:// or https://, like {_EXAMPLE}"
        raise ProxyError(variable, problem)
    if scheme not in _SCHEMES or not _is_origin(url):
        raise ProxyError(variable, f"it is no URL of a proxy; write it like {_EXAMPLE}")
    return Proxy(variable, url)


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # A password that is not percent-encoded ends the host where it has a slash.
        encoded = "@" not in parts.path + parts.query + parts.fragment
        return encoded and parts.port != 0 and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:
        return False


def _parse_entry(entry: str) -> _Match | None:
    """Read an entry of NO_PROXY: `*`, a name, an address, a network, each but a network with a port if it has one."""
    if entry == "*":
        return lambda _scheme, _host, _port: True
    if "/" in entry and "://" not in entry:
        return _parse_network(entry)
    found = _ENTRY.fullmatch(f"[{entry}]" if _is_address(entry) else entry)
    if found is None or (found["ip"] and not _is_address(found["ip"])):
        return None
    scheme, port = found["scheme"], found["port"]
    is_host = _same_address(found["ip"]) if found["ip"] else _same_name(found["name"])
    return lambda asked, host, at: scheme in (None, "all", asked) and port in (None, str(at)) and is_host(host)


def _parse_network(entry: str) -> _Match | None:
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return None
    return lambda _scheme, host, _port: _is_address(host) and ip_address(host) in network


def _same_address(ip: str) -> Callable[[str], bool]:
    return lambda host: _is_address(host) and ip_address(host) == ip_address(ip)


def _same_name(name: str) -> Callable[[str], bool]:
    bare = name.removeprefix("*").rstrip(".")
    suffix = bare if bare.startswith(".") else f".{bare}"
    return lambda host: host == bare or (host.endswith(suffix) and not _is_address(host))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
