"""Finding the cluster, and the credentials to log in to it with."""

import os
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config

DEFAULT = "~/.kube/config"
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NoClusterError(Exception):
    """There is no usable configuration to reach a cluster with."""


async def load_configuration(context: str | None = None) -> Configuration:
    """Find the cluster: KUBECONFIG, else the service account of the pod, else ~/.kube/config.

    Args:
        context: of the kubeconfig, which is then taken in a pod too; None for its current one.

    Raises:
        NoClusterError: none of them is there and usable.
    """
    configuration = Configuration()
    if _names_no_file(os.environ.get("KUBECONFIG", "")):
        raise no_cluster("there is no such file")
    try:
        if context is None and is_in_pod():
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            path = os.environ.get("KUBECONFIG") or DEFAULT
            if _names_no_file(path):
                raise no_cluster(f"and there is no {DEFAULT}")  # noqa: TRY301
            # Always with a path: without one, the library takes what it saw when it was imported.
            await config.load_kube_config(_expanded(path), context, configuration)  # type: ignore[no-untyped-call]
    except NoClusterError:
        raise
    except config.ConfigException as error:
        raise no_cluster(str(error)) from None
    except Exception as error:  # noqa: BLE001 - a YAML error would quote the file, and that has credentials
        raise no_cluster(f"it is no kubeconfig, {type(error).__name__} while reading it") from None
    # HTTPS_PROXY is there to reach IMS; a proxy for the API server is named in the kubeconfig.
    configuration.client_session_kwargs = {"trust_env": False}
    return configuration


def is_in_pod() -> bool:
    """Whether the service account of a pod is what logs in."""
    return not os.environ.get("KUBECONFIG") and bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def default_namespace(context: str | None = None) -> str:
    """The namespace that is meant where none is named: the pod's, or that of the kubeconfig's context."""
    try:
        if context is None and is_in_pod():
            return POD_NAMESPACE.read_text().strip()
        path = _expanded(os.environ.get("KUBECONFIG") or DEFAULT)
        contexts, current = kube_config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
        found = next((each for each in contexts if each["name"] == context), current)
        return str(found["context"].get("namespace") or "default")
    except (OSError, KeyError, TypeError, config.ConfigException):
        return "default"


def forget_files() -> None:
    """Remove the copies of certificates and keys that the client library made of those within a kubeconfig.

    It removes them itself at the end of the process, but not where that is killed. They are not read again.
    """
    kube_config._cleanup_temp_files()  # type: ignore[no-untyped-call]  # noqa: SLF001


def _names_no_file(paths: str) -> bool:
    named = [path for path in paths.split(os.pathsep) if path]
    return bool(named) and not any(Path(path).expanduser().exists() for path in named)


def _expanded(paths: str) -> str:
    return os.pathsep.join(str(Path(path).expanduser()) for path in paths.split(os.pathsep) if path)


def no_cluster(why: str) -> NoClusterError:
    """Say why there is no cluster to work on, and what to do."""
    tried = f"KUBECONFIG={os.environ['KUBECONFIG']}" if os.environ.get("KUBECONFIG") else "no KUBECONFIG"
    return NoClusterError(
        f"no cluster to work on ({tried}: {why}); set KUBECONFIG to a kubeconfig file, "
        "or run in a pod with a service account"
    )
