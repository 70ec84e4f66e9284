"""What holds after odd answers of the API server, and the proxy that gives them."""

import json

from testbed.odd_api import CANARY
from testbed.operator_process import Operator
from testbed.scene import Scene


def says_no_more_than_it_should(scene: Scene, operator: Operator) -> None:
    assert operator.process.poll() is None
    for text in ("Traceback", "a defect of the operator", CANARY):
        assert text not in operator.text()
    for path in (scene.path("").rstrip("/"), f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events"):
        assert CANARY not in json.dumps(scene.api.get(path))
