"""An admission webhook on loopback, for what an API server answers when a policy has its say.

    with Webhook(scene.api, scene.namespace, "secrets") as webhook:
        webhook.deny(403, reason="...", message="...")

It is called for every write of one resource in one namespace, with failurePolicy Fail. One that `mutates` may change
the objects too.
"""

import base64
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from tempfile import NamedTemporaryFile
from typing import Any, Self

import trustme

from testbed.address import free_ports
from testbed.api import Api

Answer = Mapping[str, Any]
"""What an admission response has beside its uid."""
ALLOWED: Answer = {"allowed": True}
GROUPS = {"secrets": ("", "v1"), "deployments": ("apps", "v1")}


class Webhook:
    """Allows everything until one of its methods says otherwise; what it was asked is kept in `objects`."""

    def __init__(self, api: Api, namespace: str, resource: str, *, mutates: bool = False) -> None:
        self._kind = "MutatingWebhookConfiguration" if mutates else "ValidatingWebhookConfiguration"
        self._api = api
        self._name = f"{resource}-{namespace}"
        self._namespace = namespace
        self._resource = resource
        self._answer: Callable[[dict[str, Any]], Answer] = lambda _: ALLOWED
        self._authority = trustme.CA()
        self._port = free_ports(1)[0]
        self._server: http.server.ThreadingHTTPServer | None = None
        self.objects: list[dict[str, Any]] = []

    def allow(self) -> None:
        """Allow every write."""
        self._answer = lambda _: ALLOWED

    def deny(self, code: int, *, reason: str = "", message: str = "denied by policy") -> None:
        """Deny every write; `{object}` in reason and message stands for the whole object, as JSON."""

        def answer(asked: dict[str, Any]) -> Answer:
            quoted = json.dumps(asked)
            status = {"reason": reason, "message": message}
            said = {name: text.replace("{object}", quoted) for name, text in status.items()}
            return {"allowed": False, "status": {"code": code, **said}}

        self._answer = answer

    def remember(self, name: str, code: int) -> None:
        """Deny every write, and quote the data of the latest object of that name in each answer."""
        seen: list[str] = []

        def answer(asked: dict[str, Any]) -> Answer:
            if asked["metadata"].get("name") == name:
                seen.append(json.dumps(asked.get("data")))
            return {"allowed": False, "status": {"code": code, "message": f"as {seen[-1:]}"}}

        self._answer = answer

    def annotate_template(self, name: str, value: str) -> None:
        """Allow every write of a workload, and set an annotation of its pod template."""

        def answer(asked: dict[str, Any]) -> Answer:
            there = asked["spec"]["template"].get("metadata", {}).get("annotations") or {}
            change = {"op": "add", "path": "/spec/template/metadata/annotations", "value": {**there, name: value}}
            patch = base64.b64encode(json.dumps([change]).encode()).decode()
            return {"allowed": True, "patchType": "JSONPatch", "patch": patch}

        self._answer = answer

    def hang(self, seconds: float) -> None:
        """Take so long over every write, and allow it then."""

        def answer(_: dict[str, Any]) -> Answer:
            time.sleep(seconds)
            return ALLOWED

        self._answer = answer

    def go_away(self) -> None:
        """Listen no more, so that the API server can't call it."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def come_back(self) -> None:
        """Listen."""
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                if webhook._server is None:  # on a connection that was kept
                    self.close_connection = True
                    return
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = review["request"]
                webhook.objects.append(request["object"])
                response = {"uid": request["uid"], **webhook._answer(request["object"])}
                body = json.dumps({**review, "request": None, "response": response}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
        with NamedTemporaryFile() as pem:
            pem.write(certificate.bytes())
            pem.flush()
            context.load_cert_chain(pem.name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._server = server

    def __enter__(self) -> Self:
        self.come_back()
        group, version = GROUPS[self._resource]
        self._api.apply(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": self._kind,
                "metadata": {"name": self._name},
                "webhooks": [
                    {
                        "name": "policy.example.com",
                        "failurePolicy": "Fail",
                        "sideEffects": "None",
                        "admissionReviewVersions": ["v1"],
                        "timeoutSeconds": 30,
                        "clientConfig": {
                            "url": f"https://127.0.0.1:{self._port}/",
                            "caBundle": base64.b64encode(self._authority.cert_pem.bytes()).decode(),
                        },
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
                        "rules": [
                            {
                                "apiGroups": [group],
                                "apiVersions": [version],
                                "resources": [self._resource],
                                "operations": ["CREATE", "UPDATE"],
                            }
                        ],
                    }
                ],
            }
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._api.delete(f"/apis/admissionregistration.k8s.io/v1/{self._kind.lower()}s/{self._name}")
        self.go_away()
