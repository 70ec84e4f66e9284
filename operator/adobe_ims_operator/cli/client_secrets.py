"""The command `client-secrets`: how AdobeIMSClientSecrets stand, and who still uses an old client secret."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from adobe_ims_operator.api.client_secret import ClientSecretResource, parse_client_secret
from adobe_ims_operator.api.client_secret_status import OLD_CLIENT_SECRET_IN_USE, Role
from adobe_ims_operator.api.reasons import Unreported
from adobe_ims_operator.api.resource import MalformedResourceError
from adobe_ims_operator.api.status import READY, ROTATION_FAILING
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cli.cluster import NOT_WELL, Access, Cluster, access_options, connected, run
from adobe_ims_operator.cli.output import output_option, print_document, say, table, when
from adobe_ims_operator.kube.client import JSON_TYPE
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import client_secrets_path

LONGEST_REASON = 63
"""Characters in the table: ours are shorter, and each line is as wide as the longest."""

_ROLES = {
    Role.CURRENT: "in place",
    Role.PREVIOUS: "the previous one",
    Role.NEXT: "the next one",
    Role.LOST: "nobody has its value",
    Role.UNKNOWN: "not this operator's, as far as it knows",
}


@click.command("client-secrets")
@click.argument("name", required=False)
@access_options()
@output_option
def client_secrets(name: str | None, access: Access, output: str) -> None:
    """Show how client secrets stand that the operator replaces; with NAME, all that is known of one.

    Exits with 3 where one is not Ready, or where something keeps it from being replaced.
    """
    if name is not None and access.all_namespaces:
        raise click.UsageError("NAME is of one namespace: leave out --all-namespaces")

    async def work() -> bool:
        async with connected(access) as cluster:
            return await _show(cluster, name, output)

    if not run(work):
        raise SystemExit(NOT_WELL)


async def _show(cluster: Cluster, name: str | None, output: str) -> bool:
    now, found, problems = datetime.now(UTC), [], []
    async for body in _bodies(cluster, name):
        try:
            found.append(describe(parse_client_secret(body)))
        except MalformedResourceError as error:
            problems.append(str(error))
    if output != "table":
        print_document({"clientSecrets": found, "problems": problems}, output)
    elif name is not None and found:
        for line in _lines(found[0], now):
            say(line)
    elif found:
        click.echo(_table(found, now, everywhere=cluster.namespace is None))
    elif not problems:
        where = "" if cluster.namespace is None else f" in namespace {cluster.namespace}"
        click.echo(f"No AdobeIMSClientSecrets found{where}.", err=True)
    if output == "table":
        for problem in problems:
            say(problem, err=True)
    return not problems and all(each["well"] for each in found)


async def _bodies(cluster: Cluster, name: str | None) -> Any:
    if name is not None:
        yield await cluster.kube.get(client_secrets_path(cluster.home, name))
        return
    async for page in pages(cluster.kube, client_secrets_path(cluster.namespace), accept=JSON_TYPE):
        for body in page["items"]:
            yield body


def describe(resource: ClientSecretResource) -> dict[str, Any]:
    """What the status of one says, for programs; no value of a client secret is in it."""
    status = resource.status
    ready, failing = status.condition(READY), status.condition(ROTATION_FAILING)
    problem = failing if failing is not None and failing.status == "True" else ready
    old = next((each for each in status.client_secrets if each.role is Role.PREVIOUS), None)
    in_use = status.condition(OLD_CLIENT_SECRET_IN_USE)
    return {
        "namespace": resource.key.namespace,
        "name": resource.key.name,
        "secret": resource.spec.secret.name,
        "ready": status.says(READY, "True"),
        "well": status.says(READY, "True") and status.says(ROTATION_FAILING, "False"),
        "reason": status.reason or Unreported.UNOBSERVED,
        "message": "the operator has not reported on it" if problem is None else problem.message,
        "lastRotationTime": status.last_rotation_time,
        "nextRotationTime": status.next_rotation_time,
        "oldLastUsedAt": None if old is None else old.last_used_at,
        "oldInUse": in_use is not None and in_use.status == "True",
        "oldUsedBy": list(status.old_used_by),
        "oldUsers": status.old_users,
        "clientSecrets": [
            {
                "uuid": each.uuid,
                "createdAt": each.created_at,
                "lastUsedAt": each.last_used_at,
                "expiresAt": each.expires_at,
                "role": each.role.value,
            }
            for each in status.client_secrets
        ],
        "conditions": [
            {"type": each.type, "status": each.status, "reason": each.reason, "message": each.message}
            for each in status.conditions
        ],
    }


def _table(found: list[dict[str, Any]], now: datetime, *, everywhere: bool) -> str:
    head = ["NAME", "READY", "STATUS", "SECRET", "REPLACED", "NEXT", "OLD USED", "USERS OF OLD", "MESSAGE"]
    lines = [
        [
            each["name"],
            str(each["ready"]),
            each["reason"][:LONGEST_REASON],
            each["secret"],
            when(moment_or_none(each["lastRotationTime"]), now),
            when(moment_or_none(each["nextRotationTime"]), now),
            when(moment_or_none(each["oldLastUsedAt"]), now),
            "-" if each["oldUsers"] is None else str(each["oldUsers"]),
            "" if each["well"] else each["message"],
        ]
        for each in found
    ]
    if everywhere:
        head, lines = (
            ["NAMESPACE", *head],
            [[each["namespace"], *line] for each, line in zip(found, lines, strict=True)],
        )
    return table(head, lines)


def _lines(found: dict[str, Any], now: datetime) -> Iterator[str]:
    yield f"AdobeIMSClientSecret {found['namespace']}/{found['name']}, in Secret {found['secret']}"
    for each in found["clientSecrets"]:
        times = [f"created {when(moment_or_none(each['createdAt']), now)}"]
        used = moment_or_none(each["lastUsedAt"])
        times.append("Adobe shows no time of use" if used is None else f"used {when(used, now)}")
        if each["expiresAt"] is not None:
            times.append(f"expires {when(moment_or_none(each['expiresAt']), now)}")
        yield f"  client secret {each['uuid']}: {_ROLES[each['role']]}; {', '.join(times)}"
    yield f"  replaced {when(moment_or_none(found['lastRotationTime']), now)}; next {_next(found, now)}"
    if found["oldUsers"]:
        more = found["oldUsers"] - len(found["oldUsedBy"])
        names = ", ".join(found["oldUsedBy"]) + (f" and {more} more" if more > 0 else "")
        yield f"  with a token of the old client secret: {names}"
    for each in found["conditions"]:
        yield f"  {each['type']} {each['status']}, {each['reason']}: {each['message']}"


def _next(found: dict[str, Any], now: datetime) -> str:
    moment = moment_or_none(found["nextRotationTime"])
    return "due now" if moment is not None and moment <= now else when(moment, now)
