"""The files that let the parts of a control plane, and people, prove who they are to it.

All of it is made again for each control plane, and readable by its owner only.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml

CONTEXT = "local"
NODE = "node"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Paths of PEM files and kubeconfigs."""

    ca: Path
    server_certificate: Path
    server_key: Path
    service_account_key: Path
    kubelet_client_certificate: Path
    kubelet_client_key: Path
    admin: Path
    controller_manager: Path
    scheduler: Path
    kubelet: Path
    proxy: Path


def write_credentials(folder: Path, url: str, names: Iterable[str]) -> Credentials:
    """Make an own CA and all that it signs, for an API server at `url` that has `names`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca = trustme.CA()
    server = ca.issue_cert(*names, common_name="kube-apiserver")
    to_kubelet = _client(ca, "kube-apiserver-kubelet-client", "system:masters")
    ca_pem = ca.cert_pem.bytes()

    def kubeconfig(name: str, user: str, group: str) -> Path:
        return write_kubeconfig(folder / f"{name}.kubeconfig", _cluster(url, ca_pem), _user(_client(ca, user, group)))

    return Credentials(
        ca=write_private(folder / "ca.crt", ca_pem),
        server_certificate=write_private(folder / "server.crt", _chain(server)),
        server_key=write_private(folder / "server.key", server.private_key_pem.bytes()),
        # Only its key matters: tokens of service accounts are signed with it.
        service_account_key=write_private(
            folder / "service-accounts.key", ca.issue_cert("service-accounts").private_key_pem.bytes()
        ),
        kubelet_client_certificate=write_private(folder / "kubelet-client.crt", _chain(to_kubelet)),
        kubelet_client_key=write_private(folder / "kubelet-client.key", to_kubelet.private_key_pem.bytes()),
        admin=kubeconfig("admin", "admin", "system:masters"),
        controller_manager=kubeconfig(
            "kube-controller-manager", "system:kube-controller-manager", "system:kube-controller-manager"
        ),
        scheduler=kubeconfig("kube-scheduler", "system:kube-scheduler", "system:kube-scheduler"),
        kubelet=kubeconfig("kubelet", f"system:node:{NODE}", "system:nodes"),
        proxy=kubeconfig("kube-proxy", "system:kube-proxy", "system:node-proxier"),
    )


def write_kubeconfig(
    path: Path, cluster: dict[str, object], user: dict[str, object], namespace: str = "default"
) -> Path:
    """Write a kubeconfig with one context, named `local`."""
    context = {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}
    return write_private(
        path,
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": CONTEXT, "cluster": cluster}],
                "users": [{"name": CONTEXT, "user": user}],
                "contexts": [{"name": CONTEXT, "context": context}],
                "current-context": CONTEXT,
            }
        ).encode(),
    )


def write_private(path: Path, content: bytes) -> Path:
    """Write a file that never was readable by anyone else, replacing what was there."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)
    return path


def _client(ca: trustme.CA, name: str, group: str) -> trustme.LeafCert:
    # trustme asks for one identity at least; Kubernetes reads the subject: user is CN, group is O.
    return ca.issue_cert("localhost", common_name=name, organization_name=group)


def _chain(certificate: trustme.LeafCert) -> bytes:
    return b"".join(pem.bytes() for pem in certificate.cert_chain_pems)


def _cluster(url: str, ca: bytes) -> dict[str, object]:
    return {"server": url, "certificate-authority-data": _base64(ca)}


def _user(certificate: trustme.LeafCert) -> dict[str, object]:
    return {
        "client-certificate-data": _base64(_chain(certificate)),
        "client-key-data": _base64(certificate.private_key_pem.bytes()),
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
