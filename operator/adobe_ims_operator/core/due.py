"""When a token is due to be rotated."""

from datetime import datetime, timedelta

from adobe_ims_operator.api.ledger import Facts

SHORT_LIFETIME = timedelta(hours=3)
"""A token that lives shorter is replaced after `SHORT_SHARE` of its lifetime at the latest, to leave time to retry."""
SHORT_SHARE = 2 / 3
LEAST_MARGIN = timedelta(minutes=1)
"""Any other must outlive its rotation by this much; else it is replaced after `LIFETIME_SHARE` of its lifetime."""
LIFETIME_SHARE = 23 / 24


def due_at(facts: Facts, interval: timedelta) -> datetime:
    """When a token is to be replaced: always before it expires."""
    lifetime = facts.expires_at - facts.issued_at
    if lifetime < SHORT_LIFETIME:
        return facts.issued_at + min(interval, lifetime * SHORT_SHARE)
    if lifetime - interval < LEAST_MARGIN:
        return facts.issued_at + lifetime * LIFETIME_SHARE
    return facts.issued_at + interval
