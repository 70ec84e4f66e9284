"""Finding the cluster, and the credentials to log in to it with."""

import os
from dataclasses import dataclass
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config

DEFAULT = "~/.kube/config"
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NoClusterError(Exception):
    """There is no usable configuration to reach a cluster with."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a person named of how to log in; what is None is found as kubectl finds it."""

    kubeconfig: Path | None = None
    context: str | None = None
    """Of the kubeconfig, which is then taken in a pod too."""

    @property
    def paths(self) -> str:
        """The kubeconfigs that are named, as the variable KUBECONFIG has them; empty where none is."""
        return str(self.kubeconfig) if self.kubeconfig is not None else os.environ.get("KUBECONFIG", "")

    @property
    def in_pod(self) -> bool:
        """Whether the service account of a pod is what logs in."""
        return self.context is None and not self.paths and bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


NOTHING_NAMED = Login()


async def load_configuration(login: Login = NOTHING_NAMED) -> Configuration:
    """Find the cluster: the kubeconfig that is named, else the service account of the pod, else ~/.kube/config.

    Raises:
        NoClusterError: none of them is there and usable.
    """
    configuration = Configuration()
    if _names_no_file(login.paths):
        raise no_cluster("there is no such file", login)
    try:
        if login.in_pod:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            path = login.paths or DEFAULT
            if _names_no_file(path):
                raise no_cluster(f"and there is no {DEFAULT}", login)  # noqa: TRY301
            # Always with a path: without one, the library takes what it saw when it was imported.
            await config.load_kube_config(_expanded(path), login.context, configuration)  # type: ignore[no-untyped-call]
    except NoClusterError:
        raise
    except config.ConfigException as error:
        raise no_cluster(str(error), login) from None
    except Exception as error:  # noqa: BLE001 - a YAML error would quote the file, and that has credentials
        raise no_cluster(f"it is no kubeconfig, {type(error).__name__} while reading it", login) from None
    # HTTPS_PROXY is there to reach IMS; a proxy for the API server is named in the kubeconfig.
    configuration.client_session_kwargs = {"trust_env": False}
    return configuration


def default_namespace(login: Login) -> str:
    """The namespace that is meant where none is named: the pod's, or that of the kubeconfig's context."""
    try:
        if login.in_pod:
            return POD_NAMESPACE.read_text().strip()
        path = _expanded(login.paths or DEFAULT)
        contexts, current = kube_config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
        found = next((each for each in contexts if each["name"] == login.context), current)
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


def no_cluster(why: str, login: Login = NOTHING_NAMED) -> NoClusterError:
    """Say why there is no cluster to work on, and what to do."""
    name = "KUBECONFIG" if login.kubeconfig is None else "--kubeconfig"
    tried = f"{name}={login.paths}" if login.paths else "no KUBECONFIG"
    return NoClusterError(
        f"no cluster to work on ({tried}: {why}); set KUBECONFIG to a kubeconfig file, "
        "or run in a pod with a service account"
    )
