"""The image, built once and unpacked once."""

import os
from pathlib import Path

import pytest

from testbed import image
from testbed.image_root import Image


@pytest.fixture(scope="session")
def archive() -> Path:
    try:
        return image.build()
    except image.ImageError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the image can't be built here: {error}")


@pytest.fixture(scope="session")
def the_image(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(archive, tmp_path_factory.mktemp("image"))
