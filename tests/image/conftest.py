"""The images, built once and unpacked once."""

import os
from pathlib import Path

import pytest

from testbed import image
from testbed.image_root import Image


def archive(name: str) -> Path:
    try:
        return image.build(name)
    except image.ImageError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the image can't be built here: {error}")


@pytest.fixture(scope="session")
def the_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(archive(image.NAME), tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def the_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of the stand-in."""
    return Image(archive(image.STAND_IN), tmp_path_factory.mktemp("stand-in"))
