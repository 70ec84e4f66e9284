"""A small synchronous client of the raw Kubernetes API, for tests that look at a cluster from outside.

Paths are given in full, bodies are plain dicts: what a test says is what goes over the wire. It shares no
code with the operator, so that a mistake there cannot hide here.
"""

import base64
import json
import re
import ssl
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar, overload

import httpx

from testbed import read_yaml

T = TypeVar("T")
Object = dict[str, Any]

FIELD_MANAGER = "tests"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
POLL_SECONDS, MOST_POLL_SECONDS = 0.05, 0.2
BUILT_IN = {
    ("v1", "Namespace"): ("namespaces", False),
    ("v1", "Secret"): ("secrets", True),
    ("v1", "ServiceAccount"): ("serviceaccounts", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("rbac.authorization.k8s.io/v1", "Role"): ("roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings", True),
}
"""Of the kinds that most tests apply, the plural and whether they are namespaced; others are asked for."""
SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


class ApiError(Exception):
    """The API server said no: HTTP's `status`, its own `reason` (NotFound, Conflict, ...) and `message`."""

    def __init__(self, request: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"{request}: {status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


def wait_for(describe: str, probe: Callable[[], T | None], timeout: float = 30) -> T:
    """Return the first answer of `probe` that is neither None nor False; `timeout` is in seconds.

    A probe may also say "not yet" by an AssertionError, an ApiError or a broken connection. The last of those
    is shown in the AssertionError that is raised when time is up. The longer it takes, the less often is asked, as
    each answer costs the API server and etcd CPU that the operator waits for: a tenth of the time is lost at most.
    """
    started = time.monotonic()
    while True:
        seen: object
        try:
            seen = answer = probe()
            if answer is not None and answer is not False:
                return answer
        except (AssertionError, ApiError, httpx.TransportError) as error:
            seen = f"{type(error).__name__}: {error}"
        waited = time.monotonic() - started
        if waited > timeout:
            raise AssertionError(f"waited {timeout:g} s for {describe}; last seen: {seen}")
        time.sleep(min(max(POLL_SECONDS, waited / 10), MOST_POLL_SECONDS))


class Api:
    """One user's view of one cluster; a context manager."""

    def __init__(self, url: str, tls: ssl.SSLContext, token: str | None = None, *, timeout: float = 30) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # trust_env: a proxy of the machine must not see, or fail, what goes to 127.0.0.1.
        self._http = httpx.Client(base_url=url, verify=tls, headers=headers, timeout=timeout, trust_env=False)
        self._paths: dict[tuple[str, str], tuple[str, bool]] = dict(BUILT_IN)

    @classmethod
    def from_kubeconfig(cls, path: Path, *, timeout: float = 30) -> Self:
        """Act as the user of the current context, who must have a certificate or a token in the file itself.

        `timeout` is what each request may take, in seconds.
        """
        config = read_yaml.load(path.read_text())
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"]
        authority = "certificate-authority-data" in cluster
        tls = ssl.create_default_context(
            cadata=_data(cluster, "certificate-authority-data").decode() if authority else None
        )
        if "client-certificate-data" in user:
            _load_client_certificate(tls, user)
        elif "token" not in user:
            raise ValueError(f"{path}: the user has neither client-certificate-data nor a token")
        return cls(cluster["server"], tls, user.get("token"), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> Object:
        return self._object("GET", path)

    def get_or_none(self, path: str) -> Object | None:
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def post(self, path: str, body: Mapping[str, object]) -> Object:
        return self._object("POST", path, body)

    def put(self, path: str, body: Mapping[str, object]) -> Object:
        return self._object("PUT", path, body)

    def patch(self, path: str, body: object, content_type: str = MERGE_PATCH) -> Object:
        return self._object("PATCH", path, body, content_type)

    def patch_text(self, path: str, body: bytes) -> None:
        """Merge JSON that Python can neither write nor read back."""
        answer = self._http.patch(path, content=body, headers={"Content-Type": MERGE_PATCH})
        if answer.is_error:
            raise ApiError(f"PATCH {path}", answer.status_code, "", answer.text[:200])

    def delete(self, path: str) -> Object:
        return self._object("DELETE", path)

    def delete_all(self, path: str) -> None:
        """Delete a collection; the answer may hold objects that are nested deeper than Python reads."""
        self._request("DELETE", path)

    def text(self, path: str) -> str:
        """GET what is not an object, such as /readyz or a pod's log."""
        return self._request("GET", path).text

    def table(self, path: str) -> list[dict[str, Any]]:
        """GET objects as `kubectl get -o wide` shows them: the cells of each by the name of their column."""
        shown = self._http.get(path, headers={"Accept": TABLE}).raise_for_status().json()
        names = [column["name"] for column in shown["columnDefinitions"]]
        return [dict(zip(names, row["cells"], strict=True)) for row in shown["rows"]]

    def create_namespace(self) -> str:
        """Create a namespace with a random name, and return the name."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        self.post("/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    @overload
    def apply(self, manifest: Path, *, namespace: str | None = None) -> list[Object]: ...
    @overload
    def apply(self, manifest: Mapping[str, Any], *, namespace: str | None = None, subresource: str = "") -> Object: ...
    def apply(
        self, manifest: Path | Mapping[str, Any], *, namespace: str | None = None, subresource: str = ""
    ) -> Object | list[Object]:
        """Apply an object, or all those of a YAML file, server-side and with force.

        `namespace` is for objects that name none. A CRD is waited for until its resource is served.
        """
        if isinstance(manifest, Path):
            documents = read_yaml.load_all(manifest.read_text())
            return [self._apply(each, namespace, "") for each in documents if each]
        return self._apply(manifest, namespace, subresource)

    def _apply(self, manifest: Mapping[str, Any], namespace: str | None, subresource: str) -> Object:
        path = self._path_of(manifest, namespace) + (f"/{subresource}" if subresource else "")
        applied = self.patch(f"{path}?fieldManager={FIELD_MANAGER}&force=true", manifest, APPLY_PATCH)
        if applied["kind"] == "CustomResourceDefinition" and not subresource:
            self._wait_served(applied)
        return applied

    def server_metrics(self) -> "Counter[tuple[str, str, str]]":
        """Count the requests since the API server started, by (VERB, resource, subresource).

        Those that were denied or throttled are not among them; the audit log has them.
        """
        counts: Counter[tuple[str, str, str]] = Counter()
        for sample in SAMPLE.finditer(self.text("/metrics")):
            labels = dict(LABEL.findall(sample["labels"]))
            counts[labels["verb"], labels["resource"], labels["subresource"]] += int(float(sample["value"]))
        return counts

    def _path_of(self, manifest: Mapping[str, Any], namespace: str | None) -> str:
        version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._paths:
            self._paths[version, kind] = wait_for(
                f"{version} {kind} to be served", lambda: self._discover(root, kind), 10
            )
        plural, namespaced = self._paths[version, kind]
        scope = f"/namespaces/{metadata.get('namespace') or namespace or 'default'}" if namespaced else ""
        return f"{root}{scope}/{plural}/{metadata['name']}"

    def _discover(self, root: str, kind: str) -> tuple[str, bool] | None:
        """Return the plural of a kind and whether it is namespaced."""
        found = (each for each in self.get(root)["resources"] if each["kind"] == kind)
        return next(((each["name"], each["namespaced"]) for each in found if "/" not in each["name"]), None)

    def _wait_served(self, crd: Object) -> None:
        name, spec = crd["metadata"]["name"], crd["spec"]

        def served() -> bool:
            status = self.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")["status"]
            conditions = {each["type"]: each["status"] for each in status.get("conditions") or []}
            assert conditions.get("Established") == "True", conditions
            # Established comes first; until its storage is ready the resource answers 404 or 429.
            for version in spec["versions"]:
                if version["served"]:
                    self.get(f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}?limit=1")
            return True

        wait_for(f"CRD {name} to be served", served)

    def _object(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Object:
        answer: Object = self._request(method, path, body, content_type).json()
        return answer

    def _request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        response = self._http.request(method, path, content=content, headers={"Content-Type": content_type})
        if response.is_success:
            return response
        try:
            status = response.json()
            reason, message = status.get("reason", ""), status.get("message", "")
        except ValueError:
            reason, message = response.reason_phrase, response.text
        raise ApiError(f"{method} {path}", response.status_code, reason, message)


def audit_lines(path: Path) -> int:
    """Return how many lines an audit log has now: the `since_line` for what comes next."""
    return path.read_bytes().count(b"\n")


def audit_requests(path: Path, user_prefix: str, since_line: int = 0) -> "Counter[tuple[str, str]]":
    """Count the finished requests of users whose name starts so, by (verb, "resource" or "resource/sub").

    A watch counts when it starts. Requests for no resource count under their path.
    """
    counts: Counter[tuple[str, str]] = Counter()
    # The last piece is empty, or a line that the API server is still writing.
    for line in path.read_text().split("\n")[since_line:-1]:
        event = json.loads(line)
        stage = "ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"
        if event["stage"] == stage and event["user"].get("username", "").startswith(user_prefix):
            counts[event["verb"], _resource(event)] += 1
    return counts


def _resource(event: Object) -> str:
    reference = event.get("objectRef", {})
    if "resource" not in reference:
        return str(event["requestURI"]).partition("?")[0]
    return "/".join(part for part in (reference["resource"], reference.get("subresource")) if part)


def _named(config: Object, section: str, name: str) -> Object:
    found: Object = next(each for each in config[section] if each["name"] == name)
    return found


def _data(section: Object, key: str) -> bytes:
    return base64.b64decode(section[key])


def _load_client_certificate(tls: ssl.SSLContext, user: Object) -> None:
    # ssl reads certificates from files only.
    with tempfile.NamedTemporaryFile() as both:
        both.write(_data(user, "client-certificate-data") + b"\n" + _data(user, "client-key-data"))
        both.flush()
        tls.load_cert_chain(both.name)
