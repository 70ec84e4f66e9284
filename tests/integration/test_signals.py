"""SIGTERM and SIGINT end the command with 0, from the moment on when its first line ran."""

import re
import signal
import time
from pathlib import Path

import pytest

from testbed.api import wait_for
from testbed.operator_process import Operator
from testbed.scene import Scene


def catches(operator: Operator, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status)
    # Python itself catches SIGINT from its start, so the handler of SIGTERM tells when ours are there.
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5, 1.0, 1.5])
def test_a_signal_ends_the_command_with_0(scene: Scene, seconds: float, number: signal.Signals) -> None:
    operator = scene.operator()
    wait_for("the first line to have run", lambda: catches(operator, signal.SIGTERM))
    time.sleep(seconds)
    operator.process.send_signal(number)
    assert operator.process.wait(10) == 0
