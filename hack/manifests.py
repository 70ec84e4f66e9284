"""Writes deploy/ from the chart, for those who install without Helm, so that the chart is the one source of both.

With --check nothing is written: the exit code says whether the files are what the chart says.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

from testbed import read_yaml
from testbed.binaries import REPOSITORY
from testbed.go_build import BuildError
from testbed.helm import NAMESPACE, HelmError, rendered

HEAD = "# Made from charts/adobe-ims-operator by `make manifests`: nothing here is written by hand.\n"
# Nothing else runs in it, so it can have the strictest level that there is.
NAMESPACE_MANIFEST = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    app.kubernetes.io/name: {NAMESPACE}
    pod-security.kubernetes.io/enforce: restricted
"""
CRD = "CustomResourceDefinition"


def documents(text: str) -> list[str]:
    """Take Helm's output apart, without the comments that say which template each document is from."""
    found = []
    for document in f"\n{text}".split("\n---\n"):
        lines = [line for line in document.strip().splitlines() if not line.startswith("# Source: ")]
        found.append("\n".join(lines) + "\n")
    return [document for document in found if read_yaml.load(document)]


def manifests() -> Mapping[str, str]:
    """Give the text of each file by its path below deploy/. Raises HelmError and BuildError."""
    plain = documents(rendered({"creator": "static"}))
    with_restart = documents(rendered({"creator": "static", "restart": {"enabled": True}}))
    with_client_secrets = documents(rendered({"creator": "static", "clientSecrets": {"enabled": True}}))
    return {
        **{f"crds/{_plural(each)}.yaml": _file([each]) for each in plain if _kind(each) == CRD},
        "operator.yaml": _file([NAMESPACE_MANIFEST, *(each for each in plain if _kind(each) != CRD)]),
        "restart/rbac.yaml": _file(_roles_beside(plain, with_restart)),
        "client-secrets/rbac.yaml": _file(_roles_beside(plain, with_client_secrets)),
    }


def _roles_beside(plain: Sequence[str], more: Sequence[str]) -> list[str]:
    return [each for each in more if each not in plain and _kind(each).startswith("ClusterRole")]


def _kind(document: str) -> str:
    return str(read_yaml.load(document)["kind"])


def _plural(crd: str) -> str:
    return str(read_yaml.load(crd)["spec"]["names"]["plural"])


def _file(parts: Sequence[str]) -> str:
    return HEAD + "---\n".join(parts)


def main() -> None:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description="Write deploy/ from the chart.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    check = parser.parse_args().check
    try:
        wanted = manifests()
    except (HelmError, BuildError) as error:
        sys.exit(str(error))
    for name, text in wanted.items():
        path = REPOSITORY / "deploy" / name
        if path.exists() and path.read_text() == text:
            continue
        if check:
            sys.exit(f"{path.relative_to(REPOSITORY)} is not what the chart says; run 'make manifests'")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
