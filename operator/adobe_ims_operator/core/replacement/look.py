"""The questions to IMS and Adobe that decisions are made from: memory answers, or asking is the decision."""

import math
from collections.abc import Iterable
from datetime import timedelta

from adobe_ims_operator.api.client_secret_ledger import Ledger, Slot
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.replacement import evidence
from adobe_ims_operator.core.replacement.decision import AskToken, Decision, Deed, List, Refuse, Wait
from adobe_ims_operator.core.replacement.listing import Listing
from adobe_ims_operator.core.replacement.model import Answer, Now, Observed, Source, Step

STANDS = timedelta(hours=20)
"""How long IMS is not asked again where it accepted a value; the management token of that answer lives 24 hours."""
IDLE = timedelta(hours=1)
"""How long to wait where only a change can bring something to do."""
FRESH = timedelta(seconds=15)
"""How long ago a list came at most that a POST or a DELETE is sent because of."""
SOON = timedelta(minutes=1)
"""How long to wait for what the next look is likely to show."""
_SPREAD_SECONDS, _FEW_REQUESTS = 300, 2
_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=30), timedelta(minutes=10)


class Unanswered(Exception):  # noqa: N818 - it is no error, but the way out of a question that memory does not answer
    """What is to be done first; `decide` returns it.

    Args:
        decision: how the question is answered.
    """

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision)
        self.decision = decision


def is_accepted(observed: Observed, source: Source, digest: str, now: Now, within: timedelta = STANDS) -> bool:
    """Whether IMS accepts a value, by an answer of the last while.

    A refusal stands for half a minute at first and for ten minutes at last: a new client secret takes time to spread.

    Raises:
        Unanswered: IMS is to be asked first.
    """
    answer = observed.answer(digest)
    if answer is None:
        raise Unanswered(AskToken(source, digest))
    if not answer.accepted:
        within = _stands_for(answer)
    elif answer.bootstrap_version != observed.bootstrap_version:
        within = min(within, evidence.TEN_MINUTES)  # a person may just have replaced it by hand
    if not evidence.is_recent(answer.at, now, within) or _is_from_before_put_back(observed, answer, now):
        raise Unanswered(AskToken(source, digest))
    return answer.accepted


def accepted_answer(
    observed: Observed, source: Source, digest: str, now: Now, within: timedelta = STANDS
) -> Answer | None:
    """The answer by which IMS accepts a value; None where it refuses it.

    Raises:
        Unanswered: IMS is to be asked first.
    """
    return observed.answer(digest) if is_accepted(observed, source, digest, now, within) else None


def _put_back_ends(observed: Observed) -> float:
    """Ten minutes after a client secret was last put back in place, by the monotonic clock.

    Who replaces a client secret by hand changes the Secret too: what was put back may just have been deleted, and IMS
    accepts that for a while.
    """
    rows = (observed.memory.writes.get(deed.value) for deed in (Deed.RESTORE, Deed.SWITCH_BACK))
    return max((row.at for row in rows if row is not None), default=-math.inf) + evidence.TEN_MINUTES.total_seconds()


def _is_from_before_put_back(observed: Observed, answer: Answer, now: Now) -> bool:
    """Whether IMS is to be asked again, as its answer is of before those ten minutes were over."""
    return answer.at.monotonic < _put_back_ends(observed) <= now.monotonic


def idle(observed: Observed, now: Now) -> timedelta:
    """How long to wait where only a change can bring something to do, or what was put back is to be asked about."""
    remaining = timedelta(seconds=max(0.0, _put_back_ends(observed) - now.monotonic))
    return min(IDLE, remaining + timedelta(seconds=1)) if remaining else IDLE


def _stands_for(answer: Answer) -> timedelta:
    return min(max(evidence.lasted(answer), _FIRST_RETRY), _LAST_RETRY)


def retry_refused(observed: Observed, digest: str, now: Now, others: Iterable[str] = ()) -> timedelta:
    """How long the refusal of a value still stands.

    Args:
        others: what IMS is asked with too; the soonest retry counts. The value may be nowhere any more, so that nobody
            asks with it again.
    """
    standing = (_standing(observed, each, now) for each in (digest, *others))
    return min((each for each in standing if each is not None), default=_LAST_RETRY)


def _standing(observed: Observed, digest: str, now: Now) -> timedelta | None:
    answer = observed.answer(digest)
    if answer is None or answer.accepted:
        return None
    remaining = _stands_for(answer) - timedelta(seconds=now.monotonic - answer.at.monotonic)
    return remaining + timedelta(seconds=1) if remaining >= timedelta() else None


def listing(
    observed: Observed, value: tuple[Source, str], client_id: str, now: Now, *, within: timedelta, uuid: str = ""
) -> Listing:
    """The client secrets at Adobe, by a list of the last while that came after IMS accepted a value.

    Args:
        value: where it is, and its digest.
        uuid: a list without this one is read again soon.

    Raises:
        Unanswered: it is to be asked for first, or it is another client's.
    """
    (source, digest), listed = value, observed.memory.listed
    answer = observed.answer(digest)
    if answer is None or observed.memory.manages_with != digest or not evidence.is_recent(answer.at, now, STANDS):
        raise Unanswered(AskToken(source, digest))
    if listed is None or listed.at.monotonic < answer.at.monotonic:
        raise Unanswered(List())
    is_mismatch = listed.listing.client_id != client_id
    if is_mismatch or (uuid and evidence.find(listed.listing, uuid) is None):
        within = min(within, evidence.TEN_MINUTES)
    if not evidence.is_recent(listed.at, now, within):
        raise Unanswered(List())
    if is_mismatch:
        raise Unanswered(Refuse(_mismatch(observed), now.wall + evidence.TEN_MINUTES))
    return listed.listing


def is_swapped(observed: Observed, ledger: Ledger, slot: Slot) -> bool:
    """Whether the Secret has the current one under the key of another, and that one in its place."""
    other = ledger.held.get(slot)
    if other is None or other.digest == ledger.current.digest:
        return False
    return observed.digests.get(slot) == ledger.current.digest and observed.digests.get(Slot.CURRENT) == other.digest


def until_shown(observed: Observed, value: tuple[Source, str], answer: Answer, now: Now) -> timedelta:
    """How old a list may be while one is awaited that shows our requests as the last uses of one client secret.

    Args:
        value: what was asked with: where it is, and its digest.
        answer: the latest acceptance of it.

    Raises:
        Unanswered: the latest request is shown, and it is time for another one.
    """
    (source, digest), match, listed = value, observed.memory.match, observed.memory.listed
    age, within = timedelta(seconds=now.monotonic - answer.at.monotonic), IDLE
    if match is not None and match.digest == digest and match.times < evidence.MATCHES:
        until_next = _between_requests(answer, digest) - age
        if listed is not None and evidence.is_unconfirmed(match, listed.listing):
            within = evidence.LATER
        elif match.date == answer.date:  # else a stamp lags, and a new request would come before the latest is shown
            if until_next <= timedelta():
                raise Unanswered(AskToken(source, digest))
            within = max(until_next, SOON)
    return min(within, max(age / 2, SOON))


def _between_requests(answer: Answer, digest: str) -> timedelta:
    """How long after a request that is shown the next one comes, which is to be shown too.

    Where several ask in step, as those that were made at once, each fits the stamps of the others: so it differs by the
    value. Where others use the client all the time, no request is shown for long enough: so it doubles.
    """
    of_value = evidence.TEN_MINUTES + 2 * evidence.SLACK + timedelta(seconds=int(digest, 16) % _SPREAD_SECONDS)
    doublings: int = max(0, len(answer.earlier) - _FEW_REQUESTS)
    return of_value * (1 << doublings)


def has_stood(observed: Observed) -> bool:
    """Whether the lists of ten minutes show the same."""
    return observed.memory.listed is not None and evidence.has_stood(observed.memory.listed)


def until_proven(observed: Observed, now: Now) -> timedelta | None:
    """How long until another list may show the same as all of ten minutes; None where they do already.

    One list alone may be late, or lack an entry: nothing is dropped because of it.

    Raises:
        Unanswered: it is time for that list.
    """
    listed = observed.memory.listed
    if listed is None:
        raise Unanswered(List())
    if evidence.has_stood(listed):
        return None
    remaining = evidence.TEN_MINUTES - timedelta(seconds=now.monotonic - listed.same_since.monotonic)
    if remaining <= timedelta() and not evidence.is_recent(listed.at, now, SOON):
        raise Unanswered(List())
    return max(remaining, timedelta()) + SOON


def of_current(observed: Observed, ledger: Ledger, now: Now, within: timedelta) -> Listing:
    """The client secrets at Adobe, by a list that came after IMS accepted the current one.

    Raises:
        Unanswered: it is to be asked for first, or it is another client's.
    """
    current = ledger.current
    value = (Source.CURRENT, current.digest)
    return listing(observed, value, ledger.client_id, now, within=within, uuid=current.uuid)


def _mismatch(observed: Observed) -> Finding:
    credential = observed.resource.spec.credential
    message = (
        f"credential {credential} at Adobe is of another client than the one in Secret {observed.resource.secret_key} "
        f"or in Secret {observed.resource.spec.bootstrap.secret_name}, so nothing is touched; correct "
        f"spec.organizationId and spec.credentialId, or the bootstrap Secret: both numbers are in the URL of the "
        f"credential's page in the Developer Console"
    )
    return Finding(Reason.CREDENTIAL_MISMATCH, message)


def held_up(observed: Observed, step: Step, now: Now) -> Wait | None:
    """The wait for the next attempt of a step that failed; None where it may be taken."""
    failure = observed.memory.failures.get(step)
    if failure is None or now.monotonic >= failure.retry_at:
        return None
    until = failure.retry_at
    if failure.inputs is not None and failure.inputs != observed.inputs(step):
        until = failure.opens_at()
        if now.monotonic >= until:
            return None
    return Wait(failure.finding, now.wall + timedelta(seconds=until - now.monotonic))


def changes_too_often(observed: Observed, ask: AskToken, now: Now) -> Wait | None:
    """The wait before IMS is asked with one more value, where values change all the time; None where it may be."""
    row, answer = observed.memory.asks, observed.answer(ask.digest)
    if answer is not None and not answer.accepted:
        return None  # it is no news, and its refusal tells when to ask again
    if row is None or row.digest == ask.digest or now.monotonic >= row.retry_at:
        return None
    spec = observed.resource.spec
    message = (
        f"client secrets in Secret {observed.resource.secret_key} or Secret {spec.bootstrap.secret_name} change again "
        "and again, so IMS is asked with them more and more slowly; find out who else changes the Secrets"
    )
    until = now.wall + timedelta(seconds=row.retry_at - now.monotonic)
    return Wait(Finding(Reason.SECRET_CONTESTED, message), until)
