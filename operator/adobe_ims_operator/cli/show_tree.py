"""The document about one credential as text for a person."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from adobe_ims_operator.api.text import printable
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.cli.output import when

Document = dict[str, Any]


def show_tree(document: Document, now: datetime, program: str) -> str:
    """Lay a document out in lines, for a person who called that program."""
    return "\n".join(printable(line) for line in _lines(document, now, program))


def _lines(document: Document, now: datetime, program: str) -> Iterator[str]:
    yield f"AdobeIMSCredential {document['namespace']}/{document['name']}"
    yield f"  Ready: {document['ready']}, {document['reason']}: {document['message']}"
    if document["failing"] and document["failures"]:
        yield f"  Failures in a row: {document['failures']}"
    if document["suspended"]:
        yield f"  Suspended: run {program} resume"
    if request := document["rotateRequest"]:
        answer = "refused" if document["source"] is not None else "answered"
        yield f"  Rotate request {request['value']}: {answer if request['handled'] else 'not answered yet'}"
    for name in document["managedBy"]:
        yield f"  Managed by {name}"
    yield from _origin(document, now)
    yield from _token(document["tokenSecret"], now)
    for workload in document["workloads"]:
        yield from _workload(workload)
    yield from _pods(document["pods"], document["morePods"])
    if (step := document["next"]) is not None:
        yield f"Next: {step['message']}"
    if document["events"]:
        yield "Events"
    for event in document["events"]:
        yield f"  {when(moment_or_none(event['time']), now)}, {event['type']} {event['reason']}: {event['message']}"
    for problem in document["problems"]:
        yield f"Not shown: {problem}"


def _absent(secret: Document) -> str:
    return "can't be read" if secret["exists"] is None else "not there"


def _client(secret: Document, now: datetime) -> Iterator[str]:
    if not secret["exists"]:
        yield f"Client Secret {secret['name']}: {_absent(secret)}"
        return
    usable = f"usable keys {', '.join(secret['keys'])}" if secret["keys"] else "NOT usable"
    yield f"Client Secret {secret['name']}: made {when(moment_or_none(secret['created']), now)}, {usable}"
    if secret["problem"]:
        yield f"  {secret['problem']}"
    if secret["acceptedKey"]:
        later = "; it is gone since, or the client id is another" if secret["changedSince"] else ""
        yield f"  The token was made with the client secret under the key {secret['acceptedKey']}{later}"
    for key, doubt in secret["doubts"].items():
        yield f"  {key}: {doubt}"


def _origin(document: Document, now: datetime) -> Iterator[str]:
    if document["source"] is not None:
        yield from _source(document["source"], now)
    else:
        yield from _client(document["clientSecret"], now)


def _source(source: Document, now: datetime) -> Iterator[str]:
    shares = {True: "shared with this namespace", False: "NOT shared with this namespace", None: "can't be read"}
    yield f"Token of AdobeIMSCredential {source['namespace']}/{source['name']}: {shares[source['shares']]}"
    if source["issued"]:
        taken = "taken" if source["taken"] else "not taken yet"
        yield f"  Rotated {when(moment_or_none(source['issued']), now)} ({source['issued']}), {taken}"
    if source["problem"]:
        yield f"  {source['problem']}"


def _token(secret: Document, now: datetime) -> Iterator[str]:
    if not secret["exists"]:
        yield f"Token Secret {secret['name']}: {_absent(secret)}"
        return
    keys = ", ".join(secret["keys"]) or "none"
    if not secret["issued"]:
        yield f"Token Secret {secret['name']}: NOT written by the operator, keys {keys}"
        return
    state = "intact" if secret["intact"] else "NOT as it was written"
    expires = moment_or_none(secret["expires"])
    expiry = "expires at an unknown time"
    if expires is not None:
        phrase = when(expires, now, past="expired")
        expiry = f"{phrase if expires <= now else f'expires {phrase}'} ({secret['expires']})"
    yield f"Token Secret {secret['name']}: {state}, {expiry}, keys {keys}"
    issued = when(moment_or_none(secret["issued"]), now)
    yield f"  Rotated {issued} ({secret['issued']}), rotation {secret['rotations']}"
    if secret["problem"]:
        yield f"  {secret['problem']}"


def _workload(workload: Document) -> Iterator[str]:
    what = f"{workload['kind']} {workload['name']}"
    if workload.get("exists") is False:
        yield f"{what}: not there"
    elif workload["restarted"] is None:
        yield f"{what}: no rotation to restart it for"
    else:
        yield f"{what}: {'done' if workload['restarted'] else 'NOT restarted'} for this rotation ({workload['reason']})"
    for message in dict.fromkeys((workload.get("message"), workload.get("pending"))):
        if message:
            yield f"  {message}"


def _pods(pods: list[Document], more: int) -> Iterator[str]:
    if pods:
        yield "Pods with a previous token in their environment; restart them, or name their workload in spec.restart"
    for pod in pods:
        yield f"  {pod['name']}: {', '.join(pod['containers'])}"
    if more:
        yield f"  and {more} more"
