"""The cluster that a command talks to: the flags that name it, and a connection of the operator's own kind."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from adobe_ims_operator.cli.flags import with_flags
from adobe_ims_operator.cli.selector import label_selector
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.login import Login, NoClusterError, default_namespace, load_configuration

MANAGER = "kubectl-adobe-ims"
"""What managedFields call what a person wrote with these commands."""
FAILED, NOT_WELL, TIMED_OUT, INTERRUPTED = 1, 3, 4, 130
"""Exit codes: it could not be done; it was done and shows that a person is needed; what it waited for did not come;
Ctrl-C."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def program() -> str:
    """What the person called, for a hint that names another command."""
    return click.get_current_context().find_root().info_name or "adobe-ims-operator"


@dataclass(frozen=True, slots=True)
class Access:
    """What the flags say of the cluster."""

    login: Login
    namespace: str | None = None
    """The one that was named."""
    all_namespaces: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connection; `namespace` is where to look, None for everywhere."""

    kube: Kube
    namespace: str | None
    home: str
    """The namespace that is meant where none is named."""


def access_options(
    *, everywhere: bool = True, default: str = "that of the context"
) -> Callable[[F], Callable[..., Any]]:
    """Add the flags that say where to look, with -A where that may be `everywhere`, as one argument `access`.

    Args:
        default: the namespace that is meant where none is named, in words.
    """

    def add(command: F) -> Callable[..., Any]:
        @wraps(command)
        def with_access(
            *, namespace: str | None, context: str | None, kubeconfig: Path | None, all_namespaces: bool = False,
            **rest: Any,
        ) -> Any:  # fmt: skip
            if all_namespaces and namespace is not None:
                raise click.UsageError("give --namespace or --all-namespaces, not both")
            return command(access=Access(Login(kubeconfig, context), namespace, all_namespaces), **rest)

        return with_flags(
            with_access,
            click.option("-n", "--namespace", metavar="NS", help=f"The namespace.  [default: {default}]"),
            *([click.option("-A", "--all-namespaces", is_flag=True, help="Look into all namespaces.")] * everywhere),
            click.option("--context", help="The context of the kubeconfig.  [default: its current one]"),
            click.option(
                "--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="The kubeconfig to use.  [default: as kubectl finds it]",
            ),
        )  # fmt: skip

    return add


def selector_option(command: F) -> F:
    """Add the flag -l."""
    return click.option(
        "-l", "--selector", metavar="LABELS", callback=label_selector,
        help="Only credentials with these labels, written as for kubectl -l.",
    )(command)  # fmt: skip


@asynccontextmanager
async def connected(access: Access, connections: int = 8) -> AsyncIterator[Cluster]:
    """Connect to the cluster.

    Raises:
        NoClusterError: there is none.
    """

    async def load() -> Any:
        return await load_configuration(access.login)

    kube = Kube(await load(), connections, load, manager=MANAGER)
    home = access.namespace or default_namespace(access.login)
    try:
        yield Cluster(kube, None if access.all_namespaces else home, home)
    finally:
        await kube.close()


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run what a command does; where that can't be done, say why and exit with 1."""
    why = ""
    # The operator ends well by a signal; a command that did not finish has not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        return asyncio.run(_awaited(work))
    except NotFoundError as error:
        why = f"{error}; check the name and the namespace, and that the CRD is installed"
    except (ApiError, NoClusterError) as error:
        why = str(error)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    click.echo(f"Error: {why}", err=True)
    sys.exit(FAILED)


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
