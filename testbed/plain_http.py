"""HTTP without TLS on this machine: httpx would read all authorities for each client, which takes 50 ms of CPU."""

import ssl
from collections.abc import Mapping

import httpx

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no authority, and with that no server that is asked by https."""


def get(url: str, params: Mapping[str, str] | None = None, timeout: float = 5) -> httpx.Response:
    """GET, by no proxy; `timeout` is in seconds. Raises httpx.TransportError."""
    return httpx.get(url, params=params, timeout=timeout, trust_env=False, verify=NOBODY)
