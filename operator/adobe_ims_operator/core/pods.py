"""Which containers of a pod run on with the token of before: an environment never changes once it was made."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from adobe_ims_operator.api.resource import JSON
from adobe_ims_operator.api.times import moment_or_none

WRITTEN_WITHIN = timedelta(minutes=1)
"""After the moment before IMS was asked. A later write of the operator's was one of metadata alone."""


def token_written(issued_at: datetime, last_write: datetime | None) -> datetime:
    """When a token was written into its Secret, as far as that is known.

    Args:
        issued_at: as its facts say, before IMS was asked.
        last_write: of the operator to the Secret, by the API server's clock.
    """
    if last_write is None or not issued_at <= last_write <= issued_at + WRITTEN_WITHIN:
        return issued_at
    return last_write


def outdated_containers(pod: JSON, secret: str, written: datetime) -> tuple[str, ...]:
    """The running containers that took a Secret into their environment, and started before it was written.

    Kubernetes, "Secrets: using Secrets as environment variables": a container sees a change after a restart only.
    """
    spec, status = _map(pod.get("spec")), _map(pod.get("status"))
    started = {
        str(each.get("name")): moment_or_none(_map(_map(each.get("state")).get("running")).get("startedAt"))
        for name in ("containerStatuses", "initContainerStatuses")
        for each in _list(status.get(name))
    }
    found = []
    for container in (*_list(spec.get("containers")), *_list(spec.get("initContainers"))):
        name = str(container.get("name"))
        since = started.get(name)
        if since is not None and since < written and secret in _secrets_of_environment(container):
            found.append(name)
    return tuple(found)


def _secrets_of_environment(container: JSON) -> Iterator[object]:
    for source in _list(container.get("envFrom")):
        yield _map(source.get("secretRef")).get("name")
    for variable in _list(container.get("env")):
        yield _map(_map(variable.get("valueFrom")).get("secretKeyRef")).get("name")


def _map(value: object) -> JSON:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
