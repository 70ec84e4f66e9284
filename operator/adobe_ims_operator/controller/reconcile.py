"""The one flow for one credential: observe, decide, fetch, write the Secret, write the status.

It is level-based: told whose turn it is, never what happened. Each step leaves the cluster in a state that the next
one can go on from, so it may be stopped anywhere: a token that is in its Secret is found there, and one that is not is
held in memory until it is.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never

from adobe_ims_operator.adobe.errors import IMSError, IMSRateLimited
from adobe_ims_operator.api.placeholders import TemplateError
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.cache.store import Cluster
from adobe_ims_operator.controller.fetch import Fetcher
from adobe_ims_operator.controller.report import Reporter
from adobe_ims_operator.core import claims, policy
from adobe_ims_operator.core.attempts import Memory
from adobe_ims_operator.core.model import Finding, Hold, Inputs, Observed
from adobe_ims_operator.core.policy import Action, Decision, Pace
from adobe_ims_operator.kube import client_secret, holder, token_secret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.client_secret import ClientSecret
from adobe_ims_operator.kube.errors import ApiError, ConflictError, NotFoundError, RefusedError
from adobe_ims_operator.kube.paths import secret_path
from adobe_ims_operator.kube.token_secret import Content

logger = logging.getLogger(__name__)

MOST_STEPS = 8
"""Steps of one turn; what needs more (a Secret that others keep changing) gets another turn."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What the flow needs of the outside: the API server, IMS, the clock and chance.

    Args:
        now: the wall clock, in UTC.
        chance: a random number in [0, 1), for jitter.
    """

    cluster: Cluster
    kube: Kube
    fetcher: Fetcher
    reporter: Reporter
    now: Callable[[], datetime]
    chance: Callable[[], float]

    async def reconcile(self, key: Key) -> datetime | None:
        """Bring one credential to where it should be; when to look again, or None if that waits for a change."""
        if not self.cluster.is_in_sync(key):
            return None
        try:
            return await self._reconcile(key)
        except ApiError as error:
            memory = self.cluster.memories.get(key)
            if memory is None:
                return None
            memory.api_failures += 1
            wait = policy.backoff(Pace.API_SERVER, memory.api_failures, self.chance())
            logger.warning(
                "%s: the API server did not take part: %s; again in %.1f s", key, error, wait.total_seconds()
            )
            return self.now() + wait

    async def _reconcile(self, key: Key) -> datetime | None:
        before: Action | None = None
        for _ in range(MOST_STEPS):
            observed = self.cluster.observe(key, self.now())
            if observed is None:
                return None
            memory = self.cluster.memories[key]
            decision = policy.decide(observed, self.now())
            if decision.action is Action.WAIT:
                return await self._settle(observed, memory, decision)
            if before is Action.TELL or (before is not None and Action.FETCH in (before, decision.action)):
                # To ask IMS is a turn of its own: who asks waits for no write, and who writes not for IMS.
                return self.now()
            await self._take_step(observed, memory, decision)
            if decision.action is Action.FETCH and memory.held is not None:
                return self.now()
            before = decision.action
        return self.now() + timedelta(seconds=1)

    async def _take_step(self, observed: Observed, memory: Memory, decision: Decision) -> None:
        match decision.action:
            case Action.READ_SECRET:
                await self._read_secret(observed, memory)
            case Action.LOOK_UP:
                await self._is_held(observed)
            case Action.READ_CLIENT:
                await self._read_client(observed, memory)
            case Action.TELL:
                await self.reporter.report(observed, decision)
            case Action.FETCH:
                await self._fetch(observed, memory, decision.finding)
            case Action.WRITE:
                await self._write(observed, memory, decision.finding)
            case Action.WAIT:
                raise AssertionError("to wait is no step")
            case _ as unknown:
                assert_never(unknown)

    async def _settle(self, observed: Observed, memory: Memory, decision: Decision) -> datetime:
        """Clear up and report, once there is nothing more to do for now; when to look again."""
        quiet = memory.keeps_quiet(self.now(), in_line=decision.in_line)
        restart_at = await self.reporter.report(observed, decision, quiet=quiet)
        await self._delete_outgrown(observed)
        memory.api_failures = 0
        if decision.finding is policy.FRESH:
            memory.failure = None
        logger.debug("%s: %s; looking again at %s", observed.key, decision.finding.reason, decision.look_again_at)
        return decision.look_again_at if restart_at is None else min(decision.look_again_at, restart_at)

    async def _read_secret(self, observed: Observed, memory: Memory) -> Content | None:
        content = await self._observe_anew(Key(observed.key.namespace, observed.spec.secret.name), observed.key)
        if content is not None:
            memory.note_secret(content.metadata.version, intact=content.intact)
        return content

    async def _is_held(self, observed: Observed) -> bool:
        """Look up whether another credential has the Secret, or might have it."""
        secret, name = observed.secret, observed.spec.secret.name
        if secret is None or secret.credential_uid is None or secret.credential is None:
            return False
        found = await holder.look_up(self.kube, secret.credential, secret.credential_uid, name, self.now())
        self.cluster.note_holder(Key(observed.key.namespace, name), secret.credential_uid, found)
        return found.hold is not Hold.GONE

    async def _read_client(self, observed: Observed, memory: Memory) -> ClientSecret | None:
        key, spec = observed.key, observed.spec
        client_key = Key(key.namespace, spec.client.secret_name)
        known = self.cluster.secrets.get(client_key)
        found = await client_secret.read(self.kube, key.namespace, spec.client)
        if found is None:
            if known is not None:
                self.cluster.drop_secret(client_key, known.version)
            memory.note_client(None, None, observed.inputs.rotate_request)
            return None
        self.cluster.put_own_secret(client_key, found.metadata, by=key)
        digest = found.client.digest(observed.uid) if found.client else "incomplete"
        memory.note_client(str(found.metadata.version), digest, observed.inputs.rotate_request)
        return found

    async def _fetch(self, observed: Observed, memory: Memory, need: Finding) -> None:
        found = await self._read_client(observed, memory)
        if found is None:
            return
        inputs = observed.inputs._replace(client_digest=memory.client_digest)
        if found.client is None:
            self._fail(observed, memory, found.missing or need, inputs, Pace.PERSON)
            return
        try:
            held = await self.fetcher.fetch(observed, found.client, inputs)
        except IMSError as error:
            memory.ask(need, inputs, self.now())
            pace = Pace.PERSON if error.needs_person else Pace.IMS
            after = error.retry_after if isinstance(error, IMSRateLimited) else None
            if after is not None:
                self.cluster.endpoints.close_until(observed.endpoint, self.now() + after)
            self._fail(observed, memory, Finding(error.reason, str(error)), inputs, pace, after)
        else:
            if held is not None:
                memory.ask(need, inputs, self.now())
                memory.hold(held)

    async def _write(self, observed: Observed, memory: Memory, need: Finding) -> None:
        held = memory.held
        if held is None:
            raise AssertionError("only a token that is held is written")
        name = observed.spec.secret.name
        secret_key = Key(observed.key.namespace, name)
        content: Content | None = None
        if observed.secret is not None and not _is_routine(observed):
            content = await self._read_secret(observed, memory)
            if content is None or content.metadata.version != observed.secret.version:
                return
            if claims.takes_over(observed) and await self._is_held(observed):
                return
        try:
            written = await token_secret.write(self.kube, observed, held, content)
        except TemplateError as error:
            finding = Finding("TemplateInvalid", f"spec.secret.data: {error}")
            self._fail(observed, memory, finding, held.inputs, Pace.PERSON)
        except ApiError as error:
            if isinstance(error, ConflictError) or (isinstance(error, NotFoundError) and observed.secret is not None):
                await self._observe_anew(secret_key, observed.key)
            elif isinstance(error, RefusedError):
                # Soon at first, since an API server that is starting forbids what it allows a second later.
                self._fail(observed, memory, _write_refused(observed, error), held.inputs, Pace.REFUSED_WRITE)
            else:
                raise
        else:
            self.cluster.put_own_secret(secret_key, written, by=observed.key)
            memory.written(written.version)
            expires_at = to_rfc3339(held.facts.expires_at)
            logger.info("%s: wrote Secret %s: token expires at %s (%s)", observed.key, name, expires_at, need.reason)

    async def _observe_anew(self, secret_key: Key, by: Key | None) -> Content | None:
        # As known before: a Secret that was made anew since the answer is not gone.
        known = self.cluster.secrets.get(secret_key)
        content = await token_secret.read(self.kube, secret_key)
        if content is not None:
            self.cluster.put_own_secret(secret_key, content.metadata, by)
        elif known is not None:
            self.cluster.drop_secret(secret_key, known.version)
        return content

    async def _delete_outgrown(self, observed: Observed) -> None:
        # Not before the new Secret holds what the old one did.
        if observed.spec.suspend or not policy.holds_fresh_token(observed, self.now()):
            return
        for secret_key, secret in self.cluster.outgrown_secrets(observed.key):
            try:
                await self.kube.delete(secret_path(secret_key), secret.uid, secret.version)
                logger.info(
                    "%s: deleted Secret %s, which spec.secret.name no longer names",
                    observed.key,
                    secret_key.name,
                )
            except ApiError as error:
                if not isinstance(error, NotFoundError | ConflictError):
                    raise
            await self._observe_anew(secret_key, by=None)

    def _fail(
        self,
        observed: Observed,
        memory: Memory,
        finding: Finding,
        inputs: Inputs,
        pace: Pace,
        after: timedelta | None = None,
    ) -> None:
        wait = memory.fail(finding, inputs, pace, self.now(), self.chance(), after)
        logger.warning(
            "%s: %s: %s; again in %.0f s", observed.key, finding.reason, finding.message, wait.total_seconds()
        )


def _is_routine(observed: Observed) -> bool:
    """Whether nothing but the token changes in the Secret, so that what else is in it need not be known."""
    facts = observed.facts
    same = facts is not None and (facts.credential_uid, facts.spec_digest) == (
        observed.uid,
        observed.inputs.spec_digest,
    )
    return same and observed.secret_intact is True


def _write_refused(observed: Observed, error: ApiError) -> Finding:
    # The API server's own words may quote what was sent, so only its reason is passed on.
    return Finding(
        "SecretWriteRefused",
        f"the API server refused to write Secret {observed.spec.secret.name} ({error.status} {error.reason}); check "
        "its type and size, its immutable field, quotas, admission policies and the operator's permissions",
    )


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
