"""The one flow for one credential: observe, decide, fetch, write the Secret, write the status.

It is level-based: told whose turn it is, never what happened. Each step leaves the cluster in a state that the next
one can go on from, so it may be stopped anywhere: a token that is in its Secret is found there, and one that is not is
held in memory until it is.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adobe_ims_operator import checks, client_secret, policy, token_secret
from adobe_ims_operator.client_secret import ClientSecret
from adobe_ims_operator.cluster import Cluster, Memory
from adobe_ims_operator.fetch import Fetcher
from adobe_ims_operator.ims_errors import IMSError, IMSRateLimited, IMSRefused
from adobe_ims_operator.kube import ApiError, Kube, secret_path
from adobe_ims_operator.ledger import digest_client
from adobe_ims_operator.observed import Failure, Finding, Inputs, Observed, ObservedSecret
from adobe_ims_operator.policy import Action, Decision, Pace
from adobe_ims_operator.report import Reporter
from adobe_ims_operator.resource import Key
from adobe_ims_operator.template import TemplateError
from adobe_ims_operator.times import to_rfc3339
from adobe_ims_operator.token_secret import Content, HeldToken

logger = logging.getLogger(__name__)

WRITE_REFUSED = (400, 403, 413, 422)
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
        """Bring one credential to where it should be; when to look again, or None if it is gone."""
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
        for _ in range(MOST_STEPS):
            observed = self.cluster.observe(key, self.now())
            if observed is None:
                return None
            memory = self.cluster.memories[key]
            decision = policy.decide(observed, self.now())
            if decision.action is Action.WAIT:
                return await self._settle(observed, memory, decision)
            await self._take_step(observed, memory, decision)
        return self.now()

    async def _take_step(self, observed: Observed, memory: Memory, decision: Decision) -> None:
        match decision.action:
            case Action.READ_SECRET:
                await self._read_secret(observed)
            case Action.READ_CLIENT:
                await self._read_client(observed)
            case Action.FETCH:
                await self._fetch(observed, memory)
            case _ if memory.held is not None:
                await self._write(observed, memory, memory.held, decision.finding)

    async def _settle(self, observed: Observed, memory: Memory, decision: Decision) -> datetime:
        """Clear up and report, once there is nothing more to do for now; when to look again."""
        await self._delete_outgrown(observed)
        await self.reporter.report(observed, decision)
        memory.api_failures = 0
        if decision.finding is policy.FRESH:
            memory.failure = None
        return decision.look_again_at

    async def _read_secret(self, observed: Observed) -> Content | None:
        content = await self._observe_anew(Key(observed.key.namespace, observed.spec.secret.name))
        if content is not None:
            self.cluster.note_secret(observed.key, content.metadata.version, intact=content.intact)
        return content

    async def _read_client(self, observed: Observed) -> ClientSecret | None:
        key, spec = observed.key, observed.spec
        found = await client_secret.read(self.kube, key.namespace, spec.client)
        if found is None:
            self.cluster.note_client(key, None, None)
            return None
        self.cluster.put_secret(Key(key.namespace, spec.client.secret_name), found.metadata)
        client = found.client
        digest = digest_client(observed.uid, client.client_id, client.secrets) if client else "incomplete"
        self.cluster.note_client(key, str(found.metadata.version), digest)
        return found

    async def _fetch(self, observed: Observed, memory: Memory) -> None:
        memory.held = None
        found = await self._read_client(observed)
        if found is None:
            return
        inputs = observed.inputs._replace(client_version=str(found.metadata.version))
        if found.missing is not None:
            self._fail(observed, memory, found.missing, inputs, Pace.PERSON)
        if found.client is None:
            return
        try:
            memory.held = await self.fetcher.fetch(observed, found.client, inputs)
        except IMSError as error:
            pace = Pace.PERSON if isinstance(error, IMSRefused) else Pace.IMS
            after = error.retry_after if isinstance(error, IMSRateLimited) else None
            if after is not None:
                self.cluster.endpoints.close_until(observed.endpoint, self.now() + after)
            self._fail(observed, memory, Finding(error.reason, str(error)), inputs, pace, after)
        else:
            memory.failure = None

    async def _write(self, observed: Observed, memory: Memory, held: HeldToken, need: Finding) -> None:
        secret_key = Key(observed.key.namespace, observed.spec.secret.name)
        content: Content | None = None
        if observed.secret is not None and not _is_routine(observed):
            content = await self._read_secret(observed)
            if content is None or content.metadata.version != observed.secret.version:
                return
        try:
            written = await token_secret.write(self.kube, observed, held, content)
        except TemplateError as error:
            finding = Finding("TemplateInvalid", f"spec.secret.data: {error}")
            self._fail(observed, memory, finding, held.inputs, Pace.PERSON)
        except ApiError as error:
            if error.status == 409:
                await self._observe_anew(secret_key)
            elif error.status in WRITE_REFUSED:
                # Soon at first, since an API server that is starting forbids what it allows a second later.
                self._fail(observed, memory, _write_refused(observed, error), held.inputs, Pace.REFUSED_WRITE)
            else:
                raise
        else:
            self._note_written(observed, memory, held, written, need)

    def _note_written(
        self, observed: Observed, memory: Memory, held: HeldToken, written: ObservedSecret, need: Finding
    ) -> None:
        now = self.now()
        if need.reason in checks.HEALS and observed.last_written is not None:
            memory.heals = memory.heals + 1 if now - observed.last_written < policy.HEAL_WINDOW else 1
        memory.held, memory.failure = None, None
        memory.last_written, memory.written_for = now, held.facts.spec_digest
        name = observed.spec.secret.name
        self.cluster.put_secret(Key(observed.key.namespace, name), written)
        self.cluster.note_secret(observed.key, written.version, intact=True)
        expires_at = to_rfc3339(held.facts.expires_at)
        logger.info("%s: wrote Secret %s: token expires at %s (%s)", observed.key, name, expires_at, need.reason)

    async def _observe_anew(self, secret_key: Key) -> Content | None:
        content = await token_secret.read(self.kube, secret_key)
        if content is not None:
            self.cluster.put_secret(secret_key, content.metadata)
        elif known := self.cluster.secrets.get(secret_key):
            self.cluster.drop_secret(secret_key, known.version)
        return content

    async def _delete_outgrown(self, observed: Observed) -> None:
        if observed.own_secret is None or observed.spec.suspend:
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
                if error.status not in (404, 409):
                    raise
            await self._observe_anew(secret_key)

    def _fail(
        self,
        observed: Observed,
        memory: Memory,
        finding: Finding,
        inputs: Inputs,
        pace: Pace,
        after: timedelta | None = None,
    ) -> None:
        """Note an attempt that failed; the next one comes at its pace, or `after` what was asked for."""
        count = (memory.failure.count if memory.failure else 0) + 1
        wait = policy.backoff(pace, count, self.chance()) if after is None else after
        memory.failure = Failure(finding, count, self.now() + wait, inputs)
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
