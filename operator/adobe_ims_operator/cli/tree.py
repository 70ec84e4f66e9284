"""What hangs on one credential, as a document: its Secrets, its workloads, the pods that use it, its Events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adobe_ims_operator.api.reasons import Unreported
from adobe_ims_operator.api.resource import JSON, Key, Workload
from adobe_ims_operator.api.text import printable
from adobe_ims_operator.api.times import moment_or_none, to_rfc3339
from adobe_ims_operator.cli.around import Around, client_created, expires_at
from adobe_ims_operator.cli.summary import summary_of
from adobe_ims_operator.core import policy, restarts, taking
from adobe_ims_operator.core.checks import READINESS, first
from adobe_ims_operator.core.explain import next_step
from adobe_ims_operator.core.managers import managers
from adobe_ims_operator.core.pods import outdated_containers, token_written
from adobe_ims_operator.core.source import Shared
from adobe_ims_operator.core.workload_state import pending
from adobe_ims_operator.kube.client import JSON_TYPE, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.list_pages import pages
from adobe_ims_operator.kube.paths import workload_path

MAX_EVENTS = 10
LONGEST_TEXT = 1024
"""Characters of an Event's text. Those of events.k8s.io have no longer one; the older API takes a mebibyte."""
MAX_PODS = 100
"""Of those that keep the previous token; `morePods` counts the others."""
Document = dict[str, Any]


async def tree(kube: Kube, around: Around, now: datetime, program: str) -> Document:
    """Everything about one credential; what could not be read is in `problems`."""
    credential, status = around.credential, around.credential.status
    pods = await _pods(kube, around)
    document: Document = {
        **summary_of(credential, now, program),
        "endpoint": credential.spec.endpoint,
        "lastRotationTime": status.last_rotation_time,
        "failures": status.failures or 0,
        "rotateRequest": _request(around),
        "managedBy": [each.name for each in managers(around.body["metadata"], "suspend")],
        "clientSecret": _client(around),
        "source": _source(around, now),
        "tokenSecret": _token(around, now),
        "workloads": [await _workload(kube, around, each, now) for each in credential.spec.restart],
        "pods": pods[:MAX_PODS],
        "morePods": len(pods[MAX_PODS:]),
        "next": _next(around, now, program),
        "events": await _events(kube, around),
    }
    document["problems"] = around.problems
    return document


def _request(around: Around) -> Document | None:
    request = around.credential.rotate_request
    if not request:
        return None
    return {"value": printable(request), "handled": request == around.credential.status.last_handled_rotate_request}


def _source(around: Around, now: datetime) -> Document | None:
    """The credential whose token is taken; what is known of it takes leave to read it."""
    key = around.credential.spec.taken_from
    if key is None:
        return None
    source = None if around.observed is None else around.observed.source
    shared = source if isinstance(source, Shared) else None
    facts = None if shared is None else shared.facts
    taken = None if around.observed is None else around.observed.facts
    problem = None if shared is None else taking.not_ready(shared, policy.FRESH, now)
    return {
        "namespace": key.namespace,
        "name": key.name,
        "shares": None if source is None else shared is not None,
        "issued": None if facts is None else _time(facts.issued_at),
        "taken": facts is not None and taken is not None and taken.source_rotation == facts.rotation,
        "problem": None if problem is None else problem.message,
    }


def _client(around: Around) -> Document | None:
    spec, found = around.credential.spec.client, around.client
    if spec is None:
        return None
    document: Document = {"name": spec.secret_name, "exists": _exists(around, spec.secret_name, found)}
    if found is None:
        return document
    observed = around.observed
    accepted = None if observed is None else observed.facts
    key = None if observed is None or accepted is None else observed.key_of_client_secret(accepted)
    client = found.client
    document |= {
        "created": _time(client_created(around)),
        "keys": [spec.id_key, *client.secrets] if client is not None else [],
        "acceptedKey": None if accepted is None else printable(key or accepted.client_secret_key),
        "changedSince": accepted is not None
        and around.observed is not None
        and key is None
        and around.observed.inputs.client_digest not in (None, accepted.client_digest),
        "problem": None if found.missing is None else found.missing.message,
        "doubts": {key: f"the value {doubt}" for key, doubt in (client.doubts if client is not None else {}).items()},
    }
    return document


def _exists(around: Around, name: str, found: object) -> bool | None:
    return None if Key(around.credential.key.namespace, name) in around.unread else found is not None


def _token(around: Around, now: datetime) -> Document:
    document: Document = {
        "name": around.credential.spec.secret.name,
        "exists": _exists(around, around.credential.spec.secret.name, around.content),
        "expires": _time(expires_at(around)),
    }
    content, observed = around.content, around.observed
    if content is None:
        return document
    facts = content.metadata.facts
    document |= {
        "intact": content.intact,
        "keys": sorted(printable(key) for key in content.data_keys)[:32],
        "issued": None if facts is None else _time(facts.issued_at),
        "rotations": None if facts is None else facts.rotations,
    }
    problem = None if observed is None else first(READINESS, observed, now)
    document["problem"] = None if problem is None else problem.message
    return document


def _next(around: Around, now: datetime, program: str) -> Document | None:
    if around.observed is None or around.decision is None:
        return None
    step = next_step(around.observed, around.decision, now, program)
    trouble = policy.problem(around.observed, around.decision, now)
    return {
        "action": str(step.action),
        "at": _time(step.at),
        "reason": str(step.reason),
        "message": step.message,
        "problem": None if trouble is None else trouble.message,
    }


async def _workload(kube: Kube, around: Around, workload: Workload, now: datetime) -> Document:
    document: Document = {"kind": workload.kind, "name": workload.name, "restarted": None, "reason": None}
    if around.observed is not None and (rotation := restarts.rotation_of(around.observed, now)) is not None:
        report = restarts.report(rotation, around.credential.status, around.observed.attempts.restarts)
        known = next(
            (each for each in report.restarts if (each.kind, each.name) == (workload.kind, workload.name)), None
        )
        done = (restarts.RESTARTED.reason, restarts.STARTED.reason, restarts.ADDED_LATER.reason)
        document["restarted"] = known is not None and known.reason in done
        document["reason"] = Unreported.NOT_YET if known is None else known.reason
        document["message"] = None if known is None else known.message
    try:
        body = await kube.get(workload_path(around.credential.key.namespace, workload.kind, workload.name))
    except NotFoundError:
        return {**document, "exists": False}
    except ApiError as error:
        around.problems.append(f"{workload.kind} {workload.name} can't be read ({error.answer})")
        return document
    return {**document, "exists": True, "pending": pending(workload, body, now)}


async def _pods(kube: Kube, around: Around) -> list[Document]:
    content = around.content
    if content is None or (facts := content.metadata.facts) is None:
        return []
    namespace, secret = around.credential.key.namespace, around.credential.spec.secret.name
    written = token_written(facts.issued_at, content.times.written)
    found: list[Document] = []
    try:
        async for page in pages(kube, f"/api/v1/namespaces/{namespace}/pods", accept=JSON_TYPE):
            for pod in page["items"]:
                containers = outdated_containers(pod, secret, written)
                if containers:
                    found.append({"name": pod["metadata"]["name"], "containers": list(containers)})
    except ApiError as error:
        around.problems.append(f"the pods of namespace {namespace} can't be listed ({error.answer})")
    return found


async def _events(kube: Kube, around: Around) -> list[Document]:
    key, uid = around.credential.key, around.credential.uid
    query = {"fieldSelector": f"involvedObject.name={key.name},involvedObject.uid={uid}"}
    found: list[Document] = []
    try:
        async for page in pages(kube, f"/api/v1/namespaces/{key.namespace}/events", accept=JSON_TYPE, query=query):
            found += [_event(each) for each in page["items"]]
            found = _latest(found)
    except ApiError as error:
        around.problems.append(f"the Events of namespace {key.namespace} can't be listed ({error.answer})")
    return found


def _latest(events: list[Document]) -> list[Document]:
    return sorted(events, key=lambda each: each["time"] or "")[-MAX_EVENTS:]


def _event(body: JSON) -> Document:
    series = body.get("series")
    last = series.get("lastObservedTime") if isinstance(series, Mapping) else None
    moment = last or body.get("lastTimestamp") or body.get("eventTime") or body["metadata"].get("creationTimestamp")
    return {
        "time": _time(moment_or_none(moment)),
        "type": _text(body.get("type")),
        "reason": _text(body.get("reason")),
        "message": _text(body.get("message")),
    }


def _text(given: object) -> str:
    text = "" if given is None else str(given)
    return printable(text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}...")


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_rfc3339(moment)
