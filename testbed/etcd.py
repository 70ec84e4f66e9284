"""Objects written into etcd past the API server, as a restored backup has them: with their uids and times.

It speaks JSON through etcd's own gateway. The API server stores built-in kinds as protobuf, and reads JSON as well.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from testbed.control_plane import ControlPlane


def store(plane: ControlPlane, path: str, stored: Mapping[str, Any]) -> str:
    """Write an object under `path`, such as secrets/NAMESPACE/NAME; its resourceVersion."""
    files = plane.files
    tls = ssl.create_default_context(cafile=files.ca)
    tls.load_cert_chain(files.server_certificate, files.server_key)
    body = {"key": _encoded(f"/registry/{path}"), "value": _encoded(json.dumps(stored))}
    with httpx.Client(verify=tls, trust_env=False) as http:
        revision: str = (
            http.post(f"{plane.etcd_url}/v3/kv/put", json=body).raise_for_status().json()["header"]["revision"]
        )
    return revision


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
