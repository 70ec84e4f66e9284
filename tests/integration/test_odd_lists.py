"""Odd answers to what is asked for all credentials at once: lists, watches, the Lease and the CRD."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from aiohttp import web

from adobe_ims_operator.api.resource import PLURAL
from integration.odd import says_no_more_than_it_should
from testbed.api import wait_for
from testbed.odd_api import ODD_ANSWERS, Odd, OddApi
from testbed.scene import Scene

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def proxy(scene: Scene) -> Iterator[OddApi]:
    with OddApi(scene.control_plane) as api:
        yield api


SHARED: dict[str, Callable[[web.Request], bool]] = {
    "the CRD": lambda request: request.path.endswith("/adobe-ims.dev/v1alpha1"),
    "list of credentials": lambda request: request.path.endswith(PLURAL) and "watch" not in request.query,
    "watch on credentials": lambda request: request.path.endswith(PLURAL) and "watch" in request.query,
    "list of Secrets": lambda request: request.path.endswith("/secrets") and "watch" not in request.query,
    "watch on Secrets": lambda request: request.path.endswith("/secrets") and "watch" in request.query,
    "GET of the Lease": lambda request: "/leases" in request.path and request.method == "GET",
    "POST of the Lease": lambda request: "/leases" in request.path and request.method == "POST",
    "PUT of the Lease": lambda request: "/leases" in request.path and request.method == "PUT",
}
"""What the operator does for all credentials at once."""


GROUPS = [ODD_ANSWERS[number::5] for number in range(5)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: ", ".join(odd.name for odd in group))
def test_odd_answers_to_what_is_asked_for_all(scene: Scene, proxy: OddApi, group: Sequence[Odd]) -> None:
    given: dict[str, int] = dict.fromkeys(SHARED, 0)

    def choose(request: web.Request, _body: bytes) -> Odd | None:
        for name, is_one in SHARED.items():
            if is_one(request) and given[name] < len(group):
                given[name] += 1
                return group[given[name] - 1]
        return None

    proxy.choose = choose
    scene.client_secret()
    operator = scene.replica("one", proxy=proxy)
    scene.credential()
    wait_for("the credential to be Ready", lambda: scene.condition("Ready").get("status") == "True", 150)
    wait_for("each request to be answered oddly", lambda: all(given.values()), 30)
    says_no_more_than_it_should(scene, operator)
    assert operator.stop() == 0


def test_a_watch_goes_on_where_the_first_secret_is_larger_than_any_that_is_read(scene: Scene, proxy: OddApi) -> None:
    # As JSON each < has six bytes.
    owner = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "<" * 500_000, "uid": "7"}
    large = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "aaa", "ownerReferences": [owner]}}
    scene.api.post(scene.path("", "secrets").rstrip("/"), large)
    ended = []

    def choose(request: web.Request, _body: bytes) -> Odd | None:
        if SHARED["watch on Secrets"](request):
            ended.append(request)
            return Odd("an end at once", b"") if len(ended) == 1 else None
        return None

    proxy.choose = choose
    scene.client_secret()
    operator = scene.operator_by(proxy)
    scene.credential()
    wait_for("another watch", lambda: len(ended) > 1)
    scene.wait_ready()
    assert "TooLarge" not in operator.text()
