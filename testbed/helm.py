"""The real Helm on our chart: rendered to objects, or installed on a cluster.

Each call has folders of its own for what Helm and its client of Kubernetes keep, so that neither the user's
repositories and plugins nor what an earlier cluster on the same port served can change an answer.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from testbed import read_yaml
from testbed.binaries import REPOSITORY, helm

CHART = REPOSITORY / "charts" / "adobe-ims-operator"
RELEASE = NAMESPACE = "adobe-ims-operator"
SECONDS = 60.0

Values = Mapping[str, Any]


class HelmError(Exception):
    """Helm refused; the message is what it said."""


def run(*arguments: str, values: Values | None = None, kubeconfig: Path | None = None) -> str:
    """Run Helm and return what it printed; `values` are handed to it as a file.

    Raises HelmError, or go_build.BuildError where Helm can't be had.
    """
    with tempfile.TemporaryDirectory(prefix="helm-") as folder:
        homes = {f"HELM_{name}_HOME": str(Path(folder) / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        command = [str(helm()), *arguments]
        command += [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
        command += ["--values=-"] if values is not None else []
        done = subprocess.run(
            command,
            input=json.dumps(values or {}),
            env={**os.environ, **homes, "KUBECACHEDIR": folder},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return done.stdout


def rendered(values: Values, *, release: str = RELEASE, namespace: str = NAMESPACE) -> str:
    """Return the manifests as text, in the order in which Helm would install them. Raises HelmError."""
    return _rendered(json.dumps(values, sort_keys=True), release, namespace)


def template(values: Values, *, release: str = RELEASE, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Return the manifests as objects. Raises HelmError."""
    documents = read_yaml.load_all(rendered(values, release=release, namespace=namespace))
    return [document for document in documents if document]


@cache
def _rendered(values: str, release: str, namespace: str) -> str:
    return run("template", release, str(CHART), f"--namespace={namespace}", values=json.loads(values))
