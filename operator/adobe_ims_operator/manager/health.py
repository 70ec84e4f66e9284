"""Answers to kubelet: whether the process still does its job, and whether it has read what it works on.

What each of them depends on is passed in as named checks; here they are only asked and written down.
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

Check = Callable[[], str | None]
"""What is wrong, in words for a person who reads the events of the pod; None if nothing is."""


class Tolerated(str):
    """What is wrong, and no reason to answer 503."""

    __slots__ = ()


def routes(live: Mapping[str, Check], ready: Mapping[str, Check]) -> list[web.RouteDef]:
    """The routes `/livez` and `/readyz`: 200 where no check of theirs finds anything, 503 with what was found."""
    return [web.get("/livez", _handler(live)), web.get("/readyz", _handler(ready))]


def _handler(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        found = {name: check() for name, check in checks.items()}
        lines = [_line(name, problem) for name, problem in found.items()]
        failed = any(_fails(problem) for problem in found.values())
        return web.Response(status=503 if failed else 200, text="\n".join(lines) + "\n")

    return answer


def _fails(problem: str | None) -> bool:
    return problem is not None and not isinstance(problem, Tolerated)


def _line(name: str, problem: str | None) -> str:
    if problem is None:
        return f"[+]{name} ok"
    return f"[-]{name} failed: {problem}" if _fails(problem) else f"[+]{name} passed over: {problem}"
