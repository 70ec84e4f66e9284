"""The command `rotate`: asks for new tokens now, and waits for them with `--wait`."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter

import click

from adobe_ims_operator.api.resource import (
    JSON,
    ROTATE_ANNOTATION,
    Credential,
    Key,
    MalformedResourceError,
    parse_credential,
)
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.cli.choose import Choice, choice_options, choose, key_of
from adobe_ims_operator.cli.cluster import (
    FAILED,
    NOT_WELL,
    TIMED_OUT,
    Cluster,
    connected,
    program,
    run,
)
from adobe_ims_operator.cli.durations import Duration
from adobe_ims_operator.cli.follow import Follower
from adobe_ims_operator.cli.output import output_option, print_document, say, short
from adobe_ims_operator.core.explain import check_the_operator
from adobe_ims_operator.core.rotate_request import State, progress, why_not_to_ask
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.paths import credentials_path

PACE = timedelta(seconds=1)
"""Between two requests, where --over says nothing: Adobe throttles who asks for many tokens at once."""
PATIENCE = timedelta(minutes=5)
LOOK_SECONDS = 0.5
"""Between two looks at what the watch has shown: some verdicts take no change, but time."""


@dataclass(slots=True)
class _Request:
    key: Key
    value: str = ""
    asked: Credential | None = None
    """The credential as it was when it was asked for."""
    asked_at: float = 0.0
    state: State = State.WAITING
    message: str = ""

    @property
    def open(self) -> bool:
        return self.state is State.WAITING

    def document(self) -> dict[str, str | None]:
        return {
            "namespace": self.key.namespace,
            "name": self.key.name,
            "request": self.value or None,
            "state": str(self.state),
            "message": self.message or None,
        }


@click.command()
@choice_options
@click.option("--over", type=Duration(), help="Spread the requests over so much time.  [default: 1s for each]")
@click.option("--wait", is_flag=True, help="Wait until each request was answered, or its attempt failed.")
@click.option(
    "--timeout", type=Duration(), help="How long to --wait after the last request.  [default: 5m]",
)  # fmt: skip
@output_option
def rotate(choice: Choice, over: timedelta | None, wait: bool, timeout: timedelta | None, output: str) -> None:
    """Ask for new tokens now: of NAMES, of those with labels, or of all.

    With --wait it exits with 3 where an attempt failed, and with 4 where no answer came in time.
    Without NAMES it skips what is suspended, and what takes the token of another credential.
    """
    if timeout is not None and not wait:
        raise click.UsageError("--timeout goes with --wait")
    seconds = (timeout or PATIENCE).total_seconds()
    requests: list[_Request] = []

    async def work() -> None:
        async with connected(choice.access) as cluster:
            chosen = _in_turns(await choose(cluster, choice, "Rotate", partial(_request, named=bool(choice.names))))
            pause = (over / max(len(chosen) - 1, 1) if over is not None else PACE).total_seconds()
            if len(chosen) > 1:
                total = short(timedelta(seconds=pause * (len(chosen) - 1)))
                click.echo(f"asking for {len(chosen)} rotations over {total}", err=True)
            for number, request in enumerate(chosen):
                requests.append(request)
                if request.open:
                    await _ask(cluster, request, pause if number else 0)
            if wait:
                await _wait(cluster, [each for each in requests if each.open], seconds)

    try:
        run(work)
    except SystemExit:
        # What was asked for is asked for, although the command ends before its time.
        if requests:
            _show([each for each in requests if each.value or not each.open], output, waited=False)
        raise
    _show(requests, output, waited=wait)
    code = _exit_code(requests, waited=wait)
    if code:
        raise SystemExit(code)


def _in_turns(requests: Iterable[_Request]) -> list[_Request]:
    """One of each namespace after the other, so that thousands in one do not hold up another for hours."""
    before: Counter[str] = Counter()
    rounds: list[tuple[int, _Request]] = []
    for request in requests:
        rounds.append((before[request.key.namespace], request))
        before[request.key.namespace] += 1
    return [request for _, request in sorted(rounds, key=itemgetter(0))]


def _request(body: JSON, *, named: bool) -> _Request:
    request = _Request(key_of(body))
    try:
        request.message = why_not_to_ask(parse_credential(body), program())
        if request.message:
            request.state = State.NOT_REQUESTED if named else State.SKIPPED
    except MalformedResourceError as error:
        request.state, request.message = State.NOT_REQUESTED, str(error)
    return request


async def _ask(cluster: Cluster, request: _Request, pause: float) -> None:
    await asyncio.sleep(pause)
    value = f"{to_rfc3339(datetime.now(UTC))}-{secrets.token_hex(4)}"
    patch = {"metadata": {"annotations": {ROTATE_ANNOTATION: value}}}
    # Told before it is sent: Ctrl-C can come between the change and its answer.
    request.value, request.message = value, "the API server had not answered yet"
    try:
        body = await cluster.kube.patch(credentials_path(*request.key), patch)
        request.message, request.asked_at = "", time.monotonic()
        request.asked = parse_credential(body)
    except ApiError as error:
        request.value = ""
        request.state, request.message = State.NOT_REQUESTED, f"it could not be changed ({error.answer})"
    except MalformedResourceError as error:
        request.state, request.message = State.FAILED, str(error)


async def _wait(cluster: Cluster, requests: Sequence[_Request], seconds: float) -> None:
    asked = {each.key: each.asked for each in requests if each.asked is not None}
    if not asked:
        return
    since = min(each.version for each in asked.values())
    follower = Follower[Credential | MalformedResourceError](cluster.kube, asked, since, _read)
    watching = asyncio.create_task(follower.run())
    deadline = time.monotonic() + seconds
    try:
        while any(each.open for each in requests) and time.monotonic() < deadline:
            await asyncio.wait([watching], timeout=LOOK_SECONDS)
            if watching.done():
                watching.result()
            for request in requests:
                if request.open and request.asked is not None:
                    _look(request, request.asked, follower.found[request.key])
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    for request in requests:
        if request.open:
            request.message = follower.problem or f"no answer in {seconds:g} s; {check_the_operator(program())}"


def _read(body: JSON) -> Credential | MalformedResourceError:
    try:
        return parse_credential(body)
    except MalformedResourceError as error:
        return error


def _look(request: _Request, asked: Credential, found: Credential | MalformedResourceError | None) -> None:
    if found is None:
        request.state, request.message = State.FAILED, "it was deleted"
        return
    if isinstance(found, MalformedResourceError):
        request.state, request.message = State.FAILED, str(found)
        return
    waited = timedelta(seconds=time.monotonic() - request.asked_at)
    now = progress(found, request.value, asked.status, waited, program())
    request.state, request.message = now.state, now.message


def _show(requests: Sequence[_Request], output: str, *, waited: bool) -> None:
    if output != "table":
        print_document({"requests": [each.document() for each in requests]}, output)
        return
    if not requests:
        click.echo("No credentials found.", err=True)
    for each in requests:
        done = "rotation requested" if each.open and not waited else str(each.state)
        say(f"{each.key}: {done}" + (f": {each.message}" if each.message else ""))


def _exit_code(requests: Sequence[_Request], *, waited: bool) -> int:
    if any(each.state in (State.FAILED, State.SUPERSEDED) for each in requests):
        return NOT_WELL
    if any(each.state is State.NOT_REQUESTED for each in requests):
        return FAILED
    return TIMED_OUT if waited and any(each.open for each in requests) else 0
