"""How the stand-in's tests ask it, run it, and write rules."""

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

import adobe_ims_stand_in
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from testbed.stand_in import StandIn

GOOD = {
    "grant_type": "client_credentials",
    "client_id": SAMPLE_CLIENT_ID,
    "client_secret": SAMPLE_CLIENT_SECRET,
    "scope": "openid,AdobeID,read_organizations",
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(adobe_ims_stand_in.__file__).parents[1])}


def connected(stand_in: StandIn) -> httpx.Client:
    verify = ssl.create_default_context(cafile=stand_in.ca) if stand_in.ca else True
    return httpx.Client(base_url=stand_in.url, verify=verify, trust_env=False, timeout=5)


def ask(client: httpx.Client, **changes: str) -> httpx.Response:
    return client.post("/ims/token/v3", data={**GOOD, **changes})


def send_raw(stand_in: StandIn, content: bytes) -> None:
    url = httpx.URL(stand_in.url)
    trusted = ssl.create_default_context(cafile=stand_in.ca)
    with (
        socket.create_connection((url.host, url.port or 0)) as connection,
        trusted.wrap_socket(connection, server_hostname=url.host) as secured,
    ):
        secured.sendall(content)
        assert secured.recv(100).startswith(b"HTTP/1.0 400")


def rule(behaviour: str, **fields: object) -> dict[str, object]:
    return {"behaviour": behaviour, **fields}


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


@contextmanager
def running(*flags: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "adobe_ims_stand_in", "run", *flags]
    environment = {**ENVIRONMENT, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()
