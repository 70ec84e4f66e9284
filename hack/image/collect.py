"""Gathers what runs into one tree: /app, the Python it stands on, the shared libraries, authorities to trust.

It is run by /app's Python on any Debian-based system. Scanners find what is in the tree by the metadata of
Debian's packages, which is kept as distroless images keep it, and by the *.dist-info of Python's.
"""

import compileall
import fnmatch
import os
import py_compile
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

APP = Path("/app")
# Not loaded by linking: threads end by libgcc, and older C libraries look names up by the others.
OPENED = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# By which scanners know the system, and with it whose packages these are.
RELEASE = (Path("/etc/os-release"), Path("/etc/debian_version"))
USERS = "root:x:0:0:root:/:/nologin\n{command}:x:65532:65532::/:/nologin\n"
GROUPS = "root:x:0:\n{command}:x:65532:\n"

# Parts of the standard library that nobody imports, here by shape and not by name: they come and go with Python's
# versions. Some would bring a shared library along.
UNUSED = (
    *("site-packages", "dist-packages", "config-*", "test", "*/test", "*/tests", "__phello__*", "__pycache__", "*.a"),
    *(
        "ensurepip",
        "idlelib",
        "lib2to3",
        "distutils",
        "pydoc_data",
        "sitecustomize.py",
        "tkinter",
        "turtledemo",
        "turtle.py",
        "venv",
    ),
    *("curses", "dbm", "sqlite3", "EXTERNALLY-MANAGED"),
    *(f"lib-dynload/{name}*" for name in ("_test", "_ctypes_test", "_xxtestfuzz", "xxlimited", "_curses", "_dbm")),
    *(f"lib-dynload/{name}*" for name in ("_gdbm", "_sqlite3", "_tkinter", "nis", "ossaudiodev", "readline")),
)


class Tree:
    """The tree at `root`, in which files have the places that they have on this system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: set[Path] = set()

    def place(self, path: Path) -> Path:
        """Return where `path` goes, in a folder that is there."""
        place = self.root / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def add(self, path: Path) -> None:
        """Copy a file, and each link that leads to it."""
        link = next((each for each in (*reversed(path.parents), path) if each.is_symlink()), None)
        if link is None:
            if path not in self.files:
                shutil.copyfile(path, self.place(path))
                self.place(path).chmod(0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o111 else 0o644)
                self.files.add(path)
            return
        if not self.place(link).is_symlink():
            self.place(link).symlink_to(link.readlink())
        self.add(Path(os.path.normpath(link.parent / link.readlink())) / path.relative_to(link))

    def write(self, path: str, content: str) -> None:
        """Write a file that this system does not have, or has with more in it."""
        self.place(Path(path)).write_text(content)


def main() -> None:
    """Fill the folder that is named by the first argument with what runs the command that is the second."""
    tree, command = Tree(Path(sys.argv[1])), sys.argv[2]
    for file in (*_app(command), *_standard_library(), Path(sys.executable), AUTHORITIES, *RELEASE):
        tree.add(file)
    for library in _libraries(tree):
        tree.add(library)
    _system_files(tree, command)
    _describe_packages(tree)
    _compile(tree)
    _set_times(tree.root)


def _app(command: str) -> Iterator[Path]:
    for path in APP.rglob("*"):
        unwanted = path.is_dir() or path.parts[2] == "include" or "__pycache__" in path.parts
        if path.parts[2] == "bin":
            unwanted = not any(fnmatch.fnmatch(path.name, name) for name in (command, "python*"))
        if not unwanted:
            yield path


def _standard_library() -> Iterator[Path]:
    folder = Path(sysconfig.get_path("stdlib"))
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        names = [str(each) for each in (relative, *relative.parents[:-1])]
        if path.is_file() and not any(fnmatch.fnmatch(name, unused) for name in names for unused in UNUSED):
            yield path


def _libraries(tree: Tree) -> set[Path]:
    binaries = [path for path in tree.files if ".so" in path.name or path == Path(sys.executable).resolve()]
    linked = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=True).stdout
    missing = [line.strip() for line in linked.splitlines() if line.endswith("not found")]
    if missing:
        sys.exit(f"this system lacks shared libraries: {', '.join(missing)}")
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    lines = linked.splitlines() + [line for line in known.splitlines() if line.split(" ")[0].strip() in OPENED]
    words = (word for line in lines for word in line.split())
    return {Path(word) for word in words if word.startswith("/") and not word.endswith(":")}


def _system_files(tree: Tree, command: str) -> None:
    tree.write("/etc/passwd", USERS.format(command=command))
    tree.write("/etc/group", GROUPS.format(command=command))
    tree.write("/etc/nsswitch.conf", "hosts: files dns\n")
    bundle = tree.place(Path(ssl.get_default_verify_paths().openssl_cafile))
    bundle.unlink(missing_ok=True)
    bundle.symlink_to(AUTHORITIES)
    tree.place(Path("/tmp")).mkdir(mode=0o755)  # noqa: S108 - for a volume to be mounted on
    for path in (Path("/etc/ld.so.conf"), *Path("/etc/ld.so.conf.d").glob("*")):
        tree.add(path)
    subprocess.run(["ldconfig", "-r", tree.root], check=True)
    shutil.rmtree(tree.root / "var", ignore_errors=True)  # ldconfig's own cache


def _describe_packages(tree: Tree) -> None:
    # Debian's lists name files as they were before /lib became a link to /usr/lib.
    ours = {str(path) for path in tree.files} | {str(path).removeprefix("/usr") for path in tree.files}
    listings = sorted(Path("/var/lib/dpkg/info").glob("*.list"))
    for package in ("ca-certificates", *(each.stem for each in listings if _lists(each, ours))):
        status = subprocess.run(["dpkg-query", "-s", package], capture_output=True, text=True, check=True).stdout
        name = package.partition(":")[0]
        tree.write(f"/var/lib/dpkg/status.d/{name}", status)
        tree.add(Path("/usr/share/doc") / name / "copyright")


def _lists(listing: Path, files: set[str]) -> bool:
    return not files.isdisjoint(listing.read_text().splitlines())


def _compile(tree: Tree) -> None:
    # Never checked against the source: nothing changes in an image, and the times of its files mean nothing.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for folder in (APP, Path(sysconfig.get_path("stdlib"))):
        place = tree.place(folder.resolve())
        if not compileall.compile_dir(place, quiet=1, stripdir=tree.root, prependdir="/", invalidation_mode=mode):
            sys.exit(f"{folder} does not compile")


def _set_times(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)


if __name__ == "__main__":
    main()
