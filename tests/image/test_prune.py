"""What the build leaves out: a package that moves things, or that needs them, ends the build."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.binaries import REPOSITORY
from testbed.image_root import Image

pytestmark = pytest.mark.timeout(600)  # the first of them builds the image

HACK = REPOSITORY / "hack"
PRUNE = [sys.executable, str(HACK / "image/prune.py")]
IMPORTS = ("client", "config", "dynamic", "informer", "leaderelection", "stream", "utils", "watch")
DISTRIBUTIONS = ("charset_normalizer", "oauthlib", "requests", "requests_oauthlib", "websocket_client")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The least that looks like site-packages to prune.py."""
    kubernetes = tmp_path / "kubernetes"
    for name in (*IMPORTS, "aio/client/api", "aio/client/models"):
        (kubernetes / name).mkdir(parents=True)
        (kubernetes / name / "__init__.py").touch()
        (kubernetes / name / "one.py").touch()
    (kubernetes / "__init__.py").write_text("".join(f"from . import {name}\n" for name in IMPORTS))
    for name in DISTRIBUTIONS:
        info = tmp_path / f"{name}-1.dist-info"
        (tmp_path / name).mkdir()
        info.mkdir()
        (tmp_path / name / "one.py").touch()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "RECORD").write_text(f"{name}/one.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    return tmp_path


def prune(site: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PRUNE, str(site)], capture_output=True, text=True, check=False)


def test_only_what_is_needed_is_left(site: Path) -> None:
    done = prune(site)
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert left == {f"kubernetes/{name}__init__.py" for name in ("", "aio/client/api/", "aio/client/models/")}
    assert (site / "kubernetes/__init__.py").read_text() == ""


@pytest.mark.parametrize(
    "moved",
    [
        "kubernetes/informer",
        "kubernetes/aio/client/models",
        "kubernetes/__init__.py",
        "requests-1.dist-info",
        "oauthlib",
    ],
)
def test_what_moved_ends_the_build(site: Path, moved: str) -> None:
    (site / moved).rename(site / "elsewhere")
    done = prune(site)
    assert done.returncode == 1
    assert "prune.py" in done.stderr


@pytest.mark.parametrize("line", ["from . import client as new_name\n", "import os\n"])
def test_a_new_import_in_the_package_ends_the_build(site: Path, line: str) -> None:
    file = site / "kubernetes/__init__.py"
    file.write_text(file.read_text() + line)
    assert prune(site).returncode == 1


@pytest.fixture
def copy(the_image: Image, tmp_path: Path) -> Path:
    """The image's tree with the check in it, to spoil."""
    root = tmp_path / "root"
    shutil.copytree(the_image.root, root, symlinks=True, ignore=shutil.ignore_patterns("proc"))
    shutil.copytree(HACK / "image", root / "check/image")
    return root


def check(root: Path) -> str:
    done = subprocess.run(
        ["chroot", "--userspec=65532:65532", root, "/app/bin/python", "-B", "-m", "image.check", "adobe_ims_operator"],
        env={"PYTHONPATH": "/check", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def append(root: Path, module: str, line: str) -> None:
    file = next(root.glob(f"app/lib/python3.*/site-packages/{module}"))
    with file.open("a") as opened:
        opened.write(f"\n{line}\n")
    shutil.rmtree(file.parent / "__pycache__")


def test_the_image_has_all_that_it_needs(copy: Path) -> None:
    assert check(copy) == ""


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("adobe_ims_operator/api/times.py", "def later(): import requests"),
        ("adobe_ims_operator/api/times.py", "def later(): from kubernetes import client"),
        ("adobe_ims_operator/kube/login.py", "def later(api): return config.x.CoreV1Api(api)"),
        ("httpx/__init__.py", "def later(): from charset_normalizer import from_bytes"),
        ("kubernetes/aio/config/kube_config.py", "def later(): from ...client import V1Secret"),
    ],
)
def test_what_would_be_missing_only_later_is_found(copy: Path, module: str, line: str) -> None:
    append(copy, module, line)
    assert "prune.py takes out too much" in check(copy)


def test_a_missing_module_is_found(copy: Path) -> None:
    shutil.rmtree(next(copy.glob("app/lib/python3.*/site-packages/urllib3")))
    assert "No module named 'urllib3'" in check(copy)
