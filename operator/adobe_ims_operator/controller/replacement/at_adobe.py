"""What a replacement asks of Adobe: tokens of IMS, and the client secrets of a credential of the console API.

What can't be taken back, POST and DELETE, is sent only while this replica holds the Lease, for the object as the API
server has it at that moment. That either is about to be sent is remembered before, as its outcome may stay unknown.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.console import MANAGEMENT_SCOPES, ConsoleClient, ManagedCredential
from adobe_ims_operator.adobe.console_errors import ConsoleError, ManagementNotPermitted, Outcome
from adobe_ims_operator.adobe.errors import IMSError, IMSRateLimited, IMSUnavailable, InvalidClient
from adobe_ims_operator.adobe.rate_limit import RateLimit
from adobe_ims_operator.adobe.throttled_clients import ThrottledClient
from adobe_ims_operator.api.client_secret import parse_client_secret
from adobe_ims_operator.api.client_secret_ledger import digest_client_secret
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.controller.replacement import troubles
from adobe_ims_operator.controller.replacement.secrets import Secrets
from adobe_ims_operator.controller.replacement.work import TOKEN_MARGIN, ManagementToken, Outdated, Work, log_failure
from adobe_ims_operator.controller.throttling import Throttles
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import Trouble
from adobe_ims_operator.core.replacement import attempts as attempt
from adobe_ims_operator.core.replacement import due, findings
from adobe_ims_operator.core.replacement.decision import AskToken
from adobe_ims_operator.core.replacement.model import Added, Observed, Step
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import client_secrets_path

DONE, NOT_OF_NOW = "Done", "DateMismatch"
"""What comes of a request to the console API, where that is no reason of an error."""
LEAST_SECONDS = 8.0
"""That the Lease must still be held for when POST or DELETE is sent; it is renewed long before."""
LONGEST_WAIT = 10.0
"""Seconds from a decision to POST or DELETE, which are sent soon after a list or not at all."""
LONGEST_TURN = 7.0
"""Of those, to wait for a turn. Where hundreds are due at once, one that has waited too long takes no turn of another:
else all would wait too long."""
_ASKED = {Step.LIST: "list", Step.ADD: "add", Step.DELETE: "delete"}
LEAST_HELD, MOST_HELD = timedelta(seconds=30), timedelta(minutes=5)
"""After which a client that IMS throttles is asked for again, where it is not this one's turn to probe: when its hold
ends, which an answer to somebody else may do sooner."""


@dataclass(frozen=True, slots=True)
class AtAdobe:
    """What asking needs of the outside.

    Args:
        limits: how often each IMS endpoint may be asked.
        list_limit: how often the console API may be asked for lists.
        deed_limit: how often it may be asked to add or delete. These wait behind no list: one who waits too long for a
            turn needs another list.
        count: takes each request to IMS: the endpoint, Issued or why there is no token, and the seconds it took.
        count_console: takes each request to the console API: what was asked, and Done or why it was not.
    """

    work: Work
    kube: Kube
    secrets: Secrets
    ims: IMSClient
    console: ConsoleClient
    throttles: Throttles
    limits: Mapping[str, RateLimit]
    list_limit: RateLimit
    deed_limit: RateLimit
    count: Callable[[str, str, float], None]
    count_console: Callable[[str, str], None]

    async def ask(self, observed: Observed, ask: AskToken) -> None:
        """Ask IMS for a management token."""
        client_id, value = await self.secrets.client(observed, ask)
        key, url = observed.resource.key, observed.endpoint.url
        throttled = ThrottledClient(url, key.namespace, client_id)
        if self.throttles.held_for(throttled) is not None:
            self._wait_for_hold(observed, throttled)
            return
        await self.limits[url].wait(again=key.namespace)
        self._see_that_it_is_there(observed, self.limits[url])
        self.kube.time_left()
        if not self.throttles.admit(throttled):
            self.limits[url].give_back()
            self._wait_for_hold(observed, throttled)
            return
        now = self.work.now
        started = now.monotonic
        observed = self.work.note(observed, attempt.asking(observed.memory, ask.digest, now, self.work.jitter()))
        try:
            grant = await self.ims.fetch(url, ClientCredentials(client_id, value), MANAGEMENT_SCOPES)
        except IMSError as error:
            self.count(url, error.reason, self.work.clock.monotonic() - started)
            self._not_granted(observed, ask, throttled, error)
            return
        except BaseException:
            self.throttles.abandoned(throttled)
            raise
        self.throttles.answered(throttled)
        self.count(url, "Issued", self.work.clock.monotonic() - started)
        if grant.date is None:
            self.work.failed(observed, Step.ASK, troubles.no_date(url))
            return
        if grant.token.expires_in <= 2 * TOKEN_MARGIN:
            self.work.failed(observed, Step.ASK, troubles.short_lived(url, grant.token.expires_in))
            return
        now = self.work.now
        # By our clock, which counts how long it is kept.
        expires_at = now.wall + grant.token.expires_in
        token = ManagementToken(grant.token.access_token, client_id, ask.digest, expires_at)
        self.work.keep_token(key, token)
        self.work.note(observed, attempt.accepted(observed.memory, observed, ask.digest, grant.date, now))

    def _wait_for_hold(self, observed: Observed, client: ThrottledClient) -> None:
        left = timedelta(seconds=self.throttles.held_for(client) or 0)
        finding = Finding(Reason.IMS_RATE_LIMITED, f"{client.endpoint} throttles the client; the operator asks again")
        self.work.failed(observed, Step.ASK, Trouble(finding, Pace.IMS, min(max(left, LEAST_HELD), MOST_HELD)))

    def _not_granted(self, observed: Observed, ask: AskToken, client: ThrottledClient, error: IMSError) -> None:
        after = None
        if isinstance(error, IMSRateLimited):
            asked = None if error.retry_after is None else error.retry_after.total_seconds()
            after = timedelta(seconds=self.throttles.throttled(client, asked))
        elif isinstance(error, IMSUnavailable):
            self.throttles.abandoned(client)
        else:
            self.throttles.answered(client)
        if isinstance(error, InvalidClient):
            self.work.note(observed, attempt.refused(observed.memory, observed, ask.digest, self.work.now))
            return
        self.work.failed(observed, Step.ASK, troubles.of_ims(error, after))

    async def list(self, observed: Observed) -> None:
        """List the client secrets of a credential."""
        managed = self._managed(observed)
        await self.list_limit.wait(again=observed.resource.key.namespace)
        self._see_that_it_is_there(observed, self.list_limit)
        try:
            listing = await self.console.list_client_secrets(managed)
        except ConsoleError as error:
            self._console_failed(observed, Step.LIST, error)
            return
        reported = observed.resource.status.client_secrets
        after = attempt.listed(observed.memory, listing, self.work.now, reported)
        self.work.note(observed, after)
        if after.listed is not None:
            self.count_console("list", DONE)
            return
        self.count_console("list", NOT_OF_NOW)
        log_failure(observed.resource.key, findings.not_of_now())

    def _see_that_it_is_there(self, observed: Observed, limit: RateLimit) -> None:
        """Leave the turn to others where the object went while it waited."""
        if self.work.is_gone(observed):
            limit.give_back()
            raise Outdated

    async def add(self, observed: Observed) -> None:
        """Add one."""
        managed = self._managed(observed)
        await self._see_that_all_is_current(observed, Step.ADD)
        seconds = self._time_left(observed, Step.ADD)
        began = self.work.now
        date = due.adobe_now(observed, began)
        observed = self.work.note(observed, attempt.adding(observed.memory))
        try:
            async with asyncio.timeout(seconds):
                secret = await self.console.add_client_secret(managed)
        except ConsoleError as error:
            if error.outcome is Outcome.NOT_DONE:
                observed = self.work.note(observed, attempt.add_refused(observed.memory))
            self._console_failed(observed, Step.ADD, error)
            return
        except TimeoutError:
            self.count_console("add", Reason.CONSOLE_UNAVAILABLE)
            self.work.failed(observed, Step.ADD, troubles.out_of_time("add"))
            return
        self.count_console("add", DONE)
        credential = observed.resource.spec.credential
        digest = digest_client_secret(credential, secret.value)
        date += timedelta(seconds=self.work.now.monotonic - began.monotonic)
        found = Added(secret, credential, managed.client_id, digest, date, observed.resource.uid)
        self.work.note(observed, attempt.added(observed.memory, found))

    async def delete(self, observed: Observed, uuid: str) -> None:
        """Delete one."""
        managed = self._managed(observed)
        await self._see_that_all_is_current(observed, Step.DELETE)
        seconds = self._time_left(observed, Step.DELETE)
        observed = self.work.note(observed, attempt.deleting(observed.memory))
        try:
            async with asyncio.timeout(seconds):
                await self.console.delete_client_secret(managed, uuid)
        except ConsoleError as error:  # also that it is gone: the next list says whether that is so
            self._console_failed(observed, Step.DELETE, error)
            return
        except TimeoutError:
            self.count_console("delete", Reason.CONSOLE_UNAVAILABLE)
            self.work.failed(observed, Step.DELETE, troubles.out_of_time("delete"))
            return
        self.count_console("delete", DONE)
        self.work.note(observed, attempt.deleted(observed.memory, uuid))

    async def _see_that_all_is_current(self, observed: Observed, step: Step) -> None:
        """Compare with the API server what the watches may be late with.

        A person may just have suspended it, or a backup may have put an older Secret back.
        """
        started = self.work.clock.monotonic()
        if not await self.deed_limit.wait_at_most(LONGEST_TURN, again=observed.resource.key.namespace):
            self.work.failed(observed, step, troubles.no_turn(LONGEST_TURN))
            raise Outdated
        await self._see_the_object(observed, step)
        content = await self.secrets.read(observed)
        version = None if observed.secret is None else observed.secret.version
        if content is None or content.metadata.version != version:
            raise Outdated
        if self.work.clock.monotonic() - started > LONGEST_WAIT:
            raise Outdated  # what was listed is too old by now

    async def _see_the_object(self, observed: Observed, step: Step) -> None:
        resource = observed.resource
        try:
            body = await self.kube.get(client_secrets_path(resource.key.namespace, resource.key.name))
        except NotFoundError:
            self.work.replacements.delete(resource.key, resource.uid)
            raise Outdated from None
        except ApiError as error:
            self.work.failed(observed, step, troubles.not_read(resource.key, error, "AdobeIMSClientSecret"))
            raise Outdated from None
        found = parse_client_secret(body)
        if (found.uid, found.spec, found.deleting) != (resource.uid, resource.spec, resource.deleting):
            self.work.replacements.correct(found)
            raise Outdated

    def _managed(self, observed: Observed) -> ManagedCredential:
        resource, token = observed.resource, self.work.token(observed.resource.key)
        if token is None or token.digest != observed.memory.manages_with:
            self.work.note(observed, attempt.token_ended(observed.memory))
            raise Outdated
        self.kube.time_left()
        credential = resource.spec.credential
        return ManagedCredential(
            credential.organization_id, credential.credential_id, token.client_id, token.access_token
        )

    def _time_left(self, observed: Observed, step: Step) -> float:
        """Seconds for which a request may be under way that can't be taken back: else its answer might be cut off."""
        seconds = self.kube.time_left()
        if seconds < LEAST_SECONDS:
            self.work.failed(observed, step, troubles.no_time_left())
            raise Outdated
        return seconds

    def _console_failed(self, observed: Observed, step: Step, error: ConsoleError) -> None:
        self.count_console(_ASKED[step], error.reason)
        if isinstance(error, ManagementNotPermitted):  # the token may be at fault, and not what it is for
            self.work.drop_token(observed.resource.key)
            observed = self.work.note(observed, attempt.token_ended(observed.memory))
        self.work.failed(observed, step, troubles.of_console(error))
