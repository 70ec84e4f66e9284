"""What this process knows of one credential beside what can be observed: lost with it, and harmless to lose."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.resource import Workload
from adobe_ims_operator.core.model import Failure, Finding, HeldToken, Inputs
from adobe_ims_operator.core.policy import BRIEF, UNPLANNED_WINDOW, Pace, backoff
from adobe_ims_operator.core.restarts import Attempt


@dataclass(slots=True)
class Memory:
    """The attempts of this process, and what it read."""

    spec_digest: str
    secret_version: str | None
    """The token Secret's resourceVersion that `secret_intact` speaks of."""
    failure: Failure | None
    secret_intact: bool = True
    client_version: str | None = None
    """The client Secret's resourceVersion that `client_digest` speaks of."""
    client_digest: str | None = None
    last_pace: Pace | None = None
    held: HeldToken | None = None
    unplanned: int = 0
    last_unplanned: datetime | None = None
    api_failures: int = 0
    restarts: dict[Workload, Attempt] = field(default_factory=dict)
    quiet_since: datetime | None = None
    """Since when only how long it waits in line for its endpoint changed, or when that was told last."""

    def keeps_quiet(self, now: datetime, *, in_line: bool) -> bool:
        """Whether to tell nothing of a wait in line, which is told once in a while."""
        if not in_line:
            self.quiet_since = None
            return False
        if self.quiet_since is None:
            self.quiet_since = now
        elif now - self.quiet_since >= BRIEF:
            self.quiet_since = now
            return False
        return True

    def note_client(self, version: str | None, digest: str | None, rotate_request: str) -> None:
        """Remember what the content of the client Secret amounts to at a resourceVersion; None: there is none."""
        self.client_version, self.client_digest = version, digest
        if self.failure is not None and self.failure.inputs is None and digest is not None:
            # Of an earlier process: from now on a change of what is there now ends the wait.
            self.failure = replace(self.failure, inputs=Inputs(self.spec_digest, digest, rotate_request))

    def note_secret(self, version: int, *, intact: bool) -> None:
        """Remember whether the data of the token Secret is as it was written, at a resourceVersion."""
        self.secret_version, self.secret_intact = str(version), intact

    def ask(self, need: Finding, inputs: Inputs, now: datetime) -> None:
        """Count a token that is asked for before it is due; a retry of what failed is none."""
        self.held = None
        retry = self.failure is not None and self.failure.inputs in (None, inputs)
        if need.reason == "Due" or retry:
            return
        recent = self.last_unplanned is not None and now - self.last_unplanned < UNPLANNED_WINDOW
        self.unplanned = self.unplanned + 1 if recent else 1
        self.last_unplanned = now

    def hold(self, held: HeldToken) -> None:
        """Keep a token that came until it is written."""
        self.held, self.failure = held, None

    def written(self, version: int) -> None:
        """Let go of the token: it is in its Secret, at that resourceVersion."""
        self.held, self.failure = None, None
        self.note_secret(version, intact=True)

    def fail(
        self, finding: Finding, inputs: Inputs, pace: Pace, now: datetime, chance: float, after: timedelta | None = None
    ) -> timedelta:
        """Note an attempt that failed; how long to wait: its pace, or `after` what was asked for."""
        before = self.failure
        streak = before.streak + 1 if before is not None and self.last_pace in (None, pace) else 1
        self.last_pace = pace
        wait = backoff(pace, streak, chance) if after is None else after
        self.failure = Failure(finding, (before.count if before else 0) + 1, streak, now + wait, inputs)
        return wait
