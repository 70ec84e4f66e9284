"""Reading Secrets, whose content the watches do not show, and what is remembered of them."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import JSON, Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.restored_etcd import Before, mark_secret
from adobe_ims_operator.controller.common_read import CommonReads
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import claims
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Inputs, Observed, Step, Trouble
from adobe_ims_operator.core.refused_writes import RefusedWrites
from adobe_ims_operator.core.rivals import Hold
from adobe_ims_operator.kube import client_secret, secret_owner, token_secret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.client_secret import ClientSecret
from adobe_ims_operator.kube.errors import ApiError, ForbiddenError, RefusedError, TooLargeError
from adobe_ims_operator.kube.token_secret import Content

logger = logging.getLogger(__name__)

BETWEEN = "look at the API server, and at what stands between it and the operator"


@dataclass(frozen=True, slots=True)
class SecretReader:
    """Reads Secrets for one credential at a time.

    Args:
        jitter: a random number in [0, 1).
    """

    work: Work
    kube: Kube
    clock: Clock
    jitter: Callable[[], float]
    reads: CommonReads[JSON | None] = field(default_factory=CommonReads)

    async def look(self, observed: Observed, step: Step) -> None:
        """Look at what a step names; a look that fails is an attempt that failed."""
        match step:
            case Step.READ_TOKEN_SECRET:
                await self.token_secret(observed)
            case Step.READ_CLIENT_SECRET:
                await self.client_secret(observed)
            case Step.LOOK_UP:
                await self.is_held(observed)
            case _:
                raise AssertionError(f"to {step.value} is no look")

    async def is_held(self, observed: Observed) -> bool:
        """Look up whether another credential has the token Secret, or might have it."""
        name, whom = observed.spec.secret.name, claims.to_look_up(observed.credential, observed.secret)
        if whom is None:
            return False
        found = await secret_owner.look_up(self.kube, whom.key, whom.uid, name, self.clock.now())
        self.work.store.note_holder(Key(observed.key.namespace, name), whom.uid, found)
        return found.hold is not Hold.GONE

    async def token_secret(self, observed: Observed) -> Content | None:
        """Look into the token Secret; None if there is none, or it can't be read."""
        key = Key(observed.key.namespace, observed.spec.secret.name)
        try:
            content = await self.secret(key, observed.key)
        except ApiError as error:
            version = None if observed.secret is None else observed.secret.version
            trouble = not_read(key.name, error)
            self.failed(observed, Step.READ_TOKEN_SECRET, trouble, observed.inputs, against=version)
            return None
        if content is not None:
            known = self.work.attempts(observed.key) or observed.attempts
            self.work.note(observed.key, attempt.saw_token_secret(known, content.seen(observed)))
        return content

    async def client_secret(self, observed: Observed) -> ClientSecret | None:
        """Look into the client Secret; None if there is none, or it can't be read."""
        ref = observed.spec.client
        if ref is None:
            raise AssertionError("who takes the token of another credential has no client Secret")
        key = Key(observed.key.namespace, ref.secret_name)
        known, before = self.work.store.secrets.get(key), Before.of_secret(self.work.store, key)
        try:
            # One read is as new as another that begins before more is known of the Secret.
            what = (key, None if known is None else known.version)
            body = await self.reads.read(what, partial(client_secret.get, self.kube, key))
        except ApiError as error:
            version = None if observed.client is None else observed.client.version
            trouble = not_read(key.name, error)
            self.failed(observed, Step.READ_CLIENT_SECRET, trouble, observed.inputs, against=version)
            return None
        found = None if body is None else client_secret.from_body(body, ref)
        if found is not None:
            before.shows_restore(found.metadata.version, {key: mark_secret(found.metadata)})
            self.work.store.upsert_own_secret(key, found.metadata, by=observed.key)
        elif known is not None:
            self.work.store.delete_secret(key, known.version)
        attempts = self.work.attempts(observed.key) or observed.attempts
        seen = None if found is None else found.seen(observed.uid)
        if attempts.failure is not None and seen is not None:
            self.work.recall_hold(observed, attempts.failure, seen)
        self.work.note(observed.key, attempt.saw_client_secret(attempts, key.name, seen, observed.inputs))
        return found

    async def secret(self, key: Key, by: Key | None) -> Content | None:
        """Look into a Secret and take up what the answer shows of it; None if there is none.

        Raises:
            ApiError: it can't be read.
        """
        # As known before: a Secret that was made again since the answer is not gone.
        known, before = self.work.store.secrets.get(key), Before.of_secret(self.work.store, key)
        content = await token_secret.read(self.kube, key)
        if content is not None:
            before.shows_restore(content.metadata.version, {key: mark_secret(content.metadata)})
            self.work.store.upsert_own_secret(key, content.metadata, by)
        elif known is not None:
            self.work.store.delete_secret(key, known.version)
        return content

    def failed(
        self,
        observed: Observed,
        step: Step,
        trouble: Trouble,
        inputs: Inputs,
        *,
        against: int | None = None,
        refused: RefusedWrites | None = None,
        debug_id: str | None = None,
    ) -> None:
        """Note an attempt that failed, and log it, with the x-debug-id of IMS's answer as a field."""
        now = self.clock.now()
        before = self.work.attempts(observed.key) or observed.attempts
        after = attempt.failed(before, step, trouble, inputs, now, self.jitter(), against=against, refused=refused)
        self.work.note(observed.key, after)
        if after.failure is not None:
            wait = (after.failure.retry_at - now).total_seconds()
            finding = trouble.finding
            line = (observed.key, finding.reason, finding.message, wait)
            logger.warning("%s: %s: %s; again in %.0f s", *line, extra=_fields(observed, step, finding, debug_id))


def _fields(observed: Observed, step: Step, finding: Finding, debug_id: str | None) -> Mapping[str, Mapping[str, str]]:
    client = observed.spec.client if step in (Step.READ_CLIENT_SECRET, Step.ASK) else None
    return about(
        observed.key,
        secret=observed.spec.secret.name if client is None else client.secret_name,
        reason=finding.reason,
        endpoint=observed.endpoint.url if step is Step.ASK else None,
        expires_at=observed.facts.expires_at if observed.facts is not None else None,
        debug_id=debug_id,
    )


def not_read(name: str, error: ApiError) -> Trouble:
    """Why a Secret could not be read."""
    if isinstance(error, TooLargeError):
        message = f"the operator does not read Secret {name}: {error.message}; make its data or its metadata smaller"
        return Trouble(Finding(Reason.SECRET_READ_REFUSED, message), Pace.REFUSED_WRITE)
    if isinstance(error, RefusedError):
        advice = "check the operator's permissions" if isinstance(error, ForbiddenError) else BETWEEN
        message = f"the API server refused to read Secret {name} ({error.answer}); {advice}"
        return Trouble(Finding(Reason.SECRET_READ_REFUSED, message), Pace.REFUSED_WRITE)
    message = f"the API server could not read Secret {name} ({error.answer}); the operator tries again"
    return Trouble(Finding(Reason.SECRET_READ_FAILED, message), Pace.API_SERVER)
