"""The version stands in one place, and one command changes all that names it."""

import shutil
from pathlib import Path

import pytest

import version
from testbed.binaries import REPOSITORY


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """All files that name the version, to change."""
    for name in (*version.PLACES, "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def test_all_that_names_the_version_names_the_projects() -> None:
    assert all(found == {version.current()} for found in version.named().values())


@pytest.mark.parametrize("new", ["7.8.9", "7.8.9-rc.1"])
def test_a_new_version_is_in_all_of_them_at_once(copy: Path, new: str) -> None:
    version.write(new, copy)
    assert all(found == {new} for found in version.named(copy).values())
    assert version.current(copy) == new
    told = (copy / "CHANGELOG.md").read_text()
    assert "AdobeIMSCredential" in version.notes(new, told)


def test_a_version_that_the_changelog_does_not_know_is_not_released() -> None:
    with pytest.raises(SystemExit, match="make version NEW=9"):
        version.notes("9.9.9", "## Unreleased\n\n- more\n")
    assert version.notes("1.0.0", "## 1.0.0 - 2026-01-01\n\n- one\n\n## 0.9.0 - 2025-01-01\n\n- nine\n") == "- one\n"
