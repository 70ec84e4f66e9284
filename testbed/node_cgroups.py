"""The control groups that a node's pods are put below, for either version of them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# The same each time: what a killed run left behind is found by the next.
NAME = "adobe-ims-operator-node"


def create() -> None:
    """Make the groups once more."""
    remove()
    for hierarchy in _hierarchies():
        group = hierarchy / NAME
        if (hierarchy / "cgroup.subtree_control").exists():  # version 2
            available = (hierarchy / "cgroup.controllers").read_text().split()
            (hierarchy / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in available))
        group.mkdir()
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # Version 1 takes no process into a group that was not told these.
            if (hierarchy / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())


def remove() -> None:
    """Remove the groups that nothing runs in any more."""
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / NAME, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _hierarchies() -> Iterator[Path]:
    """Yield where control groups are mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[fields.index("-") + 1] in {"cgroup", "cgroup2"}:
            yield Path(fields[4])
