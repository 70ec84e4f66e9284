"""A clock that a test sets, for what is given one."""


class SetClock:
    """Epoch seconds; `monotonic` goes on where the wall clock is set back."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.stepped = 0.0

    def __call__(self) -> float:
        return self.now + self.stepped

    def monotonic(self) -> float:
        return self.now
