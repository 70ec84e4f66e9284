"""`rotate`, `suspend` and `resume`: what a person asks for is done, waited for, and not done behind Git's back."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.command import BARE, Ended, asked, command
from integration.neighbours import Neighbour
from testbed.api import wait_for
from testbed.scene import CLIENT, LABEL, Scene, manifest

OAUTH: dict[str, object] = {"secretRef": {"name": "oauth"}}
FAILED, USAGE, NOT_WELL, TIMED_OUT, INTERRUPTED = 1, 2, 3, 4, 130


def ask(scene: Scene, verb: str, *arguments: str, stdin: str = "") -> Ended:
    return command(scene.control_plane.kubeconfig, verb, "-n", scene.namespace, *arguments, stdin=stdin)


def test_rotate_waits_until_the_request_was_answered(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    before = scene.data()["access_token"]
    done = ask(scene, "rotate", "lightroom", "--wait", "-o", "json")
    assert done.code == 0
    (request,) = done.document["requests"]
    assert request["state"] == "Rotated"
    assert request["request"] == scene.status()["lastHandledRotateRequest"]
    after = scene.data()["access_token"]
    assert after != before
    for private in (before, after, SAMPLE_CLIENT_SECRET):
        assert private not in done.out + done.err
    again = ask(scene, "rotate", "lightroom", "--wait")
    assert (again.code, scene.status()["rotations"]) == (0, 3)


def test_many_are_waited_for_by_one_watch(scene: Scene) -> None:
    names = [f"credential-{number}" for number in range(5)]
    for name in names:
        scene.credential(name)
    scene.patch(names[0], {"metadata": {"labels": {"team": "photos"}}})
    mark = scene.audited_from()
    by_label = ("rotate", "-n", scene.namespace, "-l", "team=photos", "--wait", "-o", "json")
    every = ("rotate", "-n", scene.namespace, "--all", "-y", "--over", "0s", "--wait", "-o", "json")
    environment = {**BARE, "KUBECONFIG": str(scene.control_plane.kubeconfig)}
    waiting = [
        subprocess.Popen(
            [sys.executable, "-m", "adobe_ims_operator", *each], env=environment, stdout=subprocess.PIPE, text=True
        )
        for each in (by_label, every)
    ]
    with waiting[0], waiting[1]:
        wait_for("the watches", lambda: asked(scene, mark).count(("watch", "adobeimscredentials")) == 2)
        # What the watch shows of one whose label is gone is no deletion.
        scene.patch(names[0], {"metadata": {"labels": {"team": None}}})
        scene.api.delete(scene.path(names[4]))
        scene.client_secret()
        scene.operator()
        for name in names[:4]:
            scene.wait_ready(name)
        labelled, all_of_them = (json.loads(each.communicate(timeout=30)[0])["requests"] for each in waiting)
    states = {each["name"]: (each["state"], each["message"]) for each in all_of_them}
    assert states.pop(names[4]) == ("Failed", "it was deleted")
    assert {state for state, _ in states.values()} <= {"Rotated", "Superseded"}
    assert {each["state"] for each in labelled} <= {"Rotated", "Superseded"}
    requests = asked(scene, mark)
    assert requests.count(("get", "adobeimscredentials")) == 0
    assert requests.count(("list", "adobeimscredentials")) == 2, "to choose"


def test_an_attempt_that_fails_ends_the_wait_with_its_reason(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.rules({"behaviour": "error", "error": "invalid_scope", "status": 400})
    failed = ask(scene, "rotate", "lightroom", "--wait")
    assert failed.code == NOT_WELL
    assert f"{scene.namespace}/lightroom: Failed: InvalidScope: " in failed.out
    # What has failed before is no answer: the next request is one of its own.
    scene.ims.clear_rules()
    assert ask(scene, "rotate", "lightroom", "--wait").code == 0


def test_a_request_that_fails_as_the_one_before_did_is_known_to_have_failed(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "client_secret": "p8e-wrong"})
    scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "InvalidClient")
    failed = ask(scene, "rotate", "lightroom", "--wait", "--timeout", "30s")
    assert (failed.code, "InvalidClient" in failed.out) == (NOT_WELL, True)


def test_what_was_mended_just_before_the_request_does_not_end_the_wait(scene: Scene) -> None:
    scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound")
    scene.rules({"behaviour": "slow", "seconds": 3})
    scene.client_secret()
    done = ask(scene, "rotate", "lightroom", "--wait")
    assert (done.code, done.out) == (0, f"{scene.namespace}/lightroom: Rotated: Secret lightroom holds a new token\n")


def test_what_nothing_can_be_done_about_ends_the_wait_well_before_its_timeout(scene: Scene) -> None:
    scene.operator()
    scene.credential()
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound")
    failed = ask(scene, "rotate", "lightroom", "--wait", "--timeout", "30s")
    assert (failed.code, "ClientSecretNotFound" in failed.out) == (NOT_WELL, True)


def test_without_an_operator_the_wait_ends_in_time_and_says_where_to_look(scene: Scene) -> None:
    scene.client_secret()
    scene.credential()
    late = ask(scene, "rotate", "lightroom", "--wait", "--timeout", "2s")
    assert late.code == TIMED_OUT
    assert "no answer in 2 s; check that the operator runs" in late.out
    assert ask(scene, "rotate", "lightroom").code == 0


def test_all_asks_first_and_spreads_the_requests(scene: Scene) -> None:
    for name in ("one", "two", "three"):
        scene.credential(name)
    scene.credential("asleep", suspend=True)

    def requested() -> dict[str, str]:
        found = scene.api.get(scene.path("")[:-1])["items"]
        values = {each["metadata"]["name"]: each["metadata"].get("annotations", {}) for each in found}
        return {name: each["adobe-ims.dev/rotate"] for name, each in values.items() if "adobe-ims.dev/rotate" in each}

    refused = ask(scene, "rotate", "--all", stdin="n\n")
    assert refused.code == FAILED
    assert f"Rotate 4 credentials in namespace {scene.namespace}?" in refused.err
    assert requested() == {}
    started = time.monotonic()
    done = ask(scene, "rotate", "--all", "-y", "--over", "6s", "-o", "json")
    assert time.monotonic() - started > 4  # three intervals of 2 s, of which the suspended one takes none
    states = {each["name"]: each["state"] for each in done.document["requests"]}
    assert states == {"asleep": "Skipped", **dict.fromkeys(("one", "two", "three"), "Waiting")}
    assert requested().keys() == {"one", "two", "three"}
    assert len(set(requested().values())) == 3
    assert done.code == 0
    named = ask(scene, "rotate", "asleep", "-o", "json")
    assert (named.code, named.document["requests"][0]["state"]) == (FAILED, "NotRequested")


def test_namespaces_take_turns_however_many_credentials_one_has(scene: Scene) -> None:
    crowd, few = sorted((Neighbour(scene) for _ in range(2)), key=lambda each: each.namespace)
    for name in ("a", "b", "c"):
        crowd.credential(name, OAUTH)
    few.credential("late", OAUTH)
    flags = ("-A", "-l", f"{LABEL}={scene.namespace}", "--over", "0s", "-o", "json")
    done = command(scene.control_plane.kubeconfig, "rotate", *flags)
    assert [each["name"] for each in done.document["requests"]] == ["a", "late", "b", "c"]


def test_a_failure_goes_before_what_was_not_asked_for(scene: Scene) -> None:
    scene.operator()
    scene.credential()
    scene.credential("asleep", suspend=True)
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound")
    assert ask(scene, "rotate", "--all", "-y", "--wait").code == NOT_WELL
    assert ask(scene, "rotate", "lightroom", "asleep", "--wait").code == NOT_WELL


def test_ctrl_c_tells_what_was_asked_for_by_then(scene: Scene) -> None:
    for name in ("one", "two"):
        scene.credential(name)
    arguments = ("rotate", "-n", scene.namespace, "--all", "-y", "--over", "60s", "-o", "json")
    environment = {**BARE, "KUBECONFIG": str(scene.control_plane.kubeconfig)}
    with subprocess.Popen(
        [sys.executable, "-m", "adobe_ims_operator", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        asked = lambda: scene.api.get(scene.path("one"))["metadata"].get("annotations", {}).get("adobe-ims.dev/rotate")  # noqa: E731
        value = wait_for("the first request", asked)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert [(each["name"], each["request"]) for each in json.loads(out)["requests"]] == [("one", value)]


def test_a_selector_chooses_and_a_choice_of_nothing_or_of_two_is_refused(scene: Scene) -> None:
    scene.credential("one")
    scene.credential("two")
    scene.patch("two", {"metadata": {"labels": {"team": "photos"}}})
    assert ask(scene, "rotate", "-l", "team=photos").out == f"{scene.namespace}/two: rotation requested\n"
    for wrong in ((), ("one", "--all"), ("one", "-A"), ("-l", "team=photos", "--all")):
        assert ask(scene, "rotate", *wrong).code == USAGE
    assert ask(scene, "rotate", "nobody").code == FAILED


def test_suspend_and_resume_change_the_spec_and_name_what_would_undo_it(scene: Scene) -> None:
    scene.credential()
    told = ask(scene, "suspend", "lightroom")
    assert (told.code, told.out) == (0, f"{scene.namespace}/lightroom: suspended\n")
    assert "if it comes from Git or a chart, set spec.suspend there too" in told.err
    assert scene.api.get(scene.path("lightroom"))["spec"]["suspend"] is True
    assert ask(scene, "resume", "lightroom").code == 0
    assert scene.api.get(scene.path("lightroom"))["spec"]["suspend"] is False
    managers = {each["manager"] for each in scene.api.get(scene.path("lightroom"))["metadata"]["managedFields"]}
    assert "kubectl-adobe-ims" in managers
    assert "adobe-ims-operator" not in managers


def applied_by(scene: Scene, manager: str, body: dict[str, Any]) -> None:
    path = f"{scene.path(body['metadata']['name'])}?fieldManager={manager}&force=true"
    scene.api.patch(path, body, "application/apply-patch+yaml")


def test_a_suspend_that_flux_or_argo_would_take_back_is_told(scene: Scene) -> None:
    by_flux = manifest("by-flux", suspend=False)
    by_flux["metadata"]["labels"] = {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
    applied_by(scene, "kustomize-controller", by_flux)
    by_argo = manifest("by-argo")
    by_argo["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "photos:adobe-ims.dev/AdobeIMS:a/b"}
    applied_by(scene, "argocd-controller", by_argo)
    told = ask(scene, "suspend", "by-flux", "by-argo", "-o", "json")
    warnings = {each["name"]: each["warnings"] for each in json.loads(told.out)["credentials"]}
    assert warnings["by-flux"] == [
        "Flux's Kustomization flux-system/apps sets spec.suspend and will set it back; change it to true at its source"
    ]
    assert warnings["by-argo"] == [
        "Argo CD's application photos manages it; if its source has spec.suspend, change it to true there"
    ]


def test_what_a_status_says_can_neither_end_a_line_nor_colour_a_terminal(scene: Scene) -> None:
    scene.credential()
    path = f"{scene.path('lightroom')}/status"
    failing = {
        "type": "RotationFailing",
        "status": "True",
        "reason": "InvalidClient",
        "message": f"no\n{scene.namespace}/other: Rotated\x1b[2J",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-24T10:00:00Z",
    }
    arguments = ["rotate", "-n", scene.namespace, "lightroom", "--wait", "--timeout", "30s"]
    running = subprocess.Popen(
        [sys.executable, "-m", "adobe_ims_operator", *arguments],
        env={**BARE, "KUBECONFIG": str(scene.control_plane.kubeconfig)},
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for("the request", lambda: scene.api.get(scene.path("lightroom"))["metadata"].get("annotations"))
    scene.api.patch(path, {"status": {"failures": 7, "conditions": [failing]}})
    out, _ = running.communicate(timeout=60)
    assert (running.returncode, out.splitlines()) == (
        NOT_WELL,
        [f"{scene.namespace}/lightroom: Failed: InvalidClient: no {scene.namespace}/other: Rotated [2J"],
    )
