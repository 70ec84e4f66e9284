"""What is in the image, and what is not."""

import ast
import os
import re
import subprocess
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from testbed.binaries import REPOSITORY, cache_root
from testbed.image import PROJECT
from testbed.image_root import Image

pytestmark = pytest.mark.timeout(600)  # the first of them builds the image

STAND_IN_MEGABYTES = 80
MEGABYTES = 100
"""Of these uvloop is 14, since it comes with its debug information."""
SHELLS_AND_INSTALLERS = re.compile(
    r"(.*/)?((ba|da|z|k)?sh|busybox|env|apt.*|dpkg|perl.*|pip.*|ensurepip|setuptools|gcc.*)"
)
TEXTS = re.compile(rb"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----", re.DOTALL)


def site_packages(image: Image) -> Path:
    return next(image.root.glob("app/lib/python3.*/site-packages"))


def standard_library(image: Image) -> Path:
    return next(path.parent for path in image.root.glob("usr/**/asyncio") if path.parent.name.startswith("python3"))


def test_it_is_run_as_a_numbered_user_with_the_command_as_its_entrypoint(the_image: Image) -> None:
    config = the_image.config
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("65532:65532", ["adobe-ims-operator"], ["run"])
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels == {
        "title": PROJECT["name"],
        "description": PROJECT["description"],
        "version": PROJECT["version"],
        "licenses": PROJECT["license"],
    }


def test_they_are_small(the_image: Image, the_stand_in: Image) -> None:
    assert sum(member.size for member in the_image.members) < MEGABYTES * 1_000_000
    assert sum(member.size for member in the_stand_in.members) < STAND_IN_MEGABYTES * 1_000_000


def test_neither_holds_anything_of_the_other(the_image: Image, the_stand_in: Image) -> None:
    for image, other in ((the_image, "stand.in"), (the_stand_in, "ims.operator")):
        named = [member.name for member in image.members if re.search(other, member.name)]
        assert named == []
        told = [path for path in site_packages(image).glob("adobe*.dist-info/*") if path.is_file()]
        assert told
        assert not any(re.search(other, path.read_text()) for path in told)
    installed = {path.name.split("-")[0].replace("_", "-") for path in site_packages(the_stand_in).glob("*.dist-info")}
    lock = (REPOSITORY / "requirements/stand-in.txt").read_text()
    assert "aiohttp" in installed
    assert installed - {"adobe-ims-stand-in"} <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))


def test_it_has_no_shell_no_installer_and_no_other_commands(the_image: Image) -> None:
    programs = {m.name for m in the_image.members if not m.isdir() and (m.mode & 0o111 or m.issym())}
    assert {name for name in programs if SHELLS_AND_INSTALLERS.fullmatch(name)} == set()
    names = {path.name for path in (the_image.root / "app/bin").iterdir() if not path.name.startswith("python")}
    assert names == {"adobe-ims-operator"}
    assert not any((site_packages(the_image) / name).exists() for name in ("pip", "setuptools", "wheel"))
    library = {path.name for path in standard_library(the_image).iterdir()}
    assert library.isdisjoint({"ensurepip", "idlelib", "lib2to3", "test", "tkinter", "turtledemo", "venv"})


def test_nothing_can_be_changed_by_its_user_or_raises_privileges(the_image: Image) -> None:
    for member in the_image.members:
        assert (member.uid, member.gid) == (0, 0), member.name
        assert member.issym() or member.mode & 0o7022 == 0, member.name


def test_all_bytecode_is_there_and_is_never_held_against_the_source(the_image: Image) -> None:
    sources = [path for path in the_image.root.rglob("*.py") if path.is_file()]
    assert len(sources) > 500
    for source in sources:
        compiled = list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc"))
        assert len(compiled) == 1, source
        header = compiled[0].read_bytes()[:8]
        assert int.from_bytes(header[4:], "little") == 0b01, source  # by hash, and not to be checked
        assert sys.version_info[:2] != (3, 11) or header[:4] == MAGIC_NUMBER


def test_scanners_find_the_packages_in_it(the_image: Image) -> None:
    debian = the_image.root / "var/lib/dpkg/status.d"
    versions = dict(re.findall(r"^(Package|Version): (.*)$", (debian / "libssl3").read_text(), re.MULTILINE))
    assert versions["Package"] == "libssl3"
    assert versions["Version"].startswith("3.")
    assert {path.name for path in debian.iterdir()} > {"libc6", "ca-certificates", "zlib1g"}
    for package in debian.iterdir():
        assert (the_image.root / "usr/share/doc" / package.name / "copyright").exists(), package.name
    assert "ID=debian" in (the_image.root / "etc/os-release").read_text().splitlines()
    assert re.fullmatch(r"12\.\d+\n", (the_image.root / "etc/debian_version").read_text())
    locked = set(re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / "requirements/run.txt").read_text(), re.MULTILINE))
    installed = {path.name.split("-")[0].replace("_", "-") for path in site_packages(the_image).glob("*.dist-info")}
    assert installed - {"adobe-ims-operator"} < locked


def test_hosts_of_the_pod_come_before_names_of_the_network(the_image: Image) -> None:
    assert (the_image.root / "etc/nsswitch.conf").read_text() == "hosts: files dns\n"


def test_the_synchronous_half_of_the_kubernetes_client_is_not_there(the_image: Image) -> None:
    site = site_packages(the_image)
    assert {path.name for path in (site / "kubernetes").iterdir() if path.is_dir()} == {"aio", "__pycache__"}
    assert len(list((site / "kubernetes/aio/client/models").glob("*.py"))) == 1
    assert not any((site / name).exists() for name in ("requests", "oauthlib", "websocket"))


def test_nothing_of_the_machine_that_built_it_is_in_it(the_image: Image) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    configured = {str(ast.literal_eval(line.partition("=")[2])) for line in listed}
    addresses = {value for value in configured if "://" in value}
    traces = [os.fsencode(text) for text in {str(REPOSITORY), str(cache_root()), "/run/pip", "/pip.conf", *addresses}]
    own = b"".join(path.read_bytes() for path in Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    traces += TEXTS.findall(own)
    assert all(trace not in str(the_image.document).encode() for trace in traces)
    for path in the_image.root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found = [trace for trace in traces if trace in content]
            assert not found, path
