"""A person suspends, resumes and replaces a client secret with the lines of the how-to page."""

import re

from integration.person import typed
from integration.replacing import HOUR, Replacing
from testbed.binaries import REPOSITORY

PAGE = REPOSITORY / "docs" / "how-to" / "replace-client-secret.md"


def type_line(replacing: Replacing, words: str) -> None:
    """Type the one line of the page that has these words, in the namespace of the test."""
    lines = re.findall(rf"^ {{4,}}kubectl (.*{re.escape(words)}.*)$", PAGE.read_text(), re.MULTILINE)
    (line,) = lines
    typed(replacing.scene.control_plane, f"kubectl --namespace {replacing.scene.namespace} {line}")


def test_the_lines_of_the_page_do_what_it_says(replacing: Replacing) -> None:
    replacing.begin()
    type_line(replacing, '"suspend": true')
    replacing.wait("Ready", "True", "Suspended")
    type_line(replacing, '"suspend": false')
    replacing.wait("Ready", "True", "InPlace")
    type_line(replacing, "adobe-ims.dev/rotate=")
    replacing.pass_time(2 * HOUR)
    replacing.wait_phase("Proving")
