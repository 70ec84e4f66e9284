"""The command `status`: a line for each credential, or all that hangs on one."""

from datetime import UTC, datetime
from typing import Any

import click

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential, Key, MalformedResourceError, parse_credential
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339
from adobe_ims_operator.cli.around import read_around
from adobe_ims_operator.cli.cluster import (
    NOT_WELL,
    Access,
    Cluster,
    access_options,
    connected,
    program,
    run,
    selector_option,
)
from adobe_ims_operator.cli.names import credential_names
from adobe_ims_operator.cli.output import output_option, print_document, say, table, when
from adobe_ims_operator.cli.show_tree import show_tree
from adobe_ims_operator.cli.summary import summary_of
from adobe_ims_operator.cli.tree import tree
from adobe_ims_operator.kube.client import JSON_TYPE
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import credentials_path

LONGEST_REASON = 63
"""Characters in the table: ours are shorter, and each line is as wide as the longest."""


@click.command()
@click.argument("name", required=False, shell_complete=credential_names)
@access_options()
@selector_option
@output_option
def status(
    name: str | None,
    access: Access,
    selector: str | None,
    output: str,
) -> None:
    """Show how credentials stand; with NAME, all that hangs on one, and what happens next and why.

    Exits with 3 where one has no valid token, or can't be rotated.
    """
    if name is not None and (access.all_namespaces or selector is not None):
        raise click.UsageError("NAME stands alone: leave out --all-namespaces and --selector")

    async def work() -> bool:
        async with connected(access) as cluster:
            if name is not None:
                return await _one(cluster, name, output)
            return await _all(cluster, selector, output)

    if not run(work):
        raise SystemExit(NOT_WELL)


async def _one(cluster: Cluster, name: str, output: str) -> bool:
    now = datetime.now(UTC)
    try:
        around = await read_around(cluster.kube, Key(cluster.home, name), now)
    except MalformedResourceError as error:
        raise click.ClickException(str(error)) from error
    document = await tree(cluster.kube, around, now, program())
    if output == "table":
        click.echo(show_tree(document, now, program()))
    else:
        print_document(document, output)
    return bool(document["well"])


async def _all(cluster: Cluster, selector: str | None, output: str) -> bool:
    now, rows, unreadable = datetime.now(UTC), [], []
    query = {} if selector is None else {"labelSelector": selector}
    async for page in pages(cluster.kube, credentials_path(cluster.namespace), accept=JSON_TYPE, query=query):
        for body in page["items"]:
            try:
                rows.append(_row(parse_credential(body), now))
            except MalformedResourceError as error:
                unreadable.append(str(error))
    if output == "table":
        _show(rows, cluster.namespace, now)
        for problem in unreadable:
            say(problem, err=True)
    else:
        print_document({"credentials": rows, "problems": unreadable}, output)
    return not unreadable and all(row["well"] for row in rows)


def _row(credential: Credential, now: datetime) -> dict[str, Any]:
    status = credential.status
    return {
        **summary_of(credential, now, program()),
        "secret": credential.spec.secret.name,
        "expires": status.expiration_time,
        "next": status.next_rotation_time,
        "created": to_rfc3339(credential.created),
    }


def _show(rows: list[dict[str, Any]], namespace: str | None, now: datetime) -> None:
    if not rows:
        where = "" if namespace is None else f" in namespace {namespace}"
        click.echo(f"No credentials found{where}.", err=True)
        return
    head = ["NAME", "READY", "STATUS", "CAUSE", "SECRET", "EXPIRES", "NEXT", "MESSAGE"]
    lines = [
        [
            row["name"],
            str(row["ready"]),
            row["reason"][:LONGEST_REASON],
            (row["cause"] or "")[:LONGEST_REASON],
            row["secret"],
            when(moment_or_none(row["expires"]), now, past="expired"),
            when(moment_or_none(row["next"]), now),
            row["message"] if row["reason"] != Reason.ROTATED else "",
        ]
        for row in rows
    ]
    if namespace is None:
        head, lines = ["NAMESPACE", *head], [[row["namespace"], *line] for row, line in zip(rows, lines, strict=True)]
    click.echo(table(head, lines))
