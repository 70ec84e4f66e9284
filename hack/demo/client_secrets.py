"""Shows a client secret replaced, a hundred days in a minute: `make demo-client-secrets`.

The clocks of the stand-in and of the operator are moved together. They begin in the past, and the story ends about now,
so that ages which kubectl counts by the clock of this machine are right at the end. No value is ever shown.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.cluster import Cluster, DemoError, kubectl_on, spelled
from demo.person import Interrupted, Screen, Signals
from testbed.api import Api, wait_for
from testbed.binaries import REPOSITORY, api_server
from testbed.control_plane import ControlPlane, apply_crds
from testbed.operator_process import Operator
from testbed.stand_in import SAMPLE, StandIn

SAMPLES = REPOSITORY / "deploy" / "samples"
MANIFESTS = ("client-secret.yaml", "replaced-client-secret.yaml")
CRDS = REPOSITORY / "charts" / "adobe-ims-operator" / "files" / "crds"
MINUTE, DAY = 60, 86400
BEGIN = -98 * DAY - 30 * MINUTE
"""Where the clocks begin, in seconds ahead of this machine's."""
INTERVAL, OVERLAP = 90, 7
"""Days: the defaults of the kind."""
LOG_LINES = 20
SECONDS = 20.0
"""How long each step may take on a slow machine."""


class Story:
    """The stage, and what happens on it."""

    def __init__(self, screen: Screen, signals: Signals, traces: ExitStack, folder: Path) -> None:
        self._screen = screen
        self._signals = signals
        self._folder = folder
        self._clock = folder / "clock"
        self._ahead: float = BEGIN
        self._wakes = 0
        screen.heading("1. A cluster, an Adobe and the operator")
        screen.wait("starting etcd and kube-apiserver ...")
        plane = ControlPlane(folder / "control-plane", binaries=api_server())
        traces.push(plane)
        plane.start()
        apply_crds(plane.kubeconfig, CRDS)
        self._cluster = Cluster(kubectl_on(plane, folder / "cache"))
        self._cluster.create_namespace()
        account = self._cluster.create_account(folder)
        self._api = traces.enter_context(Api.from_kubeconfig(plane.kubeconfig))
        self._path = (
            f"/apis/adobe-ims.dev/v1alpha1/namespaces/{self._cluster.namespace}/adobeimsclientsecrets/lightroom"
        )
        self._ims = StandIn(folder / "ims")
        traces.push(self._ims)
        with signals.held():
            self._ims.start()
        self._ims.settings(clock_offset=self._ahead)
        for clients in ({}, SAMPLE):
            self._ims.clients(clients)  # made again, by that clock
        self._set_clock()
        flags = ["--endpoint", self._ims.url, "--client-secrets", "--console-endpoint", self._ims.url]
        more = ["--namespace", self._cluster.namespace, "--ims-ca-file", str(self._ims.ca), "--log-format", "text"]
        proxies = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self._operator = Operator(account, folder / "operator.log", [*flags, *more], proxies, self._clock)
        traces.push(self._operator)
        with signals.held():
            self._operator.start()
        screen.say(f"Kubernetes: a real API server on {plane.url}. Adobe: a stand-in on {self._ims.url}.")
        screen.command(f"adobe-ims-operator run {' '.join(flags)} ...")
        screen.say(
            "kubectl counts ages by this machine's clock: they are right at the end, when the clocks show today."
        )

    def play(self) -> None:
        """Show it from begin to end."""
        self._screen.heading("2. The client is taken over from the Secret that a person made")
        for name in MANIFESTS:
            self._kubectl("apply", "-f", str(SAMPLES / name))
        self._wait("the client to be taken over", lambda: self._reason() == "InPlace")
        self._show()
        self._screen.heading(f"3. {INTERVAL} days pass: it is due, and a second client secret is added")
        self._pass_time(INTERVAL * DAY)
        self._wait("a client secret to be added", lambda: "client_secret_next" in self._keys())
        self._wait("IMS to accept it", lambda: self._reason() == "Proving")
        self._show()
        self._screen.heading("4. Eleven minutes pass: IMS accepts it twice, so it is put in place; both work")
        # What asks IMS first may come a moment after the status; only then do the ten minutes begin.
        for _ in range(3):
            if "client_secret_previous" in self._keys():
                break
            self._wait_a_moment()
            self._pass_time(11 * MINUTE)
            self._wait_a_moment()
        self._wait("it to be put in place", lambda: "client_secret_previous" in self._keys())
        self._wait("the status to say so", lambda: self._reason() == "Draining")
        self._show()
        self._screen.heading(f"5. Nobody uses the old one for {OVERLAP} days and one more: it is deleted")
        self._drain()
        self._show()
        self._kubectl("get", "imscred")
        known = self._ims.client_secrets()
        self._screen.good(f"At Adobe: {len(known.current)} client secret, {len(known.deleted)} deleted.")

    def _drain(self) -> None:
        for day in range(1, 15):
            self._pass_time(DAY)
            self._wait_a_moment()
            reason = self._reason()
            self._screen.say(f"day {day}: {reason}")
            if reason == "InPlace":
                return
        raise DemoError("the old client secret was not deleted in two weeks")

    def _show(self) -> None:
        shown = datetime.now(UTC) + timedelta(seconds=self._ahead)
        self._screen.say(f"The clocks show {shown:%Y-%m-%d %H:%M}.")
        self._kubectl("get", "imsclientsecret")
        self._screen.say(f"Keys of Secret lightroom-client: {', '.join(self._keys())}")

    def _pass_time(self, seconds: float) -> None:
        """Move both clocks. Who sleeps does not see that, so the objects are changed, which wakes the operator."""
        self._ahead += seconds
        self._ims.settings(clock_offset=self._ahead)
        self._set_clock()
        self._wakes += 1
        woken = ("label", "imsclientsecret,imscred", "--all", f"woken={self._wakes}", "--overwrite")
        self._cluster.kubectl.run(*woken, "-n", self._cluster.namespace)

    def _set_clock(self) -> None:
        written = self._clock.with_suffix(".new")
        written.write_text(str(self._ahead))
        written.rename(self._clock)

    def _reason(self) -> str:
        status: dict[str, Any] = self._api.get(self._path).get("status", {})
        return str(status.get("reason", ""))

    def _keys(self) -> list[str]:
        path = f"/api/v1/namespaces/{self._cluster.namespace}/secrets/lightroom-client"
        return sorted((self._api.get_or_none(path) or {}).get("data", {}))

    def _kubectl(self, *arguments: str) -> None:
        arguments = (*arguments, "-n", self._cluster.namespace)
        self._screen.command(spelled(arguments), self._cluster.kubectl.run(*arguments))

    def _wait(self, describe: str, probe: Callable[[], bool]) -> None:
        def look() -> bool:
            self._signals.raise_noted()
            if (code := self._operator.process.poll()) is not None:
                raise DemoError(f"the operator ended with exit code {code}:\n{self._log_end()}")
            return probe()

        try:
            wait_for(describe, look, SECONDS)
        except AssertionError as error:
            raise DemoError(f"{error}\nThe end of the operator's log:\n{self._log_end()}") from None

    def _log_end(self) -> str:
        return "\n".join(self._operator.text().splitlines()[-LOG_LINES:])

    def _wait_a_moment(self) -> None:
        end = time.monotonic() + 2
        self._wait("time to pass", lambda: time.monotonic() > end)


def main() -> int:
    """Run it; the exit code is 0 only if all was seen."""
    started, screen, signals = time.monotonic(), Screen(), Signals()
    with ExitStack() as traces:
        folder = Path(traces.enter_context(tempfile.TemporaryDirectory(prefix="adobe-ims-demo-")))
        try:
            signals.arm()
            screen.title("adobe-ims-operator replaces a client secret: watch a hundred days in a minute")
            Story(screen, signals, traces, folder).play()
        except Interrupted as stop:
            return stop.exit_code
        except (DemoError, AssertionError, RuntimeError, OSError) as error:
            screen.bad(f"  Not all of it: {error}")
            return 1
        finally:
            signals.disarm()
    screen.say(f"Stopped all that was started, after {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
