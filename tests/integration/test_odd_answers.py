"""Odd answers to what is asked at first for a credential: all else goes on, its status says so, nothing is quoted."""

import pytest

from integration.odd import give_odd_answers
from testbed.scene import Scene

pytestmark = pytest.mark.timeout(300)


def test_odd_answers_to_what_is_asked_at_first_for_one_credential(scene: Scene) -> None:
    give_odd_answers(scene, ["get", "post", "status", "event"])
