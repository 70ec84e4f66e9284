"""Plain HTTP for those who look after the process: kubelet and Prometheus."""

import os
from collections.abc import Iterable

from aiohttp import web


class PortTakenError(Exception):
    """A port can't be listened on."""


class Server:
    """Serves routes on all addresses of the machine, on one port."""

    def __init__(self, port: int, routes: Iterable[web.RouteDef]) -> None:
        application = web.Application()
        application.add_routes(routes)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        self._port = port

    async def start(self) -> None:
        """Listen.

        Raises:
            PortTakenError: something else does.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, port=self._port).start()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise PortTakenError(
                f"port {self._port} can't be listened on: {why}; choose another by --metrics-port or --health-port"
            ) from None

    async def stop(self) -> None:
        """Answer no more."""
        await self._runner.cleanup()
