"""Odd answers to what is asked later for a credential: all else goes on, its status says so, and nothing is quoted."""

import pytest

from integration.odd import give_odd_answers
from testbed.scene import Scene

pytestmark = pytest.mark.timeout(300)


def test_odd_answers_to_what_is_asked_later_for_one_credential(scene: Scene) -> None:
    give_odd_answers(scene, [], ["patch", "delete", "workload"])
