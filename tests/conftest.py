"""All tests run on the event loop of the operator, and none fails because the machine is busy."""

import asyncio
from collections.abc import Callable

import uvloop
from hypothesis import settings

settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
