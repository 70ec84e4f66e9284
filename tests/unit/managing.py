"""What the tests of the console client share: the sample credential, its token, and errors searched for leaks."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.console import MANAGEMENT_SCOPES, ConsoleClient, ManagedCredential
from adobe_ims_operator.adobe.console_errors import ConsoleError
from adobe_ims_operator.adobe.tls_trust import load_trust
from adobe_ims_operator.adobe.transport import TOTAL_SECONDS
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CREDENTIAL, SAMPLE_ORGANIZATION
from testbed.stand_in import StandIn
from unit.asking import CLIENT, assert_without_secrets, chain


@asynccontextmanager
async def console_of(stand_in: StandIn, url: str = "", patience: float = TOTAL_SECONDS) -> AsyncIterator[ConsoleClient]:
    console = ConsoleClient(url or stand_in.url, load_trust(stand_in.ca), patience=patience)
    try:
        yield console
    finally:
        await console.close()


async def managed(
    stand_in: StandIn,
    organization_id: str = SAMPLE_ORGANIZATION,
    credential_id: str = SAMPLE_CREDENTIAL,
    *,
    client: ClientCredentials = CLIENT,
    scopes: tuple[str, ...] = MANAGEMENT_SCOPES,
) -> ManagedCredential:
    ims = IMSClient(load_trust(stand_in.ca))
    try:
        token = (await ims.fetch(stand_in.url, client, scopes)).token.access_token
    finally:
        await ims.close()
    return ManagedCredential(organization_id, credential_id, client.client_id, token)


def with_token(access_token: str, client_id: str = SAMPLE_CLIENT_ID) -> ManagedCredential:
    return ManagedCredential(SAMPLE_ORGANIZATION, SAMPLE_CREDENTIAL, client_id, access_token)


async def refused(asked: Awaitable[object], caplog: pytest.LogCaptureFixture) -> ConsoleError:
    """Ask for what can't be had; the error, in which no secret can be found, nor in any log line."""
    with caplog.at_level(logging.DEBUG), pytest.raises(ConsoleError) as raised:
        await asked
    for error in chain(raised.value):
        assert_without_secrets(f"{error} {error!r} {error.args!r}")
        assert_without_secrets("".join(traceback.format_exception(error)))
    assert len(list(chain(raised.value))) == 1, "a chained error of httpx holds the request, and that the token"
    assert_without_secrets(" ".join(f"{record.__dict__} {record.getMessage()}" for record in caplog.records))
    return raised.value
