"""Which credentials a command is to change: those that are named, that have labels, or all of a namespace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from adobe_ims_operator.api.resource import JSON, Key
from adobe_ims_operator.cli.cluster import Access, Cluster, access_options, selector_option
from adobe_ims_operator.cli.flags import with_flags
from adobe_ims_operator.cli.names import credential_names
from adobe_ims_operator.kube.client import JSON_TYPE
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import credentials_path

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the flags say of which credentials are meant, and where."""

    names: Sequence[str]
    selector: str | None
    everything: bool
    yes: bool
    access: Access


def choice_options(command: F) -> Callable[..., Any]:
    """Add NAMES, -l, --all, -y and the flags that name the cluster, and give the command a `choice` for them."""

    @wraps(command)
    def chosen(
        *, names: Sequence[str], selector: str | None, everything: bool, yes: bool, access: Access, **rest: Any
    ) -> Any:
        if sum((bool(names), selector is not None, everything)) != 1:
            raise click.UsageError("name credentials, or give --selector or --all: one of the three")
        if names and access.all_namespaces:
            raise click.UsageError("names are of one namespace: leave out --all-namespaces")
        if yes and not everything:
            raise click.UsageError("--yes goes with --all")
        return command(choice=Choice(names, selector, everything, yes, access), **rest)

    return with_flags(
        chosen,
        click.argument("names", nargs=-1, shell_complete=credential_names),
        access_options(),
        selector_option,
        click.option("--all", "everything", is_flag=True, help="All of the namespace, or of all with -A."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask whether --all is meant."),
    )


async def choose(cluster: Cluster, choice: Choice, what: str, read: Callable[[JSON], T]) -> list[T]:
    """What `read` keeps of each credential that is meant; it is asked whether all are.

    Raises:
        ApiError: they can't be read.
        Abort: not all are meant, or nobody is there to say so.
    """
    if choice.names:
        paths = [credentials_path(cluster.home, name) for name in dict.fromkeys(choice.names)]
        return [read(await cluster.kube.get(path)) for path in paths]
    query = {} if choice.selector is None else {"labelSelector": choice.selector}
    found: list[T] = []
    async for page in pages(cluster.kube, credentials_path(cluster.namespace), accept=JSON_TYPE, query=query):
        found += [read(body) for body in page["items"]]  # of which each may have more than a mebibyte
    if choice.everything and not choice.yes:
        place = "all namespaces" if cluster.namespace is None else f"namespace {cluster.namespace}"
        click.confirm(f"{what} {len(found)} credentials in {place}?", abort=True, err=True)
    return found


def key_of(body: JSON) -> Key:
    """The namespace and name of an object."""
    return Key(str(body["metadata"]["namespace"]), str(body["metadata"]["name"]))
