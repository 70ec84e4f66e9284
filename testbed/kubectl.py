"""The kubectl that is on this machine already, which saves building one. It needs no package, as `binaries`."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

OLDEST_MINOR = 24
"""The first with `create token` (Kubernetes, CHANGELOG-1.24.md)."""


@cache
def kubectl_on_path() -> Path | None:
    """Return kubectl of PATH, or None where there is none, or none that is new enough."""
    found = shutil.which("kubectl")
    if found is None:
        return None
    asked = subprocess.run([found, "version", "--client", "--output=json"], capture_output=True, text=True, check=False)
    try:
        minor = int(json.loads(asked.stdout)["clientVersion"]["minor"].rstrip("+"))
    except (ValueError, KeyError):
        return None
    return Path(found) if minor >= OLDEST_MINOR else None
