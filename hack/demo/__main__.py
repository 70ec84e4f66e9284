"""Shows the operator's main job on a real cluster, as it happens: `make demo`.

This module is the story. On a terminal it goes on until Ctrl-C; elsewhere it ends by itself, and the exit code
says whether all of it was seen. No token is ever shown, only a fingerprint: the start of its SHA-256.
"""

import argparse
import contextlib
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx

from demo.cluster import DemoError, spelled
from demo.person import Interrupted, Screen, Signals
from demo.stage import MANIFEST, Stage, log_of
from demo.view import Log, Report, TokenSecret
from testbed.api import ApiError, wait_for
from testbed.control_plane import ControlPlaneError
from testbed.go_build import BuildError

T = TypeVar("T")

TITLE = "adobe-ims-operator keeps a fresh Adobe IMS token in a Secret: watch it for two minutes"
ROTATIONS = 3
LATE_SECONDS = 20.0
"""How long after it was due a rotation may be seen on a slow machine."""
QUIET_SECONDS = 3.0
LOG_LINES = 20
FAILURES = (
    DemoError,
    AssertionError,  # of wait_for: time is up
    ApiError,
    BuildError,
    ControlPlaneError,
    RuntimeError,  # of StandIn
    OSError,
    httpx.HTTPError,
    subprocess.SubprocessError,
)


class Demo:
    """The story, told once."""

    def __init__(self, screen: Screen, signals: Signals, stage: Stage) -> None:
        self._screen = screen
        self._signals = signals
        self._stage = stage
        self._tokens: list[tuple[float, TokenSecret]] = []
        self._facts: dict[str, str] = {}

    def play(self) -> None:
        """Show it from begin to end."""
        self._expect_log(0)
        self._show_first_token()
        self._show_rotations()
        self._show_restart()
        self._go_on()

    def _show_first_token(self) -> None:
        self._screen.heading("2. A credential is applied, and a token appears")
        applied = time.monotonic()
        self._kubectl("apply", "--server-side", "-f", str(MANIFEST))
        token = self._wait("a token of this IMS in the Secret", self._look_for_token, 30)
        seconds = self._note(token) - applied
        self._settle()
        self._screen.good(
            f"The token is in Secret {self._stage.sample.secret} {seconds:.2f} s after the command began."
        )
        self._facts["from apply to Secret"] = f"{seconds:.2f} s, kubectl's own time included"
        self._kubectl("get", "imscred")
        self._show_secret(token)

    def _show_secret(self, token: TokenSecret) -> None:
        self._screen.say(f"What pods can mount, Secret {self._stage.sample.secret}:")
        self._screen.facts({f"  {key}": f"{size} bytes" for key, size in token.sizes.items()})
        self._screen.say(f"The token's fingerprint is {token.fingerprint}; the token itself is not shown here.")

    def _show_rotations(self) -> None:
        self._screen.heading("3. A new token, each time before the old one expires")
        self._screen.say(
            "Adobe's tokens live 24 h and are replaced after 23 h; these live 30 s, and are due after 20 s, as is "
            "the rule below three hours, counted from the start of the second in which they were asked for."
        )
        for _ in range(ROTATIONS):
            self._show_scheduled_rotation()
        self._kubectl("get", "imscred")

    def _show_scheduled_rotation(self) -> None:
        report = self._settle()
        if not self._screen.live:
            self._screen.say(f"{_plan(report).capitalize()} ...")
        self._show_rotation(_seconds_until(report) + LATE_SECONDS)
        asked, tokens = self._stage.ims.requests().total, len(self._tokens)
        if asked != tokens:
            raise DemoError(f"IMS was asked for {asked} tokens, but only {tokens} were seen in the Secret")

    def _show_rotation(self, seconds: float) -> None:
        before, old = self._tokens[-1]
        new = self._wait("the next rotation", lambda: self._look_for_another(old), seconds)
        spare = (old.expires_at - datetime.now(UTC)).total_seconds()
        at = self._note(new)
        self._pass(0.3)  # for the operator's own words to come first
        validity = f"{spare:.1f} s before the old one expired" if spare > 0 else f"{-spare:.1f} s after it had expired"
        self._screen.good(
            f"Rotation {len(self._tokens) - 1}: token {old.fingerprint} -> {new.fingerprint}, "
            f"{at - before:.1f} s after the last one, {validity}."
        )

    def _look_for_another(self, old: TokenSecret) -> TokenSecret | None:
        time.sleep(0.15)
        self._screen.wait(_plan(self._stage.view.report()))
        token = self._look_for_token()
        return token if token is not None and token.digest != old.digest else None

    def _look_for_token(self) -> TokenSecret | None:
        token = self._stage.view.secret()
        return token if token is not None and token.digest in self._stage.ims.tokens() else None

    def _show_restart(self) -> None:
        self._screen.heading("4. The operator is killed, and starts again")
        self._settle()
        before = self._traces()
        self._kill_and_start()
        self._pass(QUIET_SECONDS)
        after = self._traces()
        self._screen.facts({name: f"{before[name]} before, {after[name]} after" for name in before})
        if after != before:
            raise DemoError("the restart left a trace, where it should not have")
        self._screen.good("It asked for no token and wrote nothing, since nothing was due.")
        self._facts["restart"] = "no token asked for, nothing written"

    def _kill_and_start(self) -> None:
        operator, log = self._stage.operator, self._stage.log
        self._screen.say(
            f"Process {operator.process.pid} gets SIGKILL, as when memory runs out. The Secret stays, so pods go on."
        )
        with self._signals.held():
            operator.kill()
            self._show_log()
            shown = log.shown
            operator.start()
        self._screen.say(f"It starts again, as process {operator.process.pid}. What it does in its first seconds:")
        self._expect_log(shown)

    def _traces(self) -> dict[str, str]:
        """All that would tell of work done for the credential."""
        token, report = self._stage.view.secret(), self._stage.view.report()
        return {
            "tokens asked of IMS": str(self._stage.ims.requests().total),
            "resourceVersion of the Secret": token.version if token else "none",
            "resourceVersion of the credential": report.version if report else "none",
        }

    def _go_on(self) -> None:
        if not self._screen.live:
            self._screen.heading("5. The restarted operator rotates on time")
            self._show_scheduled_rotation()
            return
        self._screen.heading("5. It goes on until you press Ctrl-C")
        self._suggest()
        with contextlib.suppress(Interrupted):
            while True:
                self._show_rotation(math.inf)

    def _suggest(self) -> None:
        kubectl, name = self._stage.kubectl, self._stage.sample.credential
        command = f"{kubectl.spelled} -n {self._stage.cluster.namespace}"
        self._screen.say("Meanwhile, in another terminal: look on, ask for a rotation, delete the token Secret.")
        if kubectl.kubeconfig:
            self._screen.command(f"export KUBECONFIG={kubectl.kubeconfig}")
        self._screen.command(f"{command} get imscred --watch")
        self._screen.command(f'{command} annotate imscred {name} adobe-ims.dev/rotate="$(date)" --overwrite')
        self._screen.command(f"{command} delete secret {self._stage.sample.secret}")

    def summary(self) -> dict[str, str]:
        """What was shown, in figures."""
        gaps = [after - before for (before, _), (after, _) in zip(self._tokens, self._tokens[1:], strict=False)]
        rotations = f"{len(gaps)}, from {min(gaps):.1f} to {max(gaps):.1f} s apart"
        asked = f"{self._stage.ims.requests().total}, for the first token and {len(gaps)} rotations"
        return {"rotations": rotations, "tokens asked of IMS": asked, **self._facts}

    def _kubectl(self, *arguments: str) -> None:
        arguments = (*arguments, "-n", self._stage.cluster.namespace)
        self._screen.command(spelled(arguments), self._stage.kubectl.run(*arguments))

    def _note(self, token: TokenSecret) -> float:
        """Keep a token that was seen just now; the moment, on the monotonic clock."""
        self._tokens.append((time.monotonic(), token))
        return self._tokens[-1][0]

    def _settle(self) -> Report:
        """Wait until the status tells of the token that was seen last."""
        _, token = self._tokens[-1]

        def told() -> Report | None:
            report = self._stage.view.report()
            return report if report is not None and report.rotations == token.rotations else None

        return self._wait("the credential's status to tell of the token", told, 10)

    def _wait(self, describe: str, probe: Callable[[], T | None], seconds: float) -> T:
        def look() -> T | None:
            self._signals.raise_noted()
            self._show_log()
            code = self._stage.operator.process.poll()
            if code is not None:
                raise DemoError(f"the operator ended with exit code {code}")
            return probe()

        return wait_for(describe, look, seconds)

    def _pass(self, seconds: float) -> None:
        """Let time pass, and look on."""
        end = time.monotonic() + seconds
        self._wait("time to pass", lambda: time.monotonic() > end, seconds + 5)

    def _expect_log(self, since: int) -> None:
        """Wait until the operator, which was started just now, has logged more than it had at `since`."""
        self._wait("the operator to log that it runs", lambda: self._stage.log.shown > since, 20)

    def _show_log(self) -> None:
        for line in self._stage.log.new_lines():
            self._screen.log(line)


def main() -> int:
    """Run the demo; the exit code is 0 only if all was seen and nothing was left behind."""
    parser = argparse.ArgumentParser(prog="make demo", description="Show the operator's main job as it happens.")
    parser.add_argument("--context", metavar="NAME", help="of your kubeconfig; default: start a control plane here")
    context: str | None = parser.parse_args().context
    started, screen = time.monotonic(), Screen()
    try:
        with ExitStack() as traces:
            code, summary = _play(screen, traces, context)
            if screen.begun:
                screen.heading("Tidying up")
                screen.wait("stopping all that was started ...")
        if screen.begun:
            screen.say("Stopped all that was started, and removed its files.")
    except FAILURES as error:
        screen.bad(f"  Not all of it: {error}")
        return 1
    if code == 0:
        screen.heading("What was shown")
        screen.facts({**summary, "time in all": f"{time.monotonic() - started:.0f} s"})
    elif code > 1:
        screen.bad("Stopped before the end.")
    return code


def _play(screen: Screen, traces: ExitStack, context: str | None) -> tuple[int, dict[str, str]]:
    """Set the stage and tell the story: an exit code, and what was shown."""
    folder = Path(traces.enter_context(tempfile.TemporaryDirectory(prefix="adobe-ims-demo-")))
    signals = Signals()
    try:
        signals.arm()
        screen.title(TITLE)
        demo = Demo(screen, signals, Stage(screen, signals, traces, folder, context))
        demo.play()
        return 0, demo.summary()
    except Interrupted as stop:
        return stop.exit_code, {}
    except FAILURES as error:
        _explain(screen, error, Log(log_of(folder)))
        return 1, {}
    finally:
        signals.disarm()


def _explain(screen: Screen, error: Exception, log: Log) -> None:
    screen.bad(f"\nFailed: {error}")
    if end := log.end(LOG_LINES):
        screen.say("The end of the operator's log:")
        for line in end:
            screen.log(line)


def _plan(report: Report | None) -> str:
    if report is None or report.next_rotation is None:
        return "no rotation is planned"
    return f"next rotation in {_seconds_until(report):.0f} s"


def _seconds_until(report: Report) -> float:
    """How far the next rotation lies ahead; 0 if it is overdue or none is planned."""
    return max(0.0, (report.next_rotation - datetime.now(UTC)).total_seconds()) if report.next_rotation else 0.0


if __name__ == "__main__":
    sys.exit(main())
