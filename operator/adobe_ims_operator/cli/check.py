"""The command `check`: whether the operator has what it needs here, and whether IMS accepts a client.

It asks and reads, and changes no object.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from click.core import ParameterSource

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key, MalformedResourceError
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.cli.around import Around, read_around
from adobe_ims_operator.cli.check_cluster import check_cluster
from adobe_ims_operator.cli.check_ims import check_client, check_endpoints
from adobe_ims_operator.cli.cluster import NOT_WELL, Access, Cluster, cluster_options, connected, run
from adobe_ims_operator.cli.durations import Duration
from adobe_ims_operator.cli.names import credential_names
from adobe_ims_operator.cli.output import output_option, print_document
from adobe_ims_operator.cli.results import Outcome, Result, failed, ok, show
from adobe_ims_operator.cli.run_settings import Settings, options_of_run, read_settings
from adobe_ims_operator.core import taking
from adobe_ims_operator.core.checks import REFUSALS, first
from adobe_ims_operator.core.policy import FRESH
from adobe_ims_operator.kube.client_secret import read as read_client_secret
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, RefusedError

SCOPES = ("openid", "AdobeID", "read_organizations")


@click.command()
@click.argument("name", required=False, shell_complete=credential_names)
@click.option("--client-secret", metavar="SECRET", help="Try the client in this Secret, without a credential.")
@click.option("--id-key", default="client_id", show_default=True, help="With --client-secret: as in spec.client.")
@click.option(
    "--secret-key", "secret_keys", multiple=True, default=("client_secret",), show_default=True,
    help="With --client-secret: as in spec.client.secretKeys; may be repeated.",
)  # fmt: skip
@click.option("--organization-id", help="With --client-secret: as in spec.client.")
@click.option(
    "--scope", "scopes", multiple=True, default=SCOPES, show_default=True,
    help="With --client-secret: as in spec.scopes; may be repeated.",
)  # fmt: skip
@click.option("--timeout", type=Duration(), default="30s", show_default=True, help="For each request to IMS.")
@cluster_options
@output_option
@click.pass_context
def check(
    click_context: click.Context,
    /,
    name: str | None,
    client_secret: str | None,
    timeout: timedelta,
    context: str | None,
    output: str,
    **given: Any,
) -> None:
    """Check the CRD, permissions, Lease, and each endpoint by DNS, TLS and proxy.

    With NAME or --client-secret, ask IMS once for a token with that client, from where this runs, and name the culprit
    where it gives none. The token is dropped, and no object is changed. In the operator's pod its flags and variables
    count; elsewhere give those of `run`. Exits with 3 where a check failed.
    """
    if name is not None and client_secret is not None:
        raise click.UsageError("give NAME or --client-secret, not both")
    settings = read_settings(click_context)
    by_flag = click_context.get_parameter_source("namespaces") is ParameterSource.COMMANDLINE
    named = settings.namespaces if by_flag else ()
    if (name or client_secret) and len(named) > 1:
        raise click.UsageError("with NAME or --client-secret give one --namespace")
    access = Access(named[0] if len(named) == 1 else None, all_namespaces=False, context=context)
    seconds = timeout.total_seconds()

    async def work() -> list[Result]:
        async with connected(access) as cluster:
            if name is not None:
                return await _credential(cluster, name, settings, seconds)
            if client_secret is not None:
                ref = ClientRef(client_secret, given["id_key"], given["secret_keys"], given["organization_id"])
                return [await _client(cluster, ref, given["scopes"], settings, settings.endpoints.urls[0], seconds)]
            results = await check_cluster(
                cluster.kube, settings.namespaces, settings.lease, datetime.now(UTC), metrics_auth=settings.metrics_auth
            )
            return results + await check_endpoints(settings, seconds)

    results = run(work)
    _print(results, settings, output)
    if any(each.outcome is Outcome.FAILED for each in results):
        raise SystemExit(NOT_WELL)


check.params.extend(options_of_run())


def _print(results: Sequence[Result], settings: Settings, output: str) -> None:
    if output == "table":
        click.echo(f"settings: {settings.source}", err=True)
        click.echo(show(results))
        return
    bad = sum(each.outcome is Outcome.FAILED for each in results)
    print_document(
        {"settings": settings.source, "failed": bad, "checks": [each.document() for each in results]}, output
    )


async def _credential(cluster: Cluster, name: str, settings: Settings, seconds: float) -> list[Result]:
    now, target = datetime.now(UTC), f"AdobeIMSCredential {name}"
    try:
        around = await read_around(cluster.kube, Key(cluster.home, name), now)
    except MalformedResourceError as error:
        return [failed("spec", target, str(error), reason=Reason.SPEC_INVALID, culprit="spec")]
    results = _spec(around, target, now)
    spec = around.credential.spec
    if spec.invalid or any(each.reason == Reason.CLIENT_SECRET_NOT_ALLOWED for each in results):
        return results
    if spec.client is None:
        return [*results, *_source(around, now)]
    endpoint = settings.endpoints.resolve(spec.endpoint)
    return [*results, await _client(cluster, spec.client, spec.scopes, settings, endpoint, seconds)]


def _spec(around: Around, target: str, now: datetime) -> list[Result]:
    """What the core says stands in the way, but for what asking IMS says better."""
    if around.credential.spec.invalid:
        return [failed("spec", target, around.credential.spec.invalid, reason=Reason.SPEC_INVALID, culprit="spec")]
    if around.observed is None:
        return [Result("spec", target, Outcome.WARNING, problem) for problem in around.problems]
    results, credential = [], around.credential
    if credential.spec.suspend:
        message = "rotation is suspended; run adobe-ims-operator resume"
        results.append(Result("spec", target, Outcome.WARNING, message, reason=Reason.SUSPENDED))
    awake = replace(around.observed, credential=replace(credential, spec=replace(credential.spec, suspend=False)))
    refusal = first(REFUSALS, awake, now)
    if refusal is not None and refusal.reason not in (Reason.CLIENT_SECRET_NOT_FOUND, Reason.ENDPOINT_NOT_ALLOWED):
        of_source = refusal.reason in (Reason.SOURCE_NOT_SHARED, Reason.SOURCE_NOT_WATCHED)
        culprit = "source" if of_source else "spec"
        results.append(failed(culprit, target, refusal.message, reason=refusal.reason, culprit=culprit))
    return results


def _source(around: Around, now: datetime) -> list[Result]:
    """Whether the credential whose token is taken has one; whether it shares it was checked with the spec."""
    shared = None if around.observed is None else around.observed.shared
    if shared is None:
        return []
    target = f"AdobeIMSCredential {shared.key}"
    problem = taking.not_ready(shared, FRESH, now)
    if problem is not None:
        return [failed("source", target, problem.message, reason=problem.reason, culprit="source")]
    return [ok("source", target, "shares its token with this namespace; IMS is not asked")]


async def _client(
    cluster: Cluster, ref: ClientRef, scopes: Sequence[str], settings: Settings, endpoint: str, seconds: float
) -> Result:
    try:
        found = await read_client_secret(cluster.kube, cluster.home, ref)
    except ApiError as error:
        denied = isinstance(error, ForbiddenError)
        what = f"it can't be read in namespace {cluster.home} ({error.answer})"
        if denied:
            what += "; this takes the verb get on secrets"
        reason = Reason.SECRET_READ_REFUSED if isinstance(error, RefusedError) else Reason.SECRET_READ_FAILED
        culprit = "RBAC" if denied else "API server"
        return failed("ims", f"Secret {ref.secret_name}", what, reason=reason, culprit=culprit)
    return await check_client(settings, endpoint, ref, scopes, found, seconds)
