"""Of several replicas only the one that holds the Lease adds or deletes a client secret."""

import signal

import pytest

from integration.replacing import DAY, PATIENCE, Replacing
from testbed.api import wait_for
from testbed.operator_process import Operator


def replica(replacing: Replacing, name: str) -> Operator:
    return replacing.scene.replica(name, *replacing.flags(), clock=replacing.clocks.file)


def leading(operator: Operator) -> bool:
    return "leading as" in operator.text()


def lead(replacing: Replacing) -> tuple[Operator, Operator]:
    """Start two replicas; the one that leads, and the other."""
    replacing.scene.client_secret()
    first = replica(replacing, "first")
    wait_for("the first to lead", lambda: leading(first), PATIENCE)
    second = replica(replacing, "second")
    wait_for("the second to stand by", lambda: " leads" in second.text(), PATIENCE)
    replacing.apply(overlap="48h")
    replacing.wait("Ready", "True", "InPlace")
    replacing.make_certain()
    return first, second


def test_the_leader_alone_replaces_and_the_next_one_goes_on(replacing: Replacing) -> None:
    first, second = lead(replacing)
    replacing.add()
    replacing.wait_phase("Proving")
    first.kill()
    replacing.prove()
    assert "wrote Secret" not in second.text().partition("leading as")[0]
    replacing.drain()
    assert (replacing.done("add"), replacing.done("delete")) == (1, 1)
    replacing.check()


@pytest.mark.parametrize("deed", ["add", "delete"])
def test_a_leader_that_was_frozen_before_its_deed_does_nothing_when_it_wakes(replacing: Replacing, deed: str) -> None:
    first, second = lead(replacing)
    if deed == "delete":
        replacing.replace()
        replacing.live(5)
    seen = replacing.asked()
    replacing.scene.rules({"request": "list", "behaviour": "slow", "seconds": 4})
    if deed == "add":
        replacing.add()
    else:
        replacing.pass_time(DAY)
    wait_for("the leader to list", lambda: replacing.asked() > seen, PATIENCE)
    first.process.send_signal(signal.SIGSTOP)
    assert replacing.done(deed) == 0
    replacing.scene.ims.clear_rules()
    wait_for("the other to lead", lambda: leading(second), PATIENCE)
    replacing.settle("the deed", lambda: replacing.done(deed) == 1, 1 if deed == "add" else 11)
    first.process.send_signal(signal.SIGCONT)
    wait_for("the first to stand by", lambda: " leads" in first.text().rpartition("leading as")[2], PATIENCE)
    for _ in range(3):
        replacing.pass_time(1)
    assert (replacing.asked(deed), replacing.done(deed)) == (1, 1)
    replacing.check()
