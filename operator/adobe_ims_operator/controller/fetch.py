"""One turn of an asker: a token for one credential, with each of its client secrets in turn.

What comes of it is a token in hand or a failure; the worker that looks at the credential next writes or reports it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from adobe_ims_operator.adobe.answers import Grant
from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.errors import ClockSkewed, IMSError, IMSRateLimited, IMSUnavailable, InvalidClient
from adobe_ims_operator.adobe.rate_limit import RateLimit
from adobe_ims_operator.adobe.throttled_clients import ThrottledClient
from adobe_ims_operator.api.ledger import Facts, new_rotation_id
from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.lanes import Lane
from adobe_ims_operator.controller.read_secrets import SecretReader
from adobe_ims_operator.controller.refused_oauth_client import explain_refusals
from adobe_ims_operator.controller.throttling import Throttles
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import management_scopes
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Ask
from adobe_ims_operator.core.due import due_at
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import HeldToken, Inputs, Observed, Step, Trouble
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.client_secret import Client

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """What asking needs of the outside.

    Args:
        limits: how often each allowed endpoint may be asked.
        random_hex: 16 hexadecimal digits by chance.
        count: takes each request: the endpoint, Issued or why there is no token, and the seconds it took.
        skews: by how many seconds the operator's clock is ahead of that of each endpoint.
    """

    work: Work
    reader: SecretReader
    kube: Kube
    ims: IMSClient
    throttles: Throttles
    limits: Mapping[str, RateLimit]
    clock: Clock
    random_hex: Callable[[], str]
    count: Callable[[str, str, float], None]
    skews: dict[str, float] = field(default_factory=dict)

    async def fetch(self, key: Key, ask: Ask, lane: Lane) -> bool:
        """Ask for a token for one credential; whether IMS was asked, or the turn is left to others.

        Args:
            lane: chose this credential.

        Raises:
            NotLeadingError: another replica may lead by now.
        """
        observed = self.work.observe(key)
        if observed is None or observed.throttled_until is not None or observed.spec.client is None:
            return False
        if management_scopes.refusal(observed, self.clock.now()) is not None:
            return False  # the spec has changed since the lane chose this credential
        found = await self.reader.client_secret(observed)
        if found is None:
            return False
        attempts = self.work.attempts(key)
        if attempts is None or attempts.client_secret is None:
            return False
        inputs = observed.inputs._replace(client_digest=attempts.client_secret.digest)
        if found.client is None:
            if found.missing is not None:
                self.reader.failed(observed, Step.ASK, Trouble(found.missing, Pace.PERSON), inputs)
            return False
        return await self._fetch(observed, observed.spec.client, ask, found.client, inputs, lane)

    async def _fetch(
        self, observed: Observed, ref: ClientRef, ask: Ask, client: Client, inputs: Inputs, lane: Lane
    ) -> bool:
        outcome: HeldToken | IMSError | None = None
        refusals: dict[str, InvalidClient] = {}
        for number, secret_key in enumerate(client.secrets):
            if number:  # the first had its turn before the lane chose this credential
                slot = self.limits[ask.endpoint].wait(again=observed.key.namespace)
                await lane.wait_for_slot(observed.key, slot)
            outcome = await self._ask_in_turn(observed, ref, ask, client, secret_key, inputs)
            if outcome is None and number:
                self.limits[ask.endpoint].give_back()
            if not isinstance(outcome, InvalidClient):
                break
            refusals[secret_key] = outcome
        if outcome is None:
            return bool(refusals)
        key, known = observed.key, self.work.attempts(observed.key) or observed.attempts
        self.work.note(key, attempt.asked(known, ask.need, inputs, self.clock.now()))
        if isinstance(outcome, HeldToken):
            if refusals:
                _log_refusals(observed, ref, ask, refusals)
            self.work.note(
                key, attempt.token_came(self.work.attempts(key) or known, due_at(outcome.facts, observed.spec.interval))
            )
            self.work.in_hand.put(key, outcome)
            return True
        after = outcome.retry_after if isinstance(outcome, IMSRateLimited) else None
        pace = Pace.PERSON if outcome.needs_person else Pace.IMS
        message = str(outcome)
        if isinstance(outcome, InvalidClient):
            message = explain_refusals(ref, ask.endpoint, client, refusals)
        trouble = Trouble(Finding(Reason(outcome.reason), message), pace, after)
        self.reader.failed(observed, Step.ASK, trouble, inputs, debug_id=outcome.debug_id)
        return True

    async def _ask_in_turn(
        self, observed: Observed, ref: ClientRef, ask: Ask, client: Client, secret_key: str, inputs: Inputs
    ) -> HeldToken | IMSError | None:
        """Ask unless the client is throttled, which is None, and say how that ended to those that wait for it."""
        throttled = ThrottledClient(ask.endpoint, observed.key.namespace, client.client_id)
        if not self.throttles.admit(throttled):
            return None
        try:
            held = await self._ask(observed, ref, ask, client, secret_key, inputs)
        except IMSRateLimited as error:
            asked = None if error.retry_after is None else error.retry_after.total_seconds()
            error.retry_after = timedelta(seconds=self.throttles.throttled(throttled, asked))
            return error
        except IMSUnavailable as error:
            self.throttles.abandoned(throttled)
            return error
        except IMSError as error:
            self.throttles.answered(throttled)
            return error
        except BaseException:
            self.throttles.abandoned(throttled)
            raise
        self.throttles.answered(throttled)
        return held

    async def _ask(
        self, observed: Observed, ref: ClientRef, ask: Ask, client: Client, secret_key: str, inputs: Inputs
    ) -> HeldToken:
        self.kube.time_left()
        organization_id = ref.organization_id
        credentials = ClientCredentials(client.client_id, client.secrets[secret_key], organization_id)
        grant = await self._request(observed, ask, credentials)
        facts = Facts(
            credential=str(observed.key),
            credential_uid=observed.uid,
            secret=str(Key(observed.key.namespace, observed.spec.secret.name)),
            issued_at=grant.issued_at,
            expires_at=grant.expires_at,
            spec_digest=observed.spec_digests.whole,
            data_digest="",  # known once the Secret is rendered
            client_digest=client.digest(observed.uid),
            client_version=str(client.version),
            client_secret_key=secret_key,
            rotate_request=inputs.rotate_request,
            rotations=(observed.facts.rotations if observed.facts else 0) + 1,
            rotation_id=new_rotation_id(grant.issued_at, self.random_hex()),
            client_id=client.client_id,
            organization_id=organization_id,
            token_type=grant.token.token_type,
            client_value=client.digest_value(observed.uid, secret_key),
        )
        return HeldToken(grant.token, client.client_id, facts, inputs, ",".join(observed.spec.scopes), ask.need)

    async def _request(self, observed: Observed, ask: Ask, credentials: ClientCredentials) -> Grant:
        started = self.clock.monotonic()
        try:
            grant = await self.ims.fetch(ask.endpoint, credentials, observed.spec.scopes)
        except IMSError as error:
            self.count(ask.endpoint, error.reason, self.clock.monotonic() - started)
            if isinstance(error, ClockSkewed):
                self.skews[ask.endpoint] = error.skew
            raise
        self.count(ask.endpoint, "Issued", self.clock.monotonic() - started)
        if grant.skew is not None:
            self.skews[ask.endpoint] = grant.skew
        return grant


def _log_refusals(observed: Observed, ref: ClientRef, ask: Ask, refusals: Mapping[str, InvalidClient]) -> None:
    # One line for all keys: a Secret may have many, and change often.
    keys, latest = ", ".join(refusals), list(refusals.values())[-1]
    fields = about(
        observed.key,
        secret=ref.secret_name,
        reason=latest.reason,
        endpoint=ask.endpoint,
        debug_id=latest.debug_id,
    )
    logger.info("%s: %s with the key %s; the next one is taken", observed.key, latest, keys, extra=fields)
