"""Under load: who comes first, how many at once, how often, and that one endpoint's trouble is its own."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from adobe_ims_operator.api.resource import PLURAL
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene
from testbed.stand_in import StandIn

ROTATE = "adobe-ims.dev/rotate"
SECRET = CLIENT["client_secret"]


@pytest.fixture
def troubled(scene: Scene) -> Iterator[StandIn]:
    """A second IMS, of the same authority."""
    with StandIn(scene.ims.folder, warm=True) as stand_in:
        assert stand_in.ca == scene.ims.ca
        yield stand_in


def clients(scene: Scene, names: Sequence[str]) -> None:
    """Give each name a client id that is the name, so that the log of IMS tells who asked."""
    scene.ims.clients({**dict.fromkeys(names, SECRET), CLIENT["client_id"]: SECRET})
    for name in names:
        scene.client_secret(f"{name}-oauth", {"client_id": name, "client_secret": SECRET})


def credential(scene: Scene, name: str, **spec: Any) -> None:
    scene.credential(name, client={"secretRef": {"name": f"{name}-oauth"}}, **spec)


def ready_with_lifetimes(scene: Scene, lifetimes: Mapping[str, int]) -> None:
    """Give each credential of `clients` a token that expires after so many seconds."""
    for name, seconds in lifetimes.items():
        scene.ims.settings(expires_in=seconds)
        credential(scene, name)
        scene.wait_ready(name)
    scene.ims.settings(expires_in=86399)


def request_rotation(scene: Scene, name: str) -> None:
    scene.patch(name, {"metadata": {"annotations": {ROTATE: "now"}}})


def asked(ims: StandIn) -> list[str]:
    """The client ids that asked, in order."""
    return [entry.client_id for entry in ims.requests().log]


def times(ims: StandIn) -> list[float]:
    return [entry.time for entry in ims.requests().log]


def wait_asked(ims: StandIn, count: int) -> None:
    def probe() -> bool:
        total = ims.requests().total
        assert total >= count, total
        return True

    wait_for(f"{count} requests", probe)


def keep_busy(scene: Scene, troubled: StandIn, trouble: Mapping[str, object], default: bool) -> list[str]:
    """Start an operator whose four workers for an endpoint all wait for it, with others in line; all their names.

    `default` is whether that endpoint is the default, or the other of two.
    """
    troubled.rules([trouble])
    urls = [troubled.url, scene.ims.url] if default else [scene.ims.url, troubled.url]
    names = [f"stuck-{number}" for number in range(40)]
    scene.client_secret()
    for name in names:
        scene.credential(name, endpoint=troubled.url)
    scene.operator("--endpoint", urls[0], "--endpoint", urls[1], "--concurrency", "4", "--ims-qps", "500")
    wait_asked(troubled, 4)
    return names


@pytest.mark.parametrize("trouble", [{"behaviour": "hang"}, {"behaviour": "slow", "seconds": 30}], ids=["dead", "slow"])
@pytest.mark.parametrize("default", [True, False], ids=["default", "other"])
def test_an_endpoint_that_does_not_answer_holds_up_no_other(
    scene: Scene, troubled: StandIn, trouble: dict[str, object], default: bool
) -> None:
    keep_busy(scene, troubled, trouble, default)
    scene.credential("bystander", endpoint=scene.ims.url)
    scene.wait_ready("bystander")
    assert troubled.requests().total == 4, "the first four had not been given up"
    assert scene.ims.requests().total == 1


@pytest.mark.parametrize("default", [True, False], ids=["default", "other"])
def test_what_needs_no_request_is_told_although_the_endpoint_does_not_answer(
    scene: Scene, troubled: StandIn, default: bool
) -> None:
    keep_busy(scene, troubled, {"behaviour": "hang"}, default)
    scene.credential("not-allowed", endpoint="https://ims.example")
    scene.credential("without-client", endpoint=troubled.url, client={"secretRef": {"name": "absent"}})
    scene.credential("suspended", endpoint=troubled.url, suspend=True)
    scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed", "not-allowed")
    scene.wait_condition("RotationFailing", "True", "ClientSecretNotFound", "without-client")
    scene.wait_condition("Ready", "False", "Suspended", "suspended")
    assert troubled.requests().total == 4, "the first four had not been given up"


def test_who_moves_to_an_endpoint_that_answers_need_not_wait_for_the_one_that_does_not(
    scene: Scene, troubled: StandIn
) -> None:
    stuck = keep_busy(scene, troubled, {"behaviour": "hang"}, default=False)
    for name in stuck:
        scene.credential(name, endpoint=scene.ims.url)
    # All but the four that are being asked for.
    wait_asked(scene.ims, len(stuck) - 4)
    assert troubled.requests().total == 4, "the first four had not been given up"


def test_who_has_no_token_comes_first_and_then_who_has_it_for_the_shortest_time(scene: Scene) -> None:
    lifetimes = {"late": 9000, "soon": 3000, "latest": 12000, "middle": 6000}
    clients(scene, [*lifetimes, "plug", "new"])
    scene.operator("--concurrency", "1")
    ready_with_lifetimes(scene, lifetimes)
    scene.ims.reset()
    # The only worker is busy for as long as it takes to line up all others.
    scene.rules({"behaviour": "slow", "seconds": 4, "client_id": "plug"})
    credential(scene, "plug")
    wait_asked(scene.ims, 1)
    for name in lifetimes:
        request_rotation(scene, name)
    credential(scene, "new")
    assert asked(scene.ims) == ["plug"]
    wait_asked(scene.ims, 6)
    assert asked(scene.ims) == ["plug", "new", "soon", "middle", "late", "latest"]


def test_who_loses_the_token_while_in_line_goes_ahead(scene: Scene) -> None:
    lifetimes = {"late": 9000, "soon": 3000}
    clients(scene, [*lifetimes, "plug"])
    scene.operator("--concurrency", "1")
    ready_with_lifetimes(scene, lifetimes)
    scene.ims.reset()
    scene.rules({"behaviour": "slow", "seconds": 4, "client_id": "plug"})
    credential(scene, "plug")
    wait_asked(scene.ims, 1)
    request_rotation(scene, "soon")
    request_rotation(scene, "late")
    scene.api.delete(scene.path("late", "secrets"))
    wait_asked(scene.ims, 3)
    assert asked(scene.ims) == ["plug", "late", "soon"]


def test_after_an_outage_of_the_operator_the_same_order_holds_and_an_expired_token_counts_as_none(
    scene: Scene,
) -> None:
    lifetimes = {"d-latest": 9000, "e-soon": 3000, "f-middle": 6000}
    clients(scene, [*lifetimes, "a-plug", "g-expired", "h-new"])
    operator = scene.operator("--concurrency", "1")
    ready_with_lifetimes(scene, {**lifetimes, "g-expired": 10})
    operator.kill()
    expired_at = time.monotonic() + 10
    scene.ims.reset()
    scene.ims.settings(latency=0.3)
    for name in lifetimes:
        request_rotation(scene, name)
    for name in ("a-plug", "h-new"):
        credential(scene, name)
    wait_for("a token to expire", lambda: time.monotonic() > expired_at)
    scene.operator("--concurrency", "1")
    wait_asked(scene.ims, 6)
    # Whoever is seen first may be asked for before the others are seen at all.
    first, *others = asked(scene.ims)
    tokenless = [name for name in ("a-plug", "g-expired", "h-new") if name != first]
    assert set(others[: len(tokenless)]) == set(tokenless)
    assert others[len(tokenless) :] == [name for name in ("e-soon", "f-middle", "d-latest") if name != first]


def test_no_more_requests_are_under_way_than_concurrency_allows_and_that_many_are(scene: Scene) -> None:
    latency, concurrency = 0.5, 3
    scene.ims.settings(latency=latency)
    scene.client_secret()
    names = [f"credential-{number}" for number in range(12)]
    for name in names:
        scene.credential(name)
    scene.operator("--concurrency", str(concurrency))
    for name in names:
        scene.wait_ready(name)
    begun = times(scene.ims)
    assert len(begun) == len(names)
    # Each lasts for the latency at least, as seen by IMS.
    under_way = [sum(moment - latency + 0.02 < other <= moment for other in begun) for moment in begun]
    assert max(under_way) == concurrency


def test_the_rate_of_requests_is_bounded_but_for_a_burst_of_one_second(scene: Scene) -> None:
    rate, jitter = 5, 2
    scene.client_secret()
    scene.operator("--ims-qps", str(rate))
    scene.credential("first")
    scene.wait_ready("first")
    time.sleep(3)  # unused turns of more than a second are not saved up
    names = [f"credential-{number}" for number in range(20)]
    for name in names:
        scene.credential(name)
    for name in names:
        scene.wait_ready(name)
    begun = times(scene.ims)
    assert len(begun) == 1 + len(names)
    for first, begin in enumerate(begun):
        for last, end in enumerate(begun[first:], first):
            assert last - first + 1 <= rate * (end - begin) + rate + jitter


def test_each_endpoint_has_a_rate_of_its_own(scene: Scene, troubled: StandIn) -> None:
    scene.client_secret()
    for number in range(4):
        scene.credential(f"credential-{number}", endpoint=troubled.url)
    scene.operator("--endpoint", troubled.url, "--endpoint", scene.ims.url, "--ims-qps", "0.05")
    wait_asked(troubled, 1)
    scene.credential("bystander", endpoint=scene.ims.url)
    scene.wait_ready("bystander")
    assert troubled.requests().total == 1


def test_with_a_tenth_throttled_all_become_ready_and_each_429_costs_one_request_more(scene: Scene) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 1, "fraction": 0.1})
    scene.client_secret()
    names = [f"credential-{number}" for number in range(60)]
    for name in names:
        scene.credential(name)
    mark = scene.audited_from()
    scene.operator()
    for name in names:
        scene.wait_ready(name)
    requests = scene.ims.requests()
    assert requests.issued == 60
    throttled = requests.by_answer["rate_limited"]
    assert 1 <= throttled <= 15
    assert requests.total == 60 + throttled
    # Each is told of its own 429 and of its token, and nobody of the others' 429s.
    assert scene.requests_since(mark)["patch", f"{PLURAL}/status"] <= 60 + throttled


def test_a_throttled_endpoint_is_left_alone_by_all_until_its_time(scene: Scene) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 4, "times": 1})
    scene.client_secret()
    names = [f"credential-{number}" for number in range(8)]
    for name in names:
        scene.credential(name)
    scene.operator("--concurrency", "2")
    for name in names:
        scene.wait_ready(name)
    begun = times(scene.ims)
    assert len(begun) == 9
    # A second one was under way already, and may have been followed by one more.
    assert sum(moment < begun[0] + 3.9 for moment in begun) <= 3
    assert max(later - earlier for earlier, later in pairwise(begun)) > 3


def test_a_429_stops_what_is_queued_too(scene: Scene) -> None:
    scene.rules({"behaviour": "rate_limited", "retry_after": 3600})
    scene.client_secret()
    names = [f"credential-{number}" for number in range(12)]
    for name in names:
        scene.credential(name)
    scene.operator("--ims-qps", "4")
    for name in names:
        scene.wait_condition("RotationFailing", "True", "IMSRateLimited", name)
    assert 1 <= scene.ims.requests().total <= 6
