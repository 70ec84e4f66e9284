"""What the process holds for good costs no look for cycles, and what comes and goes a few."""

import subprocess
import sys

PROGRAM = """
import gc
from adobe_ims_operator.manager.garbage import spare_the_collector
kept = [[number] for number in range(100_000)]
spare_the_collector()
looks = []
gc.callbacks.append(lambda phase, info: looks.append(info.get("collected", 0)))
for number in range(10_000):
    cycle = [number]
    cycle.append(cycle)
print(len(kept), gc.get_freeze_count() > 100_000, sum(looks) // 1000, len(looks) // 2)
"""


def test_what_is_there_at_the_start_is_passed_over_and_cycles_are_still_found() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    kept, frozen, thousands_found, looks = run.stdout.split()
    assert (kept, frozen) == ("100000", "True")
    assert int(thousands_found) >= 4
    assert 1 <= int(looks) <= 4
