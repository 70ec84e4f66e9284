"""What the work on credentials came to since the start of the process."""

from collections import Counter
from dataclasses import dataclass, field

from adobe_ims_operator.api.reasons import Reason


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts by reason, so that no tenant can make them many."""

    rotations: Counter[Reason] = field(default_factory=Counter)
    """Tokens that were written to their Secrets, by why they were asked for."""
    restarts: Counter[Reason] = field(default_factory=Counter)
    """Attempts to restart a workload, by what came of them."""
