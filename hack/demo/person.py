"""The person at the terminal: what is shown to them, and how they stop the demo.

Colours are for terminals without NO_COLOR, lines that change for terminals only; all else is the same plain text
wherever it goes.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

BOLD, DIM, GREEN, RED, CYAN = "1", "2", "32", "31", "36"


class Screen:
    """Standard output.

    `live` says that somebody sits there who can answer, and stop the demo: a terminal, and not CI's. `begun` says
    that the story has: there was a heading.
    """

    def __init__(self) -> None:
        terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.live = terminal and sys.stdin.isatty() and os.environ.get("CI", "").lower() not in ("true", "1")
        self._colours = terminal and not os.environ.get("NO_COLOR")
        self._waiting = ""
        self.begun = False

    def title(self, text: str) -> None:
        """Say what all of it is."""
        self._line(self._paint(BOLD, text))

    def heading(self, text: str) -> None:
        """Begin a part of the story."""
        self.begun = True
        self._line("")
        self._line(self._paint(BOLD, text))

    def say(self, text: str) -> None:
        """Tell something, in one line or more."""
        for line in text.splitlines():
            self._line(f"  {line}")

    def good(self, text: str) -> None:
        """Tell what was hoped for."""
        self.say(self._paint(GREEN, text))

    def bad(self, text: str) -> None:
        """Tell what went wrong."""
        for line in text.splitlines():
            self._line(self._paint(RED, line))

    def facts(self, facts: dict[str, str]) -> None:
        """Show what is called how, in two columns."""
        width = max(map(len, facts))
        for name, value in facts.items():
            self._line(f"  {name:{width}}  {value}")

    def command(self, command: str, output: str = "") -> None:
        """Show a command as the user would type it, and what it printed."""
        self._line(f"  {self._paint(CYAN, f'$ {command}')}")
        for line in output.splitlines():
            self._line(f"    {line}")

    def log(self, line: str) -> None:
        """Show a line that the operator logged."""
        self._line(self._paint(DIM, f"  operator | {line}"))

    def wait(self, text: str) -> None:
        """Say what is waited for: on a terminal a line that is rewritten in place, and gone when anything follows."""
        if self.live and text != self._waiting:
            self._waiting = text
            self._write(f"\r\033[K  {self._paint(DIM, text)} ")

    def ask(self, question: str) -> bool:
        """Ask for a yes; anything else is a no."""
        self._write(f"{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _line(self, text: str) -> None:
        begin = "\r\033[K" if self._waiting else ""
        self._waiting = ""
        self._write(f"{begin}{text}\n")

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            # Nobody reads any more, as when a terminal is closed. What is said from here on must not fail for that.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            signal.raise_signal(signal.SIGHUP)

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colours else text


class Interrupted(BaseException):
    """Somebody wants an end; `number` is the signal that said so."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What shells say of a process that a signal ended."""
        return 128 + self.number


class Signals:
    """From `arm` on, the first signal raises Interrupted wherever the program is; all others are only noted."""

    def __init__(self) -> None:
        self._armed = False
        self._number: int | None = None

    def arm(self) -> None:
        """Begin to listen."""
        self._armed = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(signal.SIGHUP, self._handle)

    def disarm(self) -> None:
        """Raise no more: from here on things are tidied up."""
        self._armed = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise only at the end of this: what is begun in here is brief, and not to be left halfway."""
        self._armed = False
        yield
        self._armed = True
        self.raise_noted()

    def raise_noted(self) -> None:
        """Raise what was noted while it was held, or lost: Python drops what is raised in a destructor."""
        if self._armed and self._number is not None:
            raise Interrupted(self._number)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number
            self.raise_noted()
