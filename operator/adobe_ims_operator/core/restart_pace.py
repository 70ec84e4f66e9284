"""How often the operator restarts workloads of one namespace: many at once, then two a second.

Each restart is a request to the API server, and has it start pods. Without a pace a tenant with some credentials that
name the same workloads would have the API server do nothing else.
"""

BURST = 64
EACH_SECONDS = 0.5
MOST = 1000
"""Namespaces of which it is remembered, before those are forgotten that may have a burst again."""


class RestartPace:
    """What was restarted lately, by namespace."""

    def __init__(self) -> None:
        self._used_until: dict[str, float] = {}

    def take(self, namespace: str, now: float) -> float | None:
        """Count a restart that begins now; or the seconds until half a burst may, where none may yet.

        Args:
            now: seconds that never go back.
        """
        ahead = max(self._used_until.get(namespace, now) - now, 0.0)
        if ahead > (BURST - 1) * EACH_SECONDS:
            return ahead - BURST * EACH_SECONDS / 2
        self._used_until[namespace] = now + ahead + EACH_SECONDS
        if len(self._used_until) > MOST:
            self._used_until = {name: until for name, until in self._used_until.items() if until > now}
        return None
