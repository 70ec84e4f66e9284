"""What Adobe's answers prove: which client secret is ours, that one is no longer used, and how old an answer is.

Adobe's own stamps and Date headers are compared with each other, and never with our clock. Our two clocks say only how
long ago an answer came, and both must agree that it is not long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.client_secret_status import ReportedClientSecret
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.core.replacement.listing import ListedClientSecret, Listing, NoUse
from adobe_ims_operator.core.replacement.model import Answer, Listed, Match, Memory, Now

LAG = timedelta(hours=24)
"""How much later than another's the stamp of one client secret's last use may be shown."""
SLACK = timedelta(seconds=5)
"""How far the moment of a request and the stamp of the use that it was may be apart: two clocks of Adobe's."""
TEN_MINUTES = timedelta(minutes=10)
"""How far two answers are to be apart that prove something together, and how long one of them counts as new."""
OFF = timedelta(minutes=10)
"""How far the Date of a list may be from what the token answer and our monotonic clock let expect."""
MATCHES = 2
"""Requests of ours that must each be found as the last use of one client secret, and of no other."""
LATER = timedelta(minutes=1)
"""How much later a second list comes that counts a request: the stamp of another may come in between."""
SHOWN_WITHIN = timedelta(days=3)
"""How late Adobe shows a use of what we ask with each day, where its stamps move at all."""
MOST_USES = 32
"""Client secrets whose latest use is remembered; Adobe has two at a time."""
ADD_WINDOW = timedelta(minutes=2)
"""How long after the intent a client secret is created, if it is ours: the shell bounds what comes in between."""


def is_recent(at: Now, now: Now, within: timedelta) -> bool:
    """Whether something was so long ago at most, by both of our clocks: one may be set, and the other stand still."""
    by_monotonic, by_wall = now.monotonic - at.monotonic, now.wall - at.wall
    return by_monotonic <= within.total_seconds() and timedelta() <= by_wall <= within + SLACK


def lasted(answer: Answer) -> timedelta:
    """For how long IMS has said the same of a value, by its latest answer."""
    return timedelta(seconds=answer.at.monotonic - answer.first_at.monotonic)


def is_of_now(memory: Memory, listing: Listing, now: Now) -> bool:
    """Whether a list is of this moment, by the Date of the token answer before it, and of the list before.

    A proxy may keep answers. The time that passed since the token answer is told by our monotonic clock.
    """
    before, digest = memory.listed, memory.manages_with
    if before is not None and listing.at < before.listing.at - SLACK:
        return False
    answer = None if digest is None else memory.answers.get(digest)
    if answer is None or answer.date is None:
        return True
    expected = answer.date + timedelta(seconds=now.monotonic - answer.at.monotonic)
    return listing.at >= answer.date - SLACK and abs(listing.at - expected) <= OFF


def follow(before: Listed | None, listing: Listing, now: Now) -> Listed:
    """The latest list, and since when all before it have the same client secrets."""
    uuids = {entry.uuid for entry in listing.secrets}
    if before is None or {entry.uuid for entry in before.listing.secrets} != uuids:
        return Listed(listing, now, now, listing.at)
    return Listed(listing, now, before.same_since, before.same_since_date)


def latest_uses(
    before: Mapping[str, datetime], listing: Listing, reported: Sequence[ReportedClientSecret] = ()
) -> Mapping[str, datetime]:
    """The latest use of each client secret that any list showed: a stamp that goes back takes no use away.

    Args:
        reported: in the status, which counts where nothing is remembered: an earlier process may have seen more.
            Anybody who may write it can write anything. So it can only put a deletion off, once, and no further than
            if the client secret were used at this moment, or leave one that nobody here has the value of to a person.
    """
    found, by_now = dict(before), listing.at + SLACK
    shown = [(each.uuid, moment_or_none(each.last_used_at)) for each in reported if not before]
    shown += [(each.uuid, each.last_use if isinstance(each.last_use, datetime) else None) for each in listing.secrets]
    for uuid, use in ((uuid, min(use, by_now)) for uuid, use in shown if use is not None):
        found[uuid] = max(found.pop(uuid, use), use)
    return dict(list(found.items())[-MOST_USES:])


def has_stood(listed: Listed) -> bool:
    """Whether two lists ten minutes apart, and all in between, have the same client secrets."""
    by_monotonic = timedelta(seconds=listed.at.monotonic - listed.same_since.monotonic)
    return by_monotonic >= TEN_MINUTES and listed.listing.at - listed.same_since_date >= TEN_MINUTES - SLACK


def adobe_now(listed: Listed, now: Now) -> datetime:
    """What Adobe's clock shows now: what it showed with the list, and how long ago that was."""
    return listed.listing.at + timedelta(seconds=max(0.0, now.monotonic - listed.at.monotonic))


def find(listing: Listing, uuid: str) -> ListedClientSecret | None:
    """The entry of that uuid."""
    return next((entry for entry in listing.secrets if entry.uuid == uuid), None)


def match(memory: Memory, listing: Listing) -> Match | None:
    """Which of several client secrets was last used by the latest request of ours that is shown, after one more list.

    Stamps may come late, and may come for one sooner than for another. So it is the moment that must fit, to seconds,
    and it must still fit one alone a while later.
    """
    before, digest = memory.match, memory.manages_with
    answer = None if digest is None else memory.answers.get(digest)
    if digest is None or answer is None or answer.date is None:
        return before
    found = (([each for each in listing.secrets if is_use_at(each, date)], date) for date in answer.dates)
    fitting, date = next((each for each in found if each[0]), ([], answer.date))
    if len(fitting) != 1:
        # Where somebody asks when we do, what fitted before may have been theirs.
        return None if fitting else before
    (entry,) = fitting
    if before is None or (before.digest, before.uuid) != (digest, entry.uuid):
        return Match(digest, entry.uuid, date, 0, listing.at, is_counted=False)
    if date == before.date:
        is_counted = before.is_counted or listing.at - before.fitted_at >= LATER
        return replace(before, times=before.times + (is_counted and not before.is_counted), is_counted=is_counted)
    too_soon = before.is_counted and date - before.date < TEN_MINUTES
    return before if too_soon else Match(digest, entry.uuid, date, before.times, listing.at, is_counted=False)


def is_shown(found: Match | None, digest: str, uuid: str, times: int = 0) -> bool:
    """Whether so many requests with a value were counted as last uses of that client secret, and of no other."""
    return found is not None and (found.digest, found.uuid) == (digest, uuid) and found.times >= times


def is_unconfirmed(found: Match, listing: Listing) -> bool:
    """Whether a list is missing that is late enough to count the latest request."""
    return not found.is_counted and listing.at - found.fitted_at < LATER


def is_use_at(entry: ListedClientSecret, date: datetime) -> bool:
    """Whether the last use that is shown was the request of that moment."""
    return isinstance(entry.last_use, datetime) and abs(entry.last_use - date) <= SLACK


def is_drained(
    listing: Listing,
    new: ListedClientSecret,
    old: ListedClientSecret,
    since: datetime,
    overlap: timedelta,
    *,
    held: bool,
) -> bool:
    """Whether nobody has used the old client secret for the whole overlap.

    The stamp of the new one, which we ask with every day, says up to when Adobe's stamps tell the truth: if they lag,
    both do. So the overlap is measured up to there, from the last use of the old one, and from `since` at the earliest:
    who read the Secret before the new one was in place may use the old one only now. As the old one's stamp may lag
    alone, another day must have passed.

    Args:
        since: when the new one was put in place, or when the old one became an orphan.
        held: whether somebody may have the old one; then no time of a last use counts as used.
    """
    horizon = new.last_use
    if not isinstance(horizon, datetime) or horizon > listing.at + OFF:
        return False
    horizon = min(horizon, listing.at)  # two clocks of Adobe's may be apart
    if isinstance(old.last_use, datetime):
        since = max(since, old.last_use)
    elif held or old.last_use is NoUse.UNREADABLE:
        return False
    return horizon - since >= overlap and listing.at - since >= overlap + LAG


def is_shown_as_used(listing: Listing, new: ListedClientSecret, since: datetime) -> bool:
    """Whether Adobe shows that the new client secret is used, or may do soon.

    Args:
        since: when it was put in place.
    """
    if isinstance(new.last_use, datetime):
        if new.last_use > listing.at + OFF:
            return False
        since = max(since, new.last_use)
    return listing.at - since <= SHOWN_WITHIN


def may_be_ours(entry: ListedClientSecret, intended_at: datetime, uses: Mapping[str, datetime]) -> bool:
    """Whether one may be what a POST without an answer added: created in its time, and never used by any list."""
    created = entry.created_at
    if created is None or entry.last_use is not NoUse.NULL or entry.uuid in uses:
        return False
    return intended_at - SLACK <= created <= intended_at + ADD_WINDOW
