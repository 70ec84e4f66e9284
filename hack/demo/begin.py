"""Begins the demo: `make demo` on a machine that may have nothing yet.

It needs no package, so that the API server is built while the dependencies are installed. Where that would take
minutes and a cluster for trials is there already, it offers that first.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from demo.person import Screen
from testbed.binaries import api_server, has_api_server
from testbed.go_build import BuildError
from testbed.kubectl import kubectl_on_path

TRIALS = ("kind-", "k3d-", "minikube", "docker-desktop", "rancher-desktop")
"""How the contexts begin that kind, k3d, minikube, Docker Desktop and Rancher Desktop write into a kubeconfig."""
ANSWER_SECONDS = 5


def main() -> None:
    """Prepare all that the demo needs, and become the demo."""
    parser = argparse.ArgumentParser(prog="make demo", description=main.__doc__)
    parser.add_argument("--context", help="use this context of your kubeconfig (make demo CONTEXT=NAME)")
    parser.add_argument("--install", required=True, help="the command that installs the dependencies")
    arguments = parser.parse_args()
    try:
        context = arguments.context or _offered(Screen())
        _prepare(arguments.install, build=context is None)
    except KeyboardInterrupt:
        sys.exit(130)
    except BuildError as error:
        sys.exit(str(error))
    flags = ["--context", context] if context else []
    os.execv(sys.executable, [sys.executable, "-m", "demo", *flags])  # noqa: S606 - no shell is wanted


def _offered(screen: Screen) -> str | None:
    """The context of a cluster for trials that answers, if the user wants it rather than wait for a build."""
    if has_api_server() or (context := _trial_context()) is None:
        return None
    if not screen.live:
        screen.say(f"`make demo CONTEXT={context}` would use that cluster of yours, and build nothing.")
        return None
    screen.say(f"Your cluster {context} answers. On it the demo begins at once, in a namespace that it removes.")
    screen.say("Without it, an API server is built first, which takes some minutes.")
    return context if screen.ask(f"Use {context}?") else None


def _trial_context() -> str | None:
    kubectl = kubectl_on_path()
    if kubectl is None:
        return None
    known = _output(kubectl, "config", "get-contexts", "--output=name").split()
    current = _output(kubectl, "config", "current-context").strip()
    trials = sorted((each for each in known if each.startswith(TRIALS)), key=lambda each: each != current)
    timeout = f"--request-timeout={ANSWER_SECONDS}s"
    return next((each for each in trials if _output(kubectl, "get", "--raw=/readyz", timeout, "--context", each)), None)


def _output(kubectl: Path, *arguments: str) -> str:
    """What kubectl printed; nothing where it failed, as without a kubeconfig."""
    done = subprocess.run([kubectl, *arguments], capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout


def _prepare(install: str, *, build: bool) -> None:
    """Install the dependencies, and build the API server meanwhile. Raises BuildError."""
    started = time.monotonic()
    installing = subprocess.Popen(install, shell=True)  # noqa: S602 - it is the Makefile's own
    try:
        if build:
            api_server()
        if installing.poll() is None:
            Screen().say("Waiting for the dependencies to be installed ...")
        if installing.wait():
            sys.exit(f"`{install}` failed after {time.monotonic() - started:.0f} s")
    finally:
        if installing.poll() is None:
            installing.terminate()
            installing.wait()


if __name__ == "__main__":
    main()
