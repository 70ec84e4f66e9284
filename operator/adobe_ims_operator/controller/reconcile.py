"""One turn of a worker: observe, decide, and take the steps that need only the API server.

It is level-based: it gets a key, never what happened. Each step leaves the cluster in a state that the next one can go
on from, so it may be stopped anywhere: a token that is in its Secret is found there, and one that is not is in hand
until it is. To ask IMS is a result of a turn, not a step in it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from adobe_ims_operator.api.digests import digest
from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.placeholders import TemplateError
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock, to_rfc3339
from adobe_ims_operator.controller import write_troubles
from adobe_ims_operator.controller.follow_up import FollowUp
from adobe_ims_operator.controller.read_secrets import SecretReader
from adobe_ims_operator.controller.taker import Taker
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import claims, events, policy, refused_writes
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Ask, Decision, Look, Refuse, Take, Wait, Write, WriteMetadata
from adobe_ims_operator.core.events import Regarding
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import HeldToken, Observed, ObservedSecret, Step, Trouble
from adobe_ims_operator.core.refused_writes import Refusal, RefusedWrites
from adobe_ims_operator.core.seen_secrets import SeenTokenSecret
from adobe_ims_operator.core.taking import next_planned
from adobe_ims_operator.kube import dry_run, token_secret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, ConflictError, NotFoundError, RefusedError
from adobe_ims_operator.kube.token_secret import Content

logger = logging.getLogger(__name__)

MAX_STEPS = 8
"""Steps of one turn; what needs more (a Secret that others keep changing) gets another turn."""

UNTIL_SYNCED = timedelta(seconds=5)
"""After which it is looked again whether the namespace of a source is known, or will not be."""

Decide = Callable[[Observed, datetime], Decision]


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What a turn needs of the outside: the API server and the clock.

    Args:
        decide: what to do next.
    """

    work: Work
    kube: Kube
    reader: SecretReader
    taker: Taker
    follow_up: FollowUp
    clock: Clock
    decide: Decide = policy.decide

    async def reconcile(self, key: Key) -> datetime | None:
        """Bring one credential to where it should be; when to look again, or None if that waits for a change."""
        for _ in range(MAX_STEPS):
            if not self.work.store.has_synced(key.namespace):
                return None
            if not self.work.store.knows_source(key):
                return self.clock.now() + UNTIL_SYNCED
            observed = self.work.observe(key)
            if observed is None:
                return None
            decision = self.decide(observed, self.clock.now())
            if await self._looks_for_client(observed, decision):
                continue
            if isinstance(decision, Ask | Wait | Refuse):
                return await self._settle(observed, decision)
            await self._step(observed, decision)
            if isinstance(decision, Take):
                return self.clock.now()  # those who wait for the same token go before the report
        return self.clock.now() + timedelta(seconds=1)

    async def _looks_for_client(self, observed: Observed, decision: Decision) -> bool:
        """Read a client Secret that no watch told of, once: somebody's large Secrets may make the watch late."""
        ref, known = observed.spec.client, observed.attempts.looked_for
        missing = isinstance(decision, Refuse) and decision.finding.reason is Reason.CLIENT_SECRET_NOT_FOUND
        if not missing or ref is None or known == ref.secret_name:
            return False
        await self.reader.client_secret(observed)
        after = self.work.attempts(observed.key) or observed.attempts
        self.work.note(observed.key, replace(after, looked_for=ref.secret_name))
        return True

    async def _step(self, observed: Observed, decision: Look | Take | Write | WriteMetadata) -> None:
        match decision:
            case Look(step=step):
                await self.reader.look(observed, step)
            case Take(need=need, source=source):
                if (held := await self.taker.take(observed, source, need)) is not None:
                    await self._write(observed, held, need)
            case Write(need=need):
                await self._write(observed, observed.held, need)
            case WriteMetadata(need=need):
                await self._write_metadata(observed, need)
            case _ as unknown:
                assert_never(unknown)

    async def _settle(self, observed: Observed, decision: Ask | Wait | Refuse) -> datetime:
        """Follow up and report, once there is nothing more to do for now; when to look again."""
        key, now = observed.key, self.clock.now()
        if observed.held is not None:
            is_written = policy.is_written(observed)
            if is_written:  # and no answer said so: it was lost, or too large to be read at once
                self._tell(observed, observed.held, observed.held.need)
            kept = policy.holds_token(observed, now) and not is_written
            if kept and not isinstance(decision, Refuse):
                self.work.in_hand.park(key)
            else:
                self.work.in_hand.pop(key)
        if isinstance(decision, Ask):
            self.work.ask(key, decision)
            observed = replace(observed, asking_since=observed.asking_since or now)
        else:
            self.work.withdraw(key)
        again_at = await self.follow_up.follow_up(observed, decision)
        reason = _finding(decision).reason
        logger.debug("%s: %s; looking again at %s", key, reason, again_at, extra=about(key, reason=reason))
        return again_at

    async def _write(self, observed: Observed, held: HeldToken | None, need: Finding) -> None:
        if held is None:
            raise AssertionError("only a token that is in hand is written")
        content = None
        if observed.secret is not None and not _is_routine(observed):
            content = await self.reader.token_secret(observed)
            if content is None or not await self._may_change(observed, observed.secret, content):
                return
        await self._put(observed, held, need, content)

    async def _put(self, observed: Observed, held: HeldToken, need: Finding, content: Content | None) -> None:
        name = observed.spec.secret.name
        secret_key = Key(observed.key.namespace, name)
        made = self._makes(observed, held)
        try:
            written = await token_secret.write(self.kube, observed, held, content)
        except TemplateError as error:
            finding = Finding(Reason.TEMPLATE_INVALID, f"spec.secret.data: {error}")
            self._write_failed(observed, Trouble(finding, Pace.PERSON))
        except (ConflictError, NotFoundError) as error:
            self._write_failed(observed, write_troubles.conflict(name, error.answer))
            await self.reader.token_secret(observed)
        except RefusedError as error:
            await self._write_refused(observed, held, error)
        except ApiError as error:
            self._write_failed(observed, write_troubles.not_written(name, error, keeps=observed.source is None))
        else:
            self.work.in_hand.pop(observed.key)
            version, digest = written.metadata.version, observed.spec_digests.whole
            self.work.store.upsert_own_secret(secret_key, written.metadata, by=observed.key)
            known = self.work.attempts(observed.key) or observed.attempts
            after = attempt.written(known, version, digest, written.differences, made=made)
            if observed.shared is not None:
                after = attempt.token_came(after, next_planned(observed.shared, held.facts, self.clock.now()))
            self.work.note(observed.key, after)
            self._tell(observed, held, need)

    def _tell(self, observed: Observed, held: HeldToken, need: Finding) -> None:
        """Count a rotation that is in the Secret, and say so."""
        self.work.tally.rotations[need.reason] += 1
        for event in events.of_write(observed, held.facts, need):
            self.follow_up.recorder.record(Regarding(observed.key, observed.uid), event)
        name, expires_at = observed.spec.secret.name, to_rfc3339(held.facts.expires_at)
        fields = about(
            observed.key,
            secret=name,
            reason=need.reason,
            endpoint=observed.endpoint.url if observed.source is None else None,
            expires_at=held.facts.expires_at,
        )
        why = f"{need.reason}: {need.message}"
        logger.info("%s: wrote Secret %s: token expires at %s (%s)", observed.key, name, expires_at, why, extra=fields)

    async def _may_change(self, observed: Observed, secret: ObservedSecret, content: Content) -> bool:
        """Whether what a look into the Secret showed lets it be written to."""
        if content.metadata.version != secret.version:
            self._write_failed(
                observed, write_troubles.conflict(observed.spec.secret.name, "it was changed since it was seen")
            )
            return False
        if claims.takes_over(observed) and await self.reader.is_held(observed):
            return False
        return observed.own_secret is not None or not self._is_kept_from(observed, content)

    async def _write_metadata(self, observed: Observed, need: Finding) -> None:
        name, digest = observed.spec.secret.name, observed.spec_digests.whole
        try:
            content = await self.reader.secret(Key(observed.key.namespace, name), observed.key)
            if content is None:
                return
            if observed.secret is None or content.metadata.version != observed.secret.version:
                self._metadata_failed(
                    observed, need, write_troubles.metadata_conflict(name, "it was changed since it was seen")
                )
                return
            written = await token_secret.write_metadata(self.kube, observed, content)
        except (ConflictError, NotFoundError) as error:
            self._metadata_failed(observed, need, write_troubles.metadata_conflict(name, error.answer))
            await self.reader.token_secret(observed)
        except ApiError as error:
            self._metadata_failed(observed, need, write_troubles.metadata_not_written(name, error))
        else:
            # What it was written over is named by its version, so its data is as it was.
            seen = SeenTokenSecret(written.metadata.version, content.intact, digest, written.differences)
            self.work.store.upsert_own_secret(Key(observed.key.namespace, name), written.metadata, by=observed.key)
            known = self.work.attempts(observed.key) or observed.attempts
            after = attempt.metadata_written(known, seen, need, digest, self.clock.now(), self.reader.jitter())
            self.work.note(observed.key, after)
            fields = about(observed.key, secret=name, reason=need.reason)
            logger.info("%s: wrote the metadata of Secret %s: %s", observed.key, name, need.message, extra=fields)

    def _metadata_failed(self, observed: Observed, need: Finding, trouble: Trouble) -> None:
        known, digest = self.work.attempts(observed.key) or observed.attempts, observed.spec_digests.whole
        after = attempt.metadata_failed(known, trouble, need, digest, self.clock.now(), self.reader.jitter())
        self.work.note(observed.key, after)
        finding = trouble.finding
        fields = about(observed.key, secret=observed.spec.secret.name, reason=finding.reason)
        logger.warning("%s: %s: %s", observed.key, finding.reason, finding.message, extra=fields)

    def _makes(self, observed: Observed, held: HeldToken) -> tuple[str, timedelta] | None:
        """The rotation that makes a new Secret, and for how long there has been none of its name."""
        if observed.secret is not None or held.facts.rotation_id is None:
            return None
        absent = self.work.store.absences.seconds(Key(observed.key.namespace, observed.spec.secret.name))
        return held.facts.rotation_id, timedelta(seconds=absent)

    def _is_kept_from(self, observed: Observed, content: Content) -> bool:
        """Whether the Secret that is to be adopted is what another controller takes for its own configuration."""
        found = self.work.forbidden.first_of(content.type, content.labels, content.annotations)
        if found is None:
            return False
        message = (
            f"Secret {observed.spec.secret.name} has {found}, by which another controller may take it for its own, so "
            "it is not adopted; give spec.secret.name another value, or ask the operator's administrator for another "
            "--forbid"
        )
        finding = Finding(Reason.SECRET_METADATA_NOT_ALLOWED, message)
        self._write_failed(observed, Trouble(finding, Pace.PERSON))
        return True

    async def _write_refused(self, observed: Observed, held: HeldToken, error: RefusedError) -> None:
        """Say why, by the words of before where the same is refused in the same way."""
        before = (self.work.attempts(observed.key) or observed.attempts).refused
        asked = digest(dry_run.dummy(observed))
        if before is not None and (before.latest.answer, before.latest.asked) == (error.answer, asked):
            words: str | None = before.latest.words
        else:
            words = await dry_run.words_of_refusal(self.kube, observed, held, error)
        trouble = write_troubles.refused(observed.spec.secret.name, error, words or "")
        known = "" if words is None else asked
        refusal = Refusal(error.answer, trouble.finding, observed.spec_digests.whole, known, words or "")
        self._write_failed(observed, trouble, refused_writes.after(before, refusal, self.clock.now()))

    def _write_failed(self, observed: Observed, trouble: Trouble, refused: RefusedWrites | None = None) -> None:
        version = None if observed.secret is None else observed.secret.version
        self.reader.failed(observed, Step.WRITE, trouble, observed.inputs, against=version, refused=refused)


def _finding(decision: Ask | Wait | Refuse) -> Finding:
    return decision.need if isinstance(decision, Ask) else decision.finding


def _is_routine(observed: Observed) -> bool:
    """Whether nothing but the token changes in the Secret, so that what else is in it need not be known."""
    facts = observed.facts
    if facts is None or observed.intact is not True:
        return False
    if observed.differences is None or observed.differences.metadata:
        return False
    return facts.credential_uid == observed.uid and facts.spec_digest == observed.spec_digests.whole
