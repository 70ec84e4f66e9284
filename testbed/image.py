"""Builds the images from the Dockerfile without a registry or a running engine, once for each state of its inputs.

buildah and mmdebstrap are Debian's, unpacked into the cache and installed nowhere. The base, which the Dockerfile
takes by name, is made here: Debian with its Python. Building needs root, and the machine's way to the package
index, of which nothing stays in the image.
"""

import ast
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed.binaries import REPOSITORY, cache_root
from testbed.go_build import Progress, target

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
VERSION = str(PROJECT["version"])
NAME = f"{PROJECT['name']}:{VERSION}"
STAND_IN = f"adobe-ims-stand-in:{VERSION}"
STAGES = {NAME: "operator", STAND_IN: "stand-in"}
"""The stage of the Dockerfile that each image is."""
INPUTS = (
    "Dockerfile",
    ".dockerignore",
    "LICENSE",
    "pyproject.toml",
    "requirements",
    "operator",
    "hack/stand-in",
    "hack/image",
)
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
KEPT = 3
"""How many archives of each image stay in the cache, from earlier inputs."""

SUITE = "bookworm"
BASE_PACKAGES = ("binutils", "python3", "python3-venv", "ca-certificates")
# buildah's libraries are named too, since nothing resolves dependencies here.
TOOLS = (
    *("buildah", "golang-github-containers-common", "mmdebstrap", "libassuan0", "libdevmapper1.02.1", "libgpg-error0"),
    *("libgpgme11", "libpcre2-8-0", "libseccomp2", "libselinux1", "libudev1"),
)


class ImageError(Exception):
    """The image could not be built; the message ends with the failed tool's output."""


def build(name: str = NAME) -> Path:
    """Return an image as an archive that `ctr images import`, docker and podman load, by its name.

    It is built first where that is new. Raises ImageError.
    """
    archive = cache_root() / "image" / f"{STAGES[name]}-{_fingerprint()}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with _alone(archive.parent):
            if not archive.exists():
                build_into(archive, name)
    archive.touch()
    return archive


def again(name: str) -> Path:
    """Return where the archive of a second build from the same input is."""
    return cache_root() / "image" / "again" / f"{STAGES[name]}-{_fingerprint()}.tar"


def build_into(archive: Path, name: str) -> None:
    """Build an image whether it is new or not. Raises ImageError."""
    if os.geteuid() != 0:
        raise ImageError("building the image needs root")
    progress = Progress(f"Building the image {name} into {archive.parent}")
    for abandoned in archive.parent.glob("build-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=archive.parent) as folder:
        buildah = _Buildah(Path(folder))
        base = _base(buildah, Path(folder), archive.parent)
        mounts = _package_index(Path(folder))
        options = [f"--target={STAGES[name]}", f"--timestamp={_moment()}", f"--build-arg=BASE=oci-archive:{base}"]
        buildah.build("image", REPOSITORY, [*options, *mounts])
        buildah.push("image", f"docker-archive:{folder}/image.tar:{name}")
        Path(folder, "image.tar").replace(archive)
    for old in sorted(archive.parent.glob(f"{STAGES[name]}-*.tar"), key=lambda path: path.stat().st_mtime)[: -KEPT - 1]:
        old.unlink(missing_ok=True)
    progress.done(f"Built {name}, {archive.stat().st_size / 1e6:.0f} MB,")


def _moment() -> str:
    """Return the moment that the image is said to be of, so that the same input gives the same digest."""
    return os.environ.get("SOURCE_DATE_EPOCH", "0")


def _base(buildah: "_Buildah", folder: Path, home: Path) -> Path:
    """Return Debian with Python, as near to python:3-slim as can be had from Debian alone."""
    name = hashlib.sha256(repr((SUITE, BASE_PACKAGES, target())).encode()).hexdigest()[:16]
    archive = home / f"base-{name}.oci"
    if not archive.exists():
        context = folder / "base"
        context.mkdir()
        include = f"--include={','.join(BASE_PACKAGES)}"
        options = ["--quiet", "--variant=apt", '--aptopt=Acquire::Languages "none"', include]
        _run([buildah.tools / "usr/bin/mmdebstrap", *options, SUITE, context / "root.tar"], folder)
        (context / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        buildah.build("base", context, [])
        buildah.push("base", f"oci-archive:{folder}/base.oci")
        (folder / "base.oci").replace(archive)
    return archive


def _package_index(folder: Path) -> list[str]:
    """Mount this machine's configuration of pip into the build: a mount leaves nothing in the image."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    options = {"cert": os.environ.get("REQUESTS_CA_BUNDLE") or str(AUTHORITIES)}
    listed = _run([*pip, "config", "list"], folder).splitlines()
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):  # the environment has the last word
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        # What is local to this machine can't be found from inside.
        if section in {"global", ":env:"} and option not in {"find-links", "cache-dir"}:
            options[option] = str(ast.literal_eval(value))
    mounted = folder / "pip"
    mounted.mkdir()
    if Path(options["cert"]).is_file():
        shutil.copy(options.pop("cert"), mounted / "authorities.pem")
        options["cert"] = "/run/pip/authorities.pem"
    (mounted / "pip.conf").write_text("\n".join(["[global]", *(f"{name} = {options[name]}" for name in options)]))
    return [f"--volume={mounted}:/run/pip:ro", f"--volume={mounted / 'pip.conf'}:/etc/pip.conf:ro"]


class _Buildah:
    """buildah with a store of its own under `folder`, which goes with it."""

    def __init__(self, folder: Path) -> None:
        self.tools = _tools()
        self._folder = folder
        policy = self.tools / "etc/containers/policy.json"
        self._options = ["--root", folder / "store", "--runroot", folder / "run", "--storage-driver", "vfs"]
        self._policy = ["--signature-policy", policy]
        # buildah starts itself again with an environment of its own, so its libraries have to be in ld.so's cache.
        libraries = [str(path) for place in ("usr/lib", "lib") for path in (self.tools / place).glob("*-linux-gnu*")]
        (folder / "ld.so.conf").write_text("\n".join(["include /etc/ld.so.conf", *libraries]))
        _run(["ldconfig", "-X", "-f", folder / "ld.so.conf", "-C", folder / "ld.so.cache"], folder)

    def build(self, image: str, context: Path, options: Sequence[str]) -> None:
        """Build the Dockerfile of `context`."""
        # chroot isolation works where nothing may make a cgroup or a network.
        own = ["--isolation=chroot", "--layers=false", "--identity-label=false", f"--iidfile={self._folder / image}.id"]
        self._buildah("build", [*self._policy, *own, *options, context])

    def push(self, image: str, destination: str) -> None:
        """Write an image that was built to an archive."""
        self._buildah("push", [*self._policy, "--quiet", Path(f"{self._folder / image}.id").read_text(), destination])

    def _buildah(self, command: str, options: Sequence[object]) -> None:
        # All that it mounts goes with the namespace, even when it is killed.
        mount = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/ld.so.cache && exec "$@"']
        buildah = ["env", f"TMPDIR={self._folder}", self.tools / "usr/bin/buildah", *self._options, command, *options]
        _run([*mount, self._folder / "ld.so.cache", *buildah], self._folder)


def _tools() -> Path:
    """Return the folder that Debian's packages are unpacked in."""
    home = cache_root() / "image" / f"tools-{hashlib.sha256(repr((TOOLS, target())).encode()).hexdigest()[:16]}"
    if not home.exists():
        for tool in ("apt-get", "dpkg"):
            if shutil.which(tool) is None:
                raise ImageError(f"{tool} is needed, since the image is built with Debian's buildah")
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=home.parent) as folder:
            scratch = Path(folder)
            download = ["apt-get", "--quiet", "--option=APT::Sandbox::User=root", "download", *TOOLS]
            try:
                _run(download, scratch)
            except ImageError:
                _run(["apt-get", "--quiet", "update"], scratch)  # a fresh machine knows of no packages
                _run(download, scratch)
            for package in scratch.glob("*.deb"):
                _run(["dpkg", "--extract", package, scratch / "root"], scratch)
            (scratch / "root").rename(home)
    return home


def _run(command: Sequence[object], folder: Path) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise ImageError(f"`{' '.join(words)}` ended with {done.returncode}:\n{tail}")
    return done.stdout


def _fingerprint() -> str:
    digest = hashlib.sha256(repr((SUITE, BASE_PACKAGES, target())).encode())
    for name in INPUTS:
        path = REPOSITORY / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(REPOSITORY)}\0{file.stat().st_mode}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Print where the archives are, built where that is needed; with `again` build them once more, elsewhere."""
    try:
        if sys.argv[1:] == ["again"]:
            for name in STAGES:
                again(name).parent.mkdir(parents=True, exist_ok=True)
                build_into(again(name), name)
        places = [again(name) if sys.argv[1:] else build(name) for name in STAGES]
        sys.stdout.write("".join(f"{place}\n" for place in places))
    except ImageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
