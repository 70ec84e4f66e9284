"""What keeps one credential from its token: its spec, an operator that does not look at it, its client, its source."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adobe_ims_operator.api.reasons import Reason, Unreported
from adobe_ims_operator.api.resource import Credential, Key, MalformedResourceError
from adobe_ims_operator.api.status import ROTATION_FAILING
from adobe_ims_operator.cli.around import Around, Limits, read_around
from adobe_ims_operator.cli.check_client import check_client, unread
from adobe_ims_operator.cli.check_source import OF_SOURCE, check_source
from adobe_ims_operator.cli.client_flags import Tried
from adobe_ims_operator.cli.cluster import Cluster
from adobe_ims_operator.cli.results import Culprit, Outcome, Result, failed
from adobe_ims_operator.cli.run_settings import Settings
from adobe_ims_operator.core.checks import REFUSALS, first
from adobe_ims_operator.core.explain import summarize
from adobe_ims_operator.core.rotate_request import suspended
from adobe_ims_operator.core.status import WORKLOADS_RESTARTED
from adobe_ims_operator.kube.paths import credentials_path

BETTER_FROM_IMS = (Reason.CLIENT_SECRET_NOT_FOUND, Reason.ENDPOINT_NOT_ALLOWED)
"""Refusals of the core that the check of the client reports too, and better."""

NOT_TO_BE_ASKED = (Reason.CLIENT_SECRET_NOT_ALLOWED, Reason.SCOPE_NOT_ALLOWED)
"""Refusals of the core with which nothing more is tried."""

OF_API_SERVER = (
    Reason.SECRET_WRITE_REFUSED,
    Reason.SECRET_WRITE_FAILED,
    Reason.SECRET_READ_REFUSED,
    Reason.SECRET_READ_FAILED,
    Reason.OLD_SECRET_NOT_DELETED,
)
"""What only the operator's own requests find."""


async def check_credential(
    cluster: Cluster, name: str, settings: Settings, seconds: float, program: str
) -> list[Result]:
    """Check a credential, and ask IMS once with its client if it has one.

    Args:
        seconds: for a request to IMS.
        program: what a person called.

    Raises:
        ApiError: the credential could not be read.
    """
    now, target = datetime.now(UTC), f"AdobeIMSCredential {name}"
    limits = Limits(settings.forbidden, settings.endpoints.management_scopes) if settings.known else None
    try:
        around = await read_around(cluster.kube, Key(cluster.home, name), now, limits)
    except MalformedResourceError as error:
        return [failed("spec", target, str(error), reason=Reason.SPEC_INVALID, culprit=Culprit.SPEC)]
    results = [*await _watched(cluster, name, settings, target), *_spec(around, target, now, program)]
    spec = around.credential.spec
    if spec.invalid or any(each.reason in NOT_TO_BE_ASKED for each in results):
        return results
    if spec.client is None:
        results += check_source(around, now)
    elif around.client_error is not None:
        results.append(unread(cluster.home, spec.client, around.client_error))
    else:
        tried = Tried(spec.client, spec.scopes, spec.endpoint)
        results.append(await check_client(tried, around.client, settings, seconds))
    return [*results, *_reported(around.credential, results, target, now, program)]


async def _watched(cluster: Cluster, name: str, settings: Settings, target: str) -> list[Result]:
    """Whether the operator looks at the credential, as far as its settings are known."""
    if settings.namespaces and cluster.home not in settings.namespaces:
        what = f"the operator does not watch namespace {cluster.home}, but {', '.join(settings.namespaces)}; start it "
        what += f"with --namespace {cluster.home} too"
        return [failed("watched", target, what, culprit=Culprit.OPERATOR)]
    if settings.selector is None:
        return []
    query = {"labelSelector": settings.selector, "fieldSelector": f"metadata.name={name}"}
    if (await cluster.kube.read(credentials_path(cluster.home), query=query)).get("items"):
        return []
    what = f"the operator watches only credentials with the labels {settings.selector}; label this one so, or start "
    what += "it with another --selector"
    return [failed("watched", target, what, culprit=Culprit.OPERATOR)]


def _reported(
    credential: Credential, found: Sequence[Result], target: str, now: datetime, program: str
) -> list[Result]:
    """What the operator reports and these checks did not find, as they write nothing and see no workload."""
    summary = summarize(credential, now, program)
    if summary.reason in set(Unreported) and summary.failing:
        message = f"no operator reports on it; see that one runs and watches namespace {credential.key.namespace}"
        return [failed("reported", target, message, reason=summary.reason, culprit=Culprit.OPERATOR)]
    results = []
    for kind, bad in ((ROTATION_FAILING, "True"), (WORKLOADS_RESTARTED, "False")):
        condition = credential.status.condition(kind)
        if condition is None or condition.status != bad or condition.reason in {each.reason for each in found}:
            continue
        message = f"the operator reports: {condition.message}"
        if condition.reason in OF_API_SERVER:
            result = failed("reported", target, message, reason=condition.reason, culprit=Culprit.API_SERVER)
        else:
            result = Result("reported", target, Outcome.WARNING, message, reason=condition.reason)
        results.append(result)
    return results


def _spec(around: Around, target: str, now: datetime, program: str) -> list[Result]:
    """What the core finds wrong, but for what asking IMS says better."""
    spec = around.credential.spec
    if spec.invalid:
        return [failed("spec", target, spec.invalid, reason=Reason.SPEC_INVALID, culprit=Culprit.SPEC)]
    if around.observed is None:
        return [Result("spec", target, Outcome.WARNING, problem) for problem in around.problems]
    results = []
    if spec.suspend:
        results.append(Result("spec", target, Outcome.WARNING, suspended(program), reason=Reason.SUSPENDED))
    awake = replace(around.observed, credential=replace(around.credential, spec=replace(spec, suspend=False)))
    refusal = first(REFUSALS, awake, now)
    if refusal is not None and refusal.reason not in BETTER_FROM_IMS:
        of_source = refusal.reason in OF_SOURCE or (refusal.reason is Reason.SCOPE_NOT_ALLOWED and spec.client is None)
        culprit = Culprit.SOURCE if of_source else Culprit.SPEC
        results.append(failed(str(culprit), target, refusal.message, reason=refusal.reason, culprit=culprit))
    return results
