"""Takes out of site-packages what the operator never imports, which is two thirds of it.

Everything is named here, and a name that is not there any more ends the build: so a later version of a package
that moves things is seen. What is left is imported, and searched for imports of what is gone, by check.py.
"""

import importlib.metadata
import re
import shutil
import sys
from pathlib import Path

# kubernetes/__init__.py imports its synchronous half, whole. The operator uses kubernetes.aio.
SYNCHRONOUS = ("client", "config", "dynamic", "informer", "leaderelection", "stream", "utils", "watch")
# One class for each API and each object. The operator sends and reads plain JSON; the packages are lazy.
GENERATED = ("aio/client/api", "aio/client/models")
# What only the synchronous half imports.
DISTRIBUTIONS = ("charset-normalizer", "oauthlib", "requests", "requests-oauthlib", "websocket-client")

GONE = (
    *(f"kubernetes.{name}" for name in SYNCHRONOUS),
    *("charset_normalizer", "oauthlib", "requests", "requests_oauthlib", "websocket"),
)
"""The modules that can't be imported afterwards; of GENERATED the packages remain, without their classes."""


def prune(site: Path) -> None:
    """Take it all out of the folder `site`. Raises SystemExit where something is not as it was."""
    kubernetes = site / "kubernetes"
    for name in SYNCHRONOUS:
        _remove(kubernetes / name)
    _forget_imports(kubernetes / "__init__.py")
    for name in GENERATED:
        for module in _expect(kubernetes / name).iterdir():
            if module.name != "__init__.py":
                _remove(module)
    for name in DISTRIBUTIONS:
        _uninstall(name, site)


def _expect(path: Path) -> Path:
    if not path.exists():
        sys.exit(f"{path} is not there any more: look where it went, and mend {Path(__file__).name}")
    return path


def _remove(path: Path) -> None:
    if _expect(path).is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _forget_imports(file: Path) -> None:
    pattern = rf"^from \. import (?:{'|'.join(SYNCHRONOUS)})\n"
    kept, count = re.subn(pattern, "", _expect(file).read_text(), flags=re.MULTILINE)
    if count != len(SYNCHRONOUS) or re.search(r"^\s*(?:import|from)\s", kept, re.MULTILINE):
        sys.exit(f"{file} imports other things than it did: mend {Path(__file__).name}")
    file.write_text(kept)


def _uninstall(name: str, site: Path) -> None:
    found = next(iter(importlib.metadata.distributions(name=name, path=[str(site)])), None)
    files = found.files if found else None
    if not found or not files:
        sys.exit(f"{name} is not installed any more: take it out of {Path(__file__).name}")
    for folder in {file.parts[0] for file in files if len(file.parts) > 1 and file.parts[0] != ".."}:
        _remove(site / folder)
    for file in files:
        Path(str(found.locate_file(file))).unlink(missing_ok=True)


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
