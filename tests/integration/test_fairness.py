"""One namespace has far more to ask than the rate allows: first tokens of another go in between.

What is counted is requests in the order in which IMS got them. While a slow machine holds a newcomer up, others are
asked for, at most as many as the rate allows: it is so low that these are few.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest

from adobe_ims_operator.controller.places import most_slow, places_for
from integration.neighbours import Neighbour, wait_until_asked
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene
from testbed.webhook import Webhook

CREDENTIALS, WRONG = 150, 5
QPS = 1
AT_FIRST = 24
"""Requests of the many before the first newcomer."""
THROTTLED = 10
"""Namespaces whose clients IMS throttles, so that it is taken to throttle all."""
BETWEEN = 5
"""Requests of others from the creation of a credential to its own: its two or three turns, and the time to see it."""
LIFETIME = 24
HANGING, FEW, WEBHOOK_SECONDS = 3, 4, 20
"""Namespaces with an admission webhook that hangs, places for one of them, and for how long."""
MORE_THAN_MAY_TAKE_LONG = 16
"""Namespaces whose writes hang, so many that those that hung are held back where there are `FEW` places for one."""
IMS_SECONDS = 40
"""For which IMS does not answer some clients."""
LARGE, OF_LARGE = 3, 150
"""Namespaces with a large client Secret, and the credentials that name it."""

EVERYWHERE = pytest.mark.parametrize("everywhere", [True, False], ids=["all namespaces", "named namespaces"])
"""One watch for all, as in deploy/, or one for each namespace."""


def come_one_by_one(scene: Scene, new: Neighbour, newcomers: list[str], most: int = BETWEEN) -> None:
    assert max(map(len, came_between(scene, new, newcomers))) <= most


def came_between(scene: Scene, new: Neighbour, newcomers: list[str]) -> list[list[str]]:
    """Have newcomers come one by one; whose requests came between the creation of each and its own."""
    before = {}
    for name in newcomers:
        client = new.client(name, CLIENT["client_secret"])
        before[name] = scene.ims.requests(log=0).total
        new.credential(name, client)
        wait_until_asked(scene, name, 1)
    order = [entry.client_id for entry in scene.ims.requests().log]
    return [order[before[name] : order.index(name)] for name in newcomers]


@pytest.mark.parametrize("wrong", [True, False], ids=["wrong secrets", "right secrets"])
def test_a_namespace_with_more_to_ask_than_the_rate_allows_costs_others_a_few_turns(scene: Scene, wrong: bool) -> None:
    secret = CLIENT["client_secret"]
    newcomers = [f"new-{number}" for number in range(3)]
    scene.ims.clients(dict.fromkeys(["hog", "routine", *newcomers], secret))
    hog, new, third = Neighbour(scene), Neighbour(scene), Neighbour(scene)
    watched = [flag for each in (hog, new, third) for flag in ("--namespace", each.namespace)]
    scene.operator(*watched, "--ims-qps", str(QPS))

    scene.ims.settings(expires_in=LIFETIME, latency=0.2)
    third.credential("routine", third.client("routine", secret))
    wait_until_asked(scene, "routine", 1)
    scene.ims.settings(expires_in=86399)
    many = hog.client("hog", *([f"wrong-{number}" for number in range(WRONG)] if wrong else [secret]))
    for number in range(CREDENTIALS):
        hog.credential(f"hog-{number}", many)
    wait_until_asked(scene, "hog", AT_FIRST)

    come_one_by_one(scene, new, newcomers)
    wait_until_asked(scene, "routine", 2)

    asked = scene.ims.requests()
    first, second = [entry.time for entry in asked.log if entry.client_id == "routine"][:2]
    assert second < first + LIFETIME
    assert asked.by_client["hog"] < CREDENTIALS * (WRONG if wrong else 1), "the rate did not hold the many up"
    wait_for("all others to be Ready", lambda: all(map(new.ready, newcomers)) and third.ready("routine"))


@EVERYWHERE
def test_clients_that_ims_throttles_in_however_many_namespaces_slow_nobody_else(scene: Scene, everywhere: bool) -> None:
    newcomers = [f"new-{number}" for number in range(3)]
    scene.ims.clients(dict.fromkeys(newcomers, CLIENT["client_secret"]))
    throttled = [Neighbour(scene) for _ in range(THROTTLED)]
    new = Neighbour(scene)
    ids = [f"throttled-{place}-{number}" for place in range(THROTTLED) for number in range(3)]
    scene.rules(*({"behaviour": "rate_limited", "retry_after": 1, "client_id": each} for each in ids))
    watched = [flag for each in (*throttled, new) for flag in ("--namespace", each.namespace)]
    scene.operator(*(() if everywhere else watched), everywhere=everywhere)
    for client_id in ids:
        where = throttled[int(client_id.split("-")[1])]
        where.credential(client_id, where.client(client_id, "any"))
    wait_for("each to be throttled", lambda: len(scene.ims.requests(log=0).by_client) == len(ids))
    wait_for("the second probes", lambda: scene.ims.requests(log=0).total >= 2 * len(ids))

    come_one_by_one(scene, new, newcomers)


def test_clients_that_ims_answers_slowly_hold_none_of_the_places_of_others(scene: Scene) -> None:
    newcomers = [f"new-{number}" for number in range(2)]
    hogs = [f"hog-{number}" for number in range(HANGING)]
    scene.ims.clients(dict.fromkeys([*hogs, *newcomers], CLIENT["client_secret"]))
    scene.rules(*({"behaviour": "slow", "seconds": IMS_SECONDS, "client_id": hog} for hog in hogs))
    slow, new = {hog: Neighbour(scene) for hog in hogs}, Neighbour(scene)
    scene.operator("--concurrency", str(FEW), everywhere=True)
    for number in range(FEW):
        for hog, each in slow.items():
            each.credential(f"{hog}-{number}", each.client(hog, CLIENT["client_secret"]))
    wait_for("all places to be taken", lambda: scene.ims.requests(log=0).total >= places_for(FEW))

    for name in newcomers:
        new.credential(name, new.client(name, CLIENT["client_secret"]))
    wait_for("the newcomers to be Ready", lambda: all(map(new.ready, newcomers)))

    assert not any(each.ready(f"{hog}-0") for hog, each in slow.items()), "they waited until a request had ended"


def test_a_client_that_ims_throttled_once_waits_for_none_that_it_throttles_again_and_again(scene: Scene) -> None:
    throttled, new = [Neighbour(scene) for _ in range(THROTTLED)], Neighbour(scene)
    ids = [f"throttled-{place}" for place in range(THROTTLED)]
    scene.ims.clients({"new": CLIENT["client_secret"]})
    scene.rules(*({"behaviour": "rate_limited", "retry_after": 1, "client_id": each} for each in ids))
    scene.operator(everywhere=True)
    for client_id, where in zip(ids, throttled, strict=True):
        where.credential(client_id, where.client(client_id, "any"))
    wait_for("many probes", lambda: scene.ims.requests(log=0).total >= 4 * len(ids))
    scene.rules({"behaviour": "rate_limited", "retry_after": 1, "client_id": "new", "times": 1})
    new.credential("new", new.client("new", CLIENT["client_secret"]))
    wait_until_asked(scene, "new", 2)

    order = [entry.client_id for entry in scene.ims.requests().log]
    first, second = [place for place, client_id in enumerate(order) if client_id == "new"][:2]
    assert second - first <= BETWEEN
    wait_for("it to be Ready", lambda: new.ready("new"))


def test_whoever_names_large_client_secrets_holds_none_of_the_places_of_others(scene: Scene) -> None:
    newcomers = [f"new-{number}" for number in range(5)]
    hogs = [f"hog-{number}" for number in range(LARGE)]
    scene.ims.clients(dict.fromkeys([*hogs, *newcomers], CLIENT["client_secret"]))
    large, new = {hog: Neighbour(scene) for hog in hogs}, Neighbour(scene)
    watched = [flag for each in (*large.values(), new) for flag in ("--namespace", each.namespace)]
    scene.operator(*watched)
    clients = {hog: where.large_client(hog, CLIENT["client_secret"]) for hog, where in large.items()}
    with more_and_more(large, clients) as came:
        for hog in hogs:
            wait_until_asked(scene, hog, 1)
        before = len(came)

        # Those that name one Secret read it in common, and are asked for in a row then.
        assert max(len(set(others)) for others in came_between(scene, new, newcomers)) <= 1

        assert len(came) > before, "nobody was there to hold any"
    assert "SecretReadFailed" not in scene.log.read_text()


@EVERYWHERE
def test_namespaces_whose_writes_hang_hold_none_of_the_places_of_others(scene: Scene, everywhere: bool) -> None:
    newcomers = [f"new-{number}" for number in range(2)]
    hogs = [f"hog-{number}" for number in range(HANGING)]
    scene.ims.clients(dict.fromkeys([*hogs, *newcomers], CLIENT["client_secret"]))
    with hanging(scene, hogs) as (neighbours, webhooks):
        new = Neighbour(scene)
        watched = [flag for each in (*neighbours, new) for flag in ("--namespace", each.namespace)]
        scene.operator(*(() if everywhere else watched), "--concurrency", str(FEW), everywhere=everywhere)
        wait_for("all places to be taken", lambda: sum(len(each.objects) for each in webhooks) >= places_for(FEW))

        come_one_by_one(scene, new, newcomers)

        assert "SecretWriteFailed" not in scene.log.read_text(), "they waited until a write had ended"


def test_where_more_namespaces_hang_than_may_take_long_a_newcomer_waits_for_none(scene: Scene) -> None:
    newcomers = [f"new-{number}" for number in range(2)]
    hogs = [f"hog-{number}" for number in range(MORE_THAN_MAY_TAKE_LONG)]
    scene.ims.clients(dict.fromkeys([*hogs, *newcomers], CLIENT["client_secret"]))
    with hanging(scene, hogs) as (_, webhooks):
        new = Neighbour(scene)
        scene.operator("--concurrency", str(FEW), everywhere=True)
        most = most_slow(places_for(FEW)) // 2
        wait_for("half of all to take long", lambda: sum(len(each.objects) for each in webhooks) >= most)

        for name in newcomers:
            new.credential(name, new.client(name, CLIENT["client_secret"]))
        wait_for("the newcomers to be Ready", lambda: all(map(new.ready, newcomers)))

        assert "SecretWriteFailed" not in scene.log.read_text(), "they waited until a write had ended"


@contextmanager
def more_and_more(neighbours: dict[str, Neighbour], clients: dict[str, dict[str, object]]) -> Iterator[list[str]]:
    """Have credentials of these clients come all the time, `OF_LARGE` of each at most; those that came."""
    enough, came = Event(), list[str]()

    def come() -> None:
        for number in range(OF_LARGE):
            for hog, where in neighbours.items():
                if not enough.wait(0.05):
                    where.credential(f"{hog}-{number}", clients[hog])
                    came.append(f"{hog}-{number}")

    thread = Thread(target=come)
    thread.start()
    try:
        yield came
    finally:
        enough.set()
        thread.join()


@contextmanager
def hanging(scene: Scene, hogs: list[str]) -> Iterator[tuple[list[Neighbour], list[Webhook]]]:
    """Neighbours whose writes hang, each with as many credentials of a client as there are places for one."""
    neighbours = [Neighbour(scene) for _ in hogs]
    with ExitStack() as stack:
        webhooks = [stack.enter_context(Webhook(scene.api, each.namespace, "secrets")) for each in neighbours]
        clients = [each.client(hog, CLIENT["client_secret"]) for hog, each in zip(hogs, neighbours, strict=True)]
        for webhook in webhooks:
            webhook.objects.clear()
            webhook.hang(WEBHOOK_SECONDS)
        for number in range(FEW):
            for hog, each, client in zip(hogs, neighbours, clients, strict=True):
                each.credential(f"{hog}-{number}", client)
        yield neighbours, webhooks
