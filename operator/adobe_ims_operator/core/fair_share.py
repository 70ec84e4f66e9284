"""Who is served next by what serves one at a time: who took the least of it, and a newcomer after the one in service.

Start-time fair queuing (Goyal, Vin and Cheng, 1996). Each starts at a point of a common time, which is where the one in
service started; what it took moves its own next start. So whatever some take, who wants little waits for one of them.
"""

from collections.abc import Iterable


class FairShare:
    """What each has taken lately; of those that want nothing it is forgotten as soon as it counts no more."""

    def __init__(self) -> None:
        self._now = 0.0
        self._ends: dict[str, float] = {}

    def __len__(self) -> int:
        """Of how many it is remembered."""
        return len(self._ends)

    def serve_first(self, candidates: Iterable[str], others: Iterable[str] = ()) -> str:
        """Begin to serve one of the candidates; of equals the first.

        Args:
            candidates: at least one.
            others: who waits beside them, and may not be served now.
        """
        first = min(candidates, key=self._start)
        self._now = min(map(self._start, (first, *others)))
        self._ends = {name: end for name, end in self._ends.items() if end > self._now}
        return first

    def took(self, name: str, cost: float) -> None:
        """Count what one took, in any unit."""
        self._ends[name] = self._start(name) + cost

    def forget(self) -> None:
        """Begin again: nobody waits, so all that was taken cost nobody anything."""
        self._ends.clear()

    def _start(self, name: str) -> float:
        return max(self._now, self._ends.get(name, 0.0))
