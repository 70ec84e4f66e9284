"""Round after round: hold points, kill the operator, look at what is left, start it again; days pass in between."""

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from crash_client_secrets.checker import Checker
from crash_client_secrets.gate import Round, Side
from crash_client_secrets.points import (
    ENTRIES,
    ORPHANED,
    POINTS,
    POST,
    STATES,
    TAKE_OVER_POINTS,
    TAKE_OVER_STATES,
    Subject,
)
from crash_client_secrets.world import World

IDLE_SECONDS = 3.0
"""After so long without a request of interest all wait for the time to pass."""
STARTED_SECONDS = 30.0
"""How long a start may take at most until the first such request."""
QUIET_SECONDS = 2.0
"""After so long no more requests are expected at the point that is held."""
GATHER_SECONDS = 11.0
"""How long a request is held at most; the operator gives up one to the API server after 15 s."""
RANDOM_SECONDS = 0.03
"""How long the operator works at most, for each object, before it is killed anywhere."""
MINUTES = 11 * 60.0
"""Seconds that pass at once where somebody waits for ten minutes."""
HOURS = (6 * 3600.0, 25 * 3600.0)
"""Seconds that pass at once, at least and at most, where all wait for the overlap: what is too early is to show."""
MOST_MINUTES = 6
"""After so many short moves in a row a long one is due, for those that need it."""

PATIENCE = 20
"""After so many moves without a kill, half as many objects at a point are worth one: a slow machine gathers fewer."""


class Campaign:
    """The kills, and what was hit.

    Args:
        wanted: hits of each point and side, and of each state in between.
        until: when to give up, by the monotonic clock.
        people: how many objects a person adds a client secret for, in the middle of a replacement.
        only: how the points begin that count; none for all of them, and all states.
    """

    def __init__(
        self,
        world: World,
        checker: Checker,
        *,
        wanted: int,
        until: float,
        people: int,
        chance: random.Random,
        only: Sequence[str] = (),
    ) -> None:
        self._world = world
        self._checker = checker
        self._wanted = wanted
        self._until = until
        self._people = people
        self._chance = chance
        self._points = [point for point in POINTS if point.startswith(tuple(only) or "")]
        self._states = () if only else STATES
        self._orphans = 0
        self._began_at = 0.0
        self._short_moves = 0
        self._moves = 0  # since the latest kill
        self._was_random = False
        self._passed_over: set[str] = set()
        self.kills = 0
        self.hits: Counter[tuple[str, Side]] = Counter()
        self.between: Counter[str] = Counter()
        """How many objects were in a state when the operator was killed at no point in particular."""

    @property
    def is_complete(self) -> bool:
        """Whether each point and each state was hit often enough."""
        return not self.missing

    @property
    def missing(self) -> list[str]:
        """What was hit too seldom."""
        points = [f"{side.value} {point}" for point in self._points for side in Side if self._lacks(point, side)]
        return points + [f"between, {state}" for state in self._states if self._lacks_state(state)]

    def run(self) -> None:
        """Kill until all is hit, or the time is up."""
        self.start()
        while not self.is_complete and time.monotonic() < self._until:
            self._kill_anywhere() if self._is_random_turn() else self._kill_at_points()

    def start(self) -> None:
        """Start the operator."""
        self._world.gate.seen_at = 0.0
        self._world.operator.start()
        self._began_at = time.monotonic()

    def wait_idle(self) -> None:
        """Wait until there is nothing to do at present."""
        while not self.is_idle:
            time.sleep(0.05)

    @property
    def is_idle(self) -> bool:
        """Whether nothing was asked for a while."""
        gate, now = self._world.gate, time.monotonic()
        if not gate.seen_at:
            return now - self._began_at > STARTED_SECONDS
        return gate.is_quiet and now - max(gate.seen_at, self._began_at) > IDLE_SECONDS

    def _lacks(self, point: str, side: Side) -> bool:
        return point in self._points and self.hits[point, side] < self._wanted

    def _lacks_state(self, state: str) -> bool:
        return state in self._states and self.between[state] < self._wanted

    def _is_wanted(self, point: str, side: Side) -> bool:
        """Whether it lacks hits, or what follows from it does: without kills after POST there are no orphans."""
        leads_on = side is Side.AFTER and point in ENTRIES and self._lacks_state(ENTRIES[point])
        makes_orphans = side is Side.AFTER and point == POST and self._lacks_of_orphans
        return leads_on or makes_orphans or self._lacks(point, side)

    @property
    def _lacks_of_orphans(self) -> bool:
        # While there are many, they are let come to the same point: to kill for more would have them come one by one.
        points = [point for point in POINTS if point.startswith(ORPHANED)]
        is_many = self._orphans > len(self._world.subjects) // 3
        return not is_many and any(self._lacks(point, side) for point in points for side in Side)

    def _choose(self, point: str) -> Side | None:
        """The side of a point that lacks more hits; None where nothing is to be held there."""
        if point not in self._armed or point in self._passed_over:
            return None
        lacking = [side for side in Side if self._is_wanted(point, side)]
        return min(lacking, key=lambda side: self.hits[point, side], default=None)

    def _is_worth_it(self, count: int, hits: int, among: int) -> bool:
        missing = self._wanted - hits
        enough = among // 3 >> self._moves // PATIENCE
        return count >= min(missing if missing > 0 else self._wanted, max(enough, 1))

    @property
    def _armed(self) -> Sequence[str]:
        """The points that count: the take over first, since it comes but once for each object."""
        return TAKE_OVER_POINTS if self._is_taking_over else POINTS

    @property
    def _is_taking_over(self) -> bool:
        lacks = any(self._lacks(point, side) for point in TAKE_OVER_POINTS for side in Side)
        return lacks or any(self._lacks_state(state) for state in TAKE_OVER_STATES)

    def _is_random_turn(self) -> bool:
        """No two kills in a row are at no point in particular, but where nothing else is left to do."""
        if self._was_random and any(self._lacks(point, side) for point in self._armed for side in Side):
            return False
        count = Counter(self._world.states().values())
        return any(
            self._lacks_state(state) and self._is_worth_it(count[state], self.between[state], count.total())
            for state in count
        )

    def _kill_anywhere(self) -> None:
        gate, deadline = self._world.gate, time.monotonic() + STARTED_SECONDS
        gate.release()
        while not gate.seen_at and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(self._chance.uniform(0, RANDOM_SECONDS) * len(self._world.subjects))
        self._kill(None)

    def _kill_at_points(self) -> None:
        gate = self._world.gate
        gate.arm(self._choose)
        while time.monotonic() < self._until:
            time.sleep(0.02)
            found = gate.round
            if found.waiting:
                if self._is_gathered(found):
                    if self._is_worth_a_kill(found):
                        self._kill(found)
                        return
                    if self._is_quiet:  # no others come
                        self._passed_over |= {point for point, _ in found.held.values()}
                    gate.let_go()
            elif self.is_idle:
                self.move()
                if self._is_random_turn():
                    return

    def _is_worth_a_kill(self, found: Round) -> bool:
        """Whether enough are held; stragglers may come again together with others."""
        held = Counter(found.held.values())
        everyone = len(self._world.subjects)
        among = {hit: self._orphans if hit[0].startswith(ORPHANED) else everyone for hit in held}
        return any(self._is_worth_it(count, self.hits[hit], among[hit]) for hit, count in held.items())

    def _is_gathered(self, found: Round) -> bool:
        now = time.monotonic()
        if len(found.waiting) == len(self._world.subjects):
            return True
        return self._is_quiet or now - found.first_at > GATHER_SECONDS

    @property
    def _is_quiet(self) -> bool:
        return time.monotonic() - self._world.gate.seen_at > QUIET_SECONDS

    def _kill(self, found: Round | None) -> None:
        world = self._world
        held = {} if found is None else found.held
        world.operator.kill()
        world.gate.release()
        while not world.gate.is_quiet:
            time.sleep(0.01)
        self.kills += 1
        self._passed_over.clear()
        self._moves = 0
        self._was_random = found is None
        states = world.states()
        self._count_orphans(states)
        if found is None:
            self.between.update(states.values())
        self.hits.update(held.values())
        self._checker.look()
        self._print(held, states)
        self._add_by_hand([subject for subject, hit in held.items() if hit == (POST, Side.BEFORE)])
        if self._is_taking_over:
            self._give_back(states)
        self.start()

    def _count_orphans(self, states: Mapping[Subject, str]) -> None:
        self._orphans = sum(state.startswith(ORPHANED) for state in states.values())

    def _print(self, held: Mapping[Subject, tuple[str, Side]], states: Mapping[Subject, str]) -> None:
        points = [f"{count} {side.value} {point}" for (point, side), count in Counter(held.values()).items()]
        found = [f"{count} {state}" for state, count in sorted(Counter(states.values()).items())]
        where = "; ".join(points) or "anywhere"
        print(f"{time.strftime('%H:%M:%S')} kill {self.kills}: {where} ({', '.join(found)})", flush=True)

    def _give_back(self, states: Mapping[Subject, str]) -> None:
        """Have those taken over again that were."""
        for subject, state in states.items():
            if state == "Steady":
                self._world.give_back(subject)

    def _add_by_hand(self, held: Sequence[Subject]) -> None:
        """Somebody takes the place that the operator was about to take, and uses it."""
        for subject in held[: self._people - len(self._checker.by_hand)]:
            uuid, value = self._world.ims.add_by_hand(subject.client_id)
            self._checker.by_hand[uuid] = subject
            self._world.pass_time(2 * 60)  # IMS accepts it by then
            self._world.use(subject, value)

    def move(self) -> None:
        """Let the time pass that those are waiting for who wait for the least."""
        self._moves += 1
        if self._is_taking_over:
            self._give_back(self._world.states())
        strangers, found = set(self._checker.by_hand.values()), self._world.states()
        self._count_orphans(found)
        states = {state for subject, state in found.items() if subject not in strangers}
        is_short = any(state.startswith(("Adding", "Proving", *TAKE_OVER_STATES)) for state in states)
        self._short_moves = self._short_moves + 1 if is_short else 0
        is_short = is_short and self._short_moves % (MOST_MINUTES + 1) != MOST_MINUTES
        self._passed_over.clear()
        self._world.pass_time(MINUTES if is_short else self._chance.uniform(*HOURS))
        self._world.poke()
        self._began_at = time.monotonic()
