"""Ends the image's build where anything is missing in it; it runs inside of the finished tree.

Every module of the package that is its argument is imported. Of the operator's, the ways to find a cluster are gone,
and nothing that got loaded may import a module that prune.py took out, not even later and inside a function.
"""

import ast
import asyncio
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from image.prune import GONE

OPERATOR = "adobe_ims_operator"
# Certificates for https, which the image's stand-in does without.
OPTIONAL = ("trustme", "cryptography")


def import_all(name: str) -> None:
    """Import a package with every module in it."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise


async def find_clusters() -> None:
    """Log in as with a kubeconfig and as in a pod, up to where a server would be needed."""
    from adobe_ims_operator.kube.client import Kube  # noqa: PLC0415 - import_all is the first to import it
    from adobe_ims_operator.kube.login import NoClusterError, load_configuration  # noqa: PLC0415

    for environment in ({"KUBECONFIG": "/check/image/kubeconfig"}, {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}):
        os.environ.update(environment)
        try:
            kube = Kube(await load_configuration(), 1, load_configuration)
            await kube.authorization()
            await kube.close()
        except NoClusterError:
            if "KUBECONFIG" in environment:
                raise  # in the other case there is no service account's token here
        for name in environment:
            del os.environ[name]


def unmet_imports() -> Iterator[str]:
    """Find what loaded modules import of GONE, and what our own use of kubernetes.aio's generated classes."""
    generated = set(importlib.import_module("kubernetes.aio.client").__all__)
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or "site-packages" not in file or not file.endswith(".py"):
            continue
        tree = ast.parse(Path(file).read_text())
        for target in _imports(tree, name if Path(file).name == "__init__.py" else name.rpartition(".")[0]):
            if any(f"{target}.".startswith(f"{gone}.") for gone in GONE):
                yield f"{name} imports {target}"
        if name.startswith(OPERATOR):
            yield from (f"{name} uses {used}" for used in _names(tree) & generated if not _has_client(used))


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = importlib.util.resolve_name("." * level, package).rstrip(".") if level else ""
                origin = ".".join(filter(None, (start, module)))
                yield from (f"{origin}.{each.name}" for each in names)
            case ast.Try(handlers=[ast.ExceptHandler(type=ast.Name(id="ImportError" | "ModuleNotFoundError")), *_]):
                continue  # the module goes on without it
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case _:
                yield from _imports(child, package)


def _names(tree: ast.AST) -> set[str]:
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _has_client(name: str) -> bool:
    try:
        return hasattr(importlib.import_module("kubernetes.aio.client"), name)
    except ModuleNotFoundError:
        return False


def main() -> None:
    """Check it all."""
    import_all(sys.argv[1])
    if sys.argv[1] != OPERATOR:
        return
    asyncio.run(find_clusters())
    unmet = list(unmet_imports())
    if unmet:
        sys.exit("prune.py takes out too much:\n" + "\n".join(unmet))


if __name__ == "__main__":
    main()
