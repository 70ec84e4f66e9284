"""The signals by which the process is asked to end."""

import asyncio
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def catch(stop: asyncio.Event) -> None:
    """Have a signal set `stop`; once that is set, have further ones change nothing."""
    if stop.is_set():
        pass_over()
        return
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)


def pass_over() -> None:
    """Pass signals over from now on."""
    # Not by a handler: the interpreter takes all handlers away before the process ends.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
