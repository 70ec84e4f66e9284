"""`make demo-client-secrets` shows what docs/stand-in.md says that it shows."""

import os
import subprocess
import sys

import pytest

from testbed.binaries import REPOSITORY


@pytest.mark.timeout(300)
def test_a_hundred_days_pass_and_the_client_secret_is_another() -> None:
    path = os.pathsep.join(str(REPOSITORY / name) for name in ("operator", "hack", "."))
    done = subprocess.run(
        [sys.executable, "-m", "demo.client_secrets"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (REPOSITORY / "docs" / "stand-in.md").read_text()
    section = page.partition("## See a client secret replaced\n")[2].partition("\n## ")[0]
    told = [line.strip() for line in done.stdout.splitlines()]
    headings = [line.strip() for line in section.splitlines() if line.startswith("    ") and line[4:5].isdigit()]
    shown = [line.strip() for line in section.splitlines() if line.strip().startswith(("Keys of Secret", "At Adobe"))]
    assert len(headings) == 4
    assert len(shown) == 5
    assert [line for line in told if line in headings + shown] == [
        line.strip() for line in section.splitlines() if line.strip() in headings + shown
    ]
