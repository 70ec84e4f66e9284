"""The command `check`: whether the operator has what it needs here, and whether IMS accepts a client.

It asks and reads, and changes no object.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from adobe_ims_operator.cli.check_client import check_client_secret
from adobe_ims_operator.cli.check_cluster import check_cluster
from adobe_ims_operator.cli.check_credential import check_credential
from adobe_ims_operator.cli.check_endpoints import check_endpoints
from adobe_ims_operator.cli.client_flags import Tried, client_options
from adobe_ims_operator.cli.cluster import NOT_WELL, Access, Cluster, access_options, connected, program, run
from adobe_ims_operator.cli.durations import Duration
from adobe_ims_operator.cli.names import credential_names
from adobe_ims_operator.cli.output import output_option, print_document
from adobe_ims_operator.cli.results import Outcome, Result, show
from adobe_ims_operator.cli.run_settings import BesideRun, Settings, read_settings


@click.command(cls=BesideRun)
@click.argument("name", required=False, shell_complete=credential_names)
@client_options
@click.option("--timeout", type=Duration(), default="30s", show_default=True, help="For each request to IMS.")
@access_options(everywhere=False, default="with NAME that of the context, else those that the operator watches")
@output_option
@click.pass_context
def check(
    click_context: click.Context,
    /,
    *,
    name: str | None,
    tried: Tried | None,
    timeout: timedelta,
    access: Access,
    output: str,
) -> None:
    """Check the CRD, permissions, Lease, and each endpoint by DNS, TLS and proxy.

    With NAME or --client-secret, ask IMS once for a token with that client, from where this runs, and name the culprit
    where it gives none. The token is dropped, and no object is changed. In the operator's pod its flags and variables
    count; elsewhere put its flags after `--`. Exits with 3 where a check failed.
    """
    if name is not None and tried is not None:
        raise click.UsageError("give NAME or --client-secret, not both")
    settings = read_settings(click_context)
    seconds = timeout.total_seconds()

    async def work() -> list[Result]:
        async with connected(access) as cluster:
            if name is not None:
                return await check_credential(cluster, name, settings, seconds, program())
            if tried is not None:
                return [await check_client_secret(cluster, tried, settings, seconds)]
            return await _everything(cluster, access.namespace, settings, seconds)

    results = run(work)
    _print(results, settings, output)
    if any(each.outcome is Outcome.FAILED for each in results):
        raise SystemExit(NOT_WELL)


async def _everything(cluster: Cluster, namespace: str | None, settings: Settings, seconds: float) -> list[Result]:
    namespaces = settings.namespaces if namespace is None else (namespace,)
    results = await check_cluster(cluster.kube, namespaces, settings, datetime.now(UTC))
    return results + await check_endpoints(settings, seconds)


def _print(results: Sequence[Result], settings: Settings, output: str) -> None:
    if output == "table":
        click.echo(f"settings: {settings.source}", err=True)
        click.echo(show(results))
        return
    bad = sum(each.outcome is Outcome.FAILED for each in results)
    print_document(
        {"settings": settings.source, "failed": bad, "checks": [each.document() for each in results]}, output
    )
