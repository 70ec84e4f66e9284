"""The bare floor: the requests that the job needs, in a loop, by a process of its own that does nothing else.

Nothing is watched, compared, kept or retried. Of what the job needs there are two readings: `bare` is a token, a Secret
and a status, as anybody would write it; `same` has all requests that the operator makes (the client Secret is read, and
at a first token there is an Event, sent behind), in the cheapest way that is known to us: on uvloop, with a client for
each connection to IMS, and only metadata in the answers. Bodies are of the size of the operator's.
"""

import argparse
import asyncio
import base64
import json
import resource
import ssl
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import uvloop

from adobe_ims_operator.api.resource import API_VERSION, KIND, PLURAL
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from bench.objects import client_name, path
from bench.raw import JSON, MERGE_PATCH, METADATA, Raw, in_parallel
from bench.table import percentile

DIGEST = "0123456789abcdef" * 2
MOMENT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a loop took until the last status, in seconds.

    Percentiles are of the time from the loop's start to an item's Secret.
    """

    seconds: float
    cpu_each: float
    p50: float
    p99: float


class Floor:
    """One loop over the credentials of a namespace.

    Args:
        http: a client for each of those that are under way at once; it may be the same.
        rotation: whether Secrets are there and are changed, else they are new.
        same: whether all requests of the operator are made.
    """

    def __init__(
        self, api: Raw, http: list[httpx.AsyncClient], namespace: str, endpoint: str, *, rotation: bool, same: bool
    ) -> None:
        self._api = api
        self._http = http
        self._namespace = namespace
        self._endpoint = endpoint
        self._rotation = rotation
        self._same = same
        self._written: list[float] = []
        self._told: list[asyncio.Task[Any]] = []

    async def run(self, names: list[str], concurrency: int) -> Cost:
        """Do it for each credential, so many at once."""
        started, cpu = time.perf_counter(), _cpu_seconds()
        await in_parallel(concurrency, names, self._one)
        seconds = time.perf_counter() - started
        await asyncio.gather(*self._told)
        cpu = _cpu_seconds() - cpu
        after = [moment - started for moment in self._written]
        return Cost(seconds, cpu / len(names), percentile(after, 50), percentile(after, 99))

    async def _one(self, name: str) -> None:
        client_id, client_secret = SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
        if self._same:
            data = (await self._api.request("GET", path(self._namespace, "secrets", client_name(name))))["data"]
            client_id, client_secret = (base64.b64decode(data[key]).decode() for key in ("client_id", "client_secret"))
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        http = self._http.pop()
        answer = await http.post(f"{self._endpoint}/ims/token/v3", data={**form, "scope": "openid"})
        self._http.append(http)
        token = answer.raise_for_status().json()["access_token"]
        await self._write_secret(name, token)
        self._written.append(time.perf_counter())
        await self._api.request(
            "PATCH",
            path(self._namespace, PLURAL, name) + "/status",
            _status(name, token),
            content=MERGE_PATCH,
            accept=METADATA if self._same else JSON,
        )
        if self._same and not self._rotation:
            where = f"/apis/events.k8s.io/v1/namespaces/{self._namespace}/events"
            self._told.append(asyncio.create_task(self._api.request("POST", where, _event(self._namespace, name))))

    async def _write_secret(self, name: str, token: str) -> None:
        body, accept = _secret(name, token), METADATA if self._same else JSON
        if self._rotation:
            where = path(self._namespace, "secrets", name)
            await self._api.request("PATCH", where, body, content=MERGE_PATCH, accept=accept)
        else:
            await self._api.request("POST", path(self._namespace, "secrets"), body, accept=accept)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _secret(name: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "annotations": {f"bench/fact-{number}": DIGEST for number in range(13)}},
        "data": {"access_token": base64.b64encode(token.encode()).decode()},
    }


def _status(name: str, token: str) -> dict[str, Any]:
    # The end of the token's digest stands for what differs at each rotation: a patch that changes nothing is no write.
    condition = {
        "status": "True",
        "reason": "Rotated",
        "message": f"Secret {name} holds a valid token {hash(token)}",
        "lastTransitionTime": MOMENT,
        "observedGeneration": 1,
    }
    times = dict.fromkeys(("lastRotationTime", "expirationTime", "nextRotationTime"), MOMENT)
    conditions = [{"type": kind, **condition} for kind in ("Ready", "RotationFailing")]
    return {"status": {"observedGeneration": 1, "secretName": name, "rotations": 1, **times, "conditions": conditions}}


def _event(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": f"{name}-", "namespace": namespace},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "bench/floor",
        "reportingInstance": "floor",
        "action": "Rotate",
        "reason": "Rotated",
        "note": f"Secret {name} holds a valid token; it expires at {MOMENT}",
        "type": "Normal",
        "regarding": {"apiVersion": API_VERSION, "kind": KIND, "name": name, "namespace": namespace},
    }


async def _measure(arguments: argparse.Namespace) -> Cost:
    names = [f"{arguments.prefix}{number}" for number in range(arguments.count)]
    trust = ssl.create_default_context(cafile=arguments.ca)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=arguments.concurrency)
    # One that is shared is what anybody would write; its pool looks at all connections for each request.
    different = arguments.concurrency if arguments.same else 1
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(await Raw.open(arguments.kubeconfig, 2 * arguments.concurrency))
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(verify=trust, limits=limits, trust_env=False, timeout=60))
            for _ in range(different)
        ]
        http = clients * (arguments.concurrency // different)
        floor = Floor(
            api, http, arguments.namespace, arguments.endpoint, rotation=arguments.rotation, same=arguments.same
        )
        return await floor.run(names, arguments.concurrency)


def main() -> None:
    """Run one loop, and write what it took as JSON to stdout."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=main.__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--prefix", required=True, help="credentials are named by it and a number")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--rotation", action="store_true")
    parser.add_argument("--same", action="store_true")
    arguments = parser.parse_args()
    run = uvloop.run if arguments.same else asyncio.run
    print(json.dumps(asdict(run(_measure(arguments)))))


if __name__ == "__main__":
    main()
