"""SIGTERM and SIGINT end the command with 0, from the moment on when its first line ran, however often they come."""

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.api import wait_for
from testbed.operator_process import Operator
from testbed.scene import Scene

BOTH = (signal.SIGTERM, signal.SIGINT)


def catches(operator: Operator, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status)
    # Python itself catches SIGINT from its start, so the handler of SIGTERM tells when ours are there.
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


def signal_until_it_ends(operator: Operator, number: signal.Signals, pause: Callable[[int], float]) -> int:
    """Send a signal again and again, with pauses in seconds in between; the exit code."""
    deadline, count = time.monotonic() + 10, 0
    while operator.process.poll() is None:
        assert time.monotonic() < deadline
        operator.process.send_signal(number)
        time.sleep(pause(count))
        count += 1
    return operator.process.wait(0)


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5, 1.0, 1.5])
def test_a_signal_ends_the_command_with_0(scene: Scene, seconds: float, number: signal.Signals) -> None:
    operator = scene.operator(warm=False)
    wait_for("the first line to have run", lambda: catches(operator, signal.SIGTERM))
    time.sleep(seconds)
    operator.process.send_signal(number)
    assert operator.process.wait(10) == 0


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5, 1.0, 1.5])
def test_signals_without_end_end_the_command_with_0(scene: Scene, seconds: float, number: signal.Signals) -> None:
    operator = scene.operator(warm=False)
    wait_for("the first line to have run", lambda: catches(operator, signal.SIGTERM))
    time.sleep(seconds)
    assert signal_until_it_ends(operator, number, lambda _count: 0.001) == 0, operator.text()
    assert "Traceback" not in operator.text()


@pytest.mark.parametrize("number", BOTH)
def test_later_signals_keep_no_token_from_being_written(scene: Scene, number: signal.Signals) -> None:
    scene.ims.settings(latency=1.5)
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    wait_for("IMS to be asked", lambda: scene.ims.requests().total == 1)
    assert signal_until_it_ends(operator, number, lambda count: 0.3 if count < 4 else 0.01) == 0, operator.text()
    assert scene.data()["access_token"]
