"""The real API server takes what is told of a defect, and an operator without the defect takes it back."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from adobe_ims_operator.api.client_secret import parse_client_secret
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import parse_credential
from adobe_ims_operator.api.status import ROTATION_FAILING
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.controller.defects import DefectReport
from adobe_ims_operator.controller.replacement import defects as of_client_secrets
from adobe_ims_operator.core import defect
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.event_recorder import Recorder
from integration.replacing import Replacing
from testbed.scene import UNREPORTED, Scene

FOUND = defect.finding(LookupError("p8e-what the exception quotes"))
MOMENT = "2026-11-24T10:00:00Z"
CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)


def told(status: dict[str, Any]) -> tuple[str, str, int]:
    failing = next(each for each in status["conditions"] if each["type"] == ROTATION_FAILING)
    return failing["status"], failing["reason"], status["failures"]


async def report(scene: Scene, kube: Kube) -> None:
    """What a worker does whose turn on the credential ended by a defect."""
    store, now = Store(lambda _key, _after: None), CLOCK.now
    credential = parse_credential(scene.api.get(scene.path("lightroom")))
    store.upsert_credential(credential)
    await DefectReport(store, kube, Recorder(kube, now, "test"), CLOCK).report(credential.key, FOUND)
    assert told(scene.status()) == ("True", Reason.OPERATOR_DEFECT, store.credentials[credential.key].status.failures)


async def report_of_client_secret(replacing: Replacing, kube: Kube) -> None:
    """The same for an AdobeIMSClientSecret."""
    replacements, now = Replacements(lambda _: None), CLOCK.now
    resource = parse_client_secret(replacing.scene.api.get(replacing.path))
    replacements.upsert(resource)
    reporter = of_client_secrets.DefectReport(replacements, kube, Recorder(kube, now, "test"), CLOCK)
    await reporter.report(resource.key, FOUND)
    assert told(replacing.status())[:2] == ("True", Reason.OPERATOR_DEFECT)


@pytest.mark.parametrize("others", [0, 8], ids=["new", "with as many conditions as there may be"])
async def test_a_status_that_was_never_written_tells_of_it(scene: Scene, kube: Kube, others: int) -> None:
    scene.credential()
    if others:
        condition = {"status": "True", "reason": "Some", "message": "m", "lastTransitionTime": MOMENT}
        conditions = [{"type": f"other-{number}", **condition} for number in range(others)]
        scene.api.patch(scene.path("lightroom") + "/status", {"status": {"conditions": conditions}})
    await report(scene, kube)
    await report(scene, kube)
    assert scene.status()["failures"] == 2
    assert "LookupError" in scene.condition(ROTATION_FAILING)["message"]
    assert scene.status()["observedGeneration"] == UNREPORTED["observedGeneration"], "who waits for it goes on to wait"


async def test_the_next_operator_takes_it_back_and_asks_for_nothing(scene: Scene, kube: Kube) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    operator.stop()
    await report(scene, kube)
    assert scene.condition("Ready")["status"] == "True"
    asked = scene.ims.requests().total
    scene.operator()
    scene.wait_condition(ROTATION_FAILING, "False", "Rotated")
    assert scene.ims.requests().total == asked
    assert datetime.fromisoformat(scene.status()["nextRotationTime"]) > datetime.now(UTC)


async def test_the_status_of_a_new_client_secret_tells_of_it(replacing: Replacing, kube: Kube) -> None:
    replacing.apply()
    await report_of_client_secret(replacing, kube)
    assert replacing.condition("Ready")["status"] == "Unknown"
    assert replacing.status()["observedGeneration"] == UNREPORTED["observedGeneration"]


async def test_a_client_secret_tells_of_it_and_the_next_operator_takes_it_back(
    replacing: Replacing, kube: Kube
) -> None:
    replacing.begin().stop()
    await report_of_client_secret(replacing, kube)
    replacing.operator()
    replacing.wait(ROTATION_FAILING, "False", "InPlace")
    assert replacing.status()["failures"] == 0
