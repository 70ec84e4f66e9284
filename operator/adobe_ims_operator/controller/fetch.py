"""A token for one credential: IMS is asked with each client secret in turn, no faster than its endpoint allows."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.adobe.answers import Grant
from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.errors import IMSError, InvalidClient
from adobe_ims_operator.adobe.rate import RateLimit
from adobe_ims_operator.api.ledger import Facts, new_rotation_id
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.core.model import HeldToken, Inputs, Observed
from adobe_ims_operator.kube.client_secret import Client


@dataclass(frozen=True, slots=True)
class Fetcher:
    """What fetching needs of the outside.

    Args:
        endpoints: which of them wants to be left alone for now.
        limits: how often each allowed endpoint may be asked.
        now: the wall clock, in UTC.
        steady: seconds that never go back.
        permit: raises NotLeadingError where nothing may be asked.
        count: told of each request: the endpoint, Issued or why there is no token, and the seconds it took.
        random_hex: chance, for the id of a rotation.
    """

    ims: IMSClient
    endpoints: Endpoints
    limits: Mapping[str, RateLimit]
    now: Callable[[], datetime]
    steady: Callable[[], float]
    permit: Callable[[], object]
    count: Callable[[str, str, float], None]
    random_hex: Callable[[], str] = lambda: secrets.token_hex(8)

    async def fetch(self, observed: Observed, client: Client, inputs: Inputs) -> HeldToken | None:
        """Ask for a token; the next client secret is tried only where IMS does not accept the one before.

        None where the endpoint closed while others were asking: nothing was asked then.

        Raises:
            IMSError: there is no token to be had; of several client secrets, what was said of the last.
            NotLeadingError: another replica may lead by now.
        """
        *others, last = client.secrets
        for secret_key in others:
            try:
                return await self._ask(observed, client, secret_key, inputs)
            except InvalidClient:
                continue
        return await self._ask(observed, client, last, inputs)

    async def _ask(self, observed: Observed, client: Client, secret_key: str, inputs: Inputs) -> HeldToken | None:
        await self.limits[observed.endpoint].wait()
        if self.endpoints.opens_at(observed.endpoint, self.now()) is not None:
            return None
        self.permit()
        grant = await self._request(observed, ClientCredentials(client.client_id, client.secrets[secret_key]))
        facts = Facts(
            credential=str(observed.key),
            credential_uid=observed.uid,
            secret=str(Key(observed.key.namespace, observed.spec.secret.name)),
            issued_at=grant.issued_at,
            expires_at=grant.expires_at,
            spec_digest=inputs.spec_digest,
            data_digest="",  # known once the Secret is rendered
            client_digest=client.digest(observed.uid),
            client_version=str(client.version),
            client_secret_key=secret_key,
            rotate_request=inputs.rotate_request,
            rotations=(observed.facts.rotations if observed.facts else 0) + 1,
            rotation_id=new_rotation_id(grant.issued_at, self.random_hex()),
            client_id=client.client_id,
        )
        return HeldToken(grant.token, client.client_id, facts, inputs)

    async def _request(self, observed: Observed, credentials: ClientCredentials) -> Grant:
        started = self.steady()
        try:
            grant = await self.ims.fetch(observed.endpoint, credentials, observed.spec.scopes)
        except IMSError as error:
            self.count(observed.endpoint, error.reason, self.steady() - started)
            raise
        self.count(observed.endpoint, "Issued", self.steady() - started)
        return grant
