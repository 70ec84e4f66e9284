"""The pages send nobody to a package of the project's name that somebody else may have registered."""

import re
from pathlib import Path

import pytest

from testbed.binaries import REPOSITORY

FROM_AN_INDEX = re.compile(r"\b(?:pipx?|uv|uvx)\b[^\n]*\b(?:install|run|add) [^\n]*(?<![/\w])adobe-ims(?![^\n]*\.whl)")
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "charts/**/*.md", "deploy/**/*.md", "charts/**/NOTES.txt")
    for path in sorted(REPOSITORY.glob(pattern))
]


@pytest.mark.parametrize("claim", ["pip install adobe-ims-operator", "pip install --user adobe-ims-stand-in"])
def test_a_package_from_an_index_is_found(claim: str) -> None:
    assert FROM_AN_INDEX.search(claim)


def test_a_wheel_by_its_path_is_none() -> None:
    assert not FROM_AN_INDEX.search("pip install ./adobe_ims_operator-0.1.0-py3-none-any.whl")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_page_says_that_something_is_published(page: Path) -> None:
    text = page.read_text()
    assert not FROM_AN_INDEX.search(text)
    said = [line for line in text.splitlines() if "is published" in line]
    assert all("No release is published yet" in line for line in said), said
