"""What the operator needs of the API server: the CRD, its permissions, the Lease. Nothing is changed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from adobe_ims_operator.api.resource import API_VERSION, KIND, Key
from adobe_ims_operator.api.text import printable
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cli.crd_fields import PATH, own_fields, served_fields
from adobe_ims_operator.cli.permissions import (
    CLIENT_SECRETS,
    LEASE,
    METRICS_AUTH,
    NEEDED,
    RESTARTS,
    Permission,
    review,
)
from adobe_ims_operator.cli.results import Culprit, Outcome, Result, failed, ok, skipped
from adobe_ims_operator.cli.run_settings import IN_POD, Settings
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.lease import LEASE_DURATION
from adobe_ims_operator.kube.paths import leases_path

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
STALE = timedelta(seconds=LEASE_DURATION + 15)
"""After the last renewal of a Lease, with room for two clocks that differ."""
LEASES = "/apis/coordination.k8s.io/v1/leases"
MOST_NAMED = 10
UPGRADE = "install the CRD of this version: deploy/crds, or the chart with crds.enabled=true"


async def check_cluster(kube: Kube, namespaces: Sequence[str], settings: Settings, now: datetime) -> list[Result]:
    """Look at all of it.

    Args:
        namespaces: in which the operator works; none for all.
    """
    found = await asyncio.gather(
        check_crd(kube),
        check_permissions(kube, namespaces, settings),
        check_lease(kube, settings, now),
    )
    return [result for results in found for result in results]


async def check_crd(kube: Kube) -> list[Result]:
    """Whether the API server keeps all fields that this version of the operator reads and writes."""
    try:
        served = served_fields(await kube.read(PATH))
    except NotFoundError:
        served = None
    except ApiError as error:
        return [failed("crd", KIND, f"its schema can't be read ({error.answer})", culprit=Culprit.API_SERVER)]
    if served is None:
        return [failed("crd", KIND, f"the cluster has no {API_VERSION}; {UPGRADE}", culprit=Culprit.CRD)]
    missing = sorted(own_fields() - served)
    if not missing:
        return [ok("crd", KIND, "has all fields that this version of the operator knows")]
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    what = f"is older than the operator, and lacks {', '.join(missing[:MOST_NAMED])}{more}; {UPGRADE}"
    return [failed("crd", KIND, what, culprit=Culprit.CRD)]


async def check_permissions(kube: Kube, namespaces: Sequence[str], settings: Settings) -> list[Result]:
    """Whether a service account, which is taken for the operator's, may do what the operator does."""
    try:
        answer = await kube.review(WHO_AM_I, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    except ApiError as error:
        return [skipped("permissions", "account", f"the account could not be found out ({error.answer})")]
    user = printable(str(answer.get("status", {}).get("userInfo", {}).get("username", "")))
    if not user.startswith("system:serviceaccount:"):
        return [skipped("permissions", user, f"a person asks, not the operator; in its pod: {IN_POD}")]
    results = []
    for namespace in namespaces or (None,):
        where = "all namespaces" if namespace is None else f"namespace {namespace}"
        results.append(await _allowed(kube, NEEDED, namespace, user, where))
        restarts = await _allowed(kube, RESTARTS, namespace, user, where)
        results.append(_for_restarts(restarts))
        if settings.console_endpoint is not None:
            results.append(await _allowed(kube, CLIENT_SECRETS, namespace, user, f"client secrets in {where}"))
    if settings.metrics_auth:
        results.append(await _allowed(kube, METRICS_AUTH, None, user, "metrics"))
    if (lease := _lease(settings)) is not None:
        create, *others = LEASE
        results.append(await _allowed(kube, [create], lease.namespace, user, f"namespace {lease.namespace}"))
        results.append(await _allowed(kube, others, lease.namespace, user, f"Lease {lease}", lease.name))
    return results


def _for_restarts(found: Result) -> Result:
    if found.outcome is not Outcome.FAILED:
        return found
    message = f"spec.restart does not work: {found.message}; the chart grants it with restart.enabled=true"
    return Result(found.check, found.target, Outcome.WARNING, message)


async def _allowed(
    kube: Kube, permissions: Sequence[Permission], namespace: str | None, user: str, where: str, name: str = ""
) -> Result:
    try:
        answers = [await kube.review(REVIEWS, review(each, namespace, name)) for each in permissions]
    except ApiError as error:
        return failed("permissions", where, f"they can't be asked for ({error.answer})", culprit=Culprit.API_SERVER)
    allowed = [answer.get("status", {}).get("allowed") is True for answer in answers]
    missing = [str(each) for each, may in zip(permissions, allowed, strict=True) if not may]
    if not missing:
        return ok("permissions", where, f"{user} may {', '.join(map(str, permissions))}")
    return failed("permissions", where, f"{user} may not {', '.join(missing)}", culprit=Culprit.RBAC)


def _lease(settings: Settings) -> Key | None:
    if not settings.leader_elect or settings.lease_namespace is None:
        return None
    return Key(settings.lease_namespace, settings.lease_name)


async def check_lease(kube: Kube, settings: Settings, now: datetime) -> list[Result]:
    """Whether a replica leads."""
    if (lease := _lease(settings)) is not None:
        return [await _check_one(kube, lease, now)]
    if settings.known and not settings.leader_elect:
        return [
            skipped(
                "lease",
                "-",
                "without --leader-elect an operator takes none, so look at its process or its log to see that it runs",
            )
        ]
    try:
        found = await kube.read(LEASES, query={"fieldSelector": f"metadata.name={settings.lease_name}"})
        leases = [Key(each["metadata"]["namespace"], each["metadata"]["name"]) for each in found.get("items") or []]
    except ApiError as error:
        return [skipped("lease", "-", f"it can't be looked for ({error.answer}), which takes the verb list; {IN_POD}")]
    if not leases:
        what = f"no namespace has a Lease {settings.lease_name}: no operator has led yet, or it runs without one"
        return [Result("lease", "-", Outcome.WARNING, what, culprit=Culprit.OPERATOR)]
    return [await _check_one(kube, each, now) for each in leases]


async def _check_one(kube: Kube, lease: Key, now: datetime) -> Result:
    target = str(lease)
    try:
        spec = (await kube.get(leases_path(lease))).get("spec") or {}
    except NotFoundError:
        return failed("lease", target, "there is none, so no replica has led yet", culprit=Culprit.OPERATOR)
    except ApiError as error:
        return failed("lease", target, f"it can't be read ({error.answer})", culprit=Culprit.RBAC)
    holder, renewed = printable(str(spec.get("holderIdentity") or "")), moment_or_none(spec.get("renewTime"))
    if not holder:
        return failed("lease", target, "no replica leads; check that the operator's pods run", culprit=Culprit.OPERATOR)
    if renewed is None or now - renewed > STALE:
        since = "an unknown time" if renewed is None else f"{(now - renewed).total_seconds():.0f} s"
        what = (
            f"{holder} has it and has not renewed it for {since}; check that pod, and whether it reaches the API server"
        )
        return failed("lease", target, what, culprit=Culprit.OPERATOR)
    return ok("lease", target, f"{holder} leads, and renewed it {(now - renewed).total_seconds():.0f} s ago")
