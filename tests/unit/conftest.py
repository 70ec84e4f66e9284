"""IMS for unit tests: the stand-in over real HTTPS, raw answers it can't give, and errors searched for leaks."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from adobe_ims_operator.adobe.client import ClientCredentials, IMSClient
from adobe_ims_operator.adobe.errors import IMSError
from adobe_ims_operator.adobe.tls_trust import load_trust
from adobe_ims_operator.adobe.transport import TOTAL_SECONDS
from adobe_ims_operator.core.model import Token
from testbed.stand_in import StandIn
from unit.asking import CLIENT, SCOPES, Fetch, RawServer, Refuse, Serve, assert_without_secrets, chain


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is asked is on this machine, which its proxy can't reach."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="module")
def _stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("stand-in"), warm=True) as running:
        yield running


@pytest.fixture
def stand_in(_stand_in: StandIn) -> Iterator[StandIn]:
    """One for the module, as good as new for each test."""
    yield _stand_in
    _stand_in.renew()


@pytest.fixture
def patience() -> float:
    """Seconds that `client` waits for an answer; a test may be parametrized with another."""
    return TOTAL_SECONDS


@pytest.fixture
async def client(_stand_in: StandIn, patience: float, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[IMSClient]:
    monkeypatch.setenv("SSL_CERT_FILE", str(_stand_in.ca))  # to read all the usual authorities takes 20 ms
    ims = IMSClient(load_trust(_stand_in.ca), patience=patience)
    yield ims
    await ims.close()


@pytest.fixture
def fetch(client: IMSClient, stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> Fetch:
    """Ask the stand-in, or `url`, and see that no log line at any level holds a secret."""

    async def ask(url: str = "", credentials: ClientCredentials = CLIENT, scopes: tuple[str, ...] = SCOPES) -> Token:
        with caplog.at_level("DEBUG"):
            try:
                return (await client.fetch(url or stand_in.url, credentials, scopes)).token
            finally:
                lines = [f"{record.__dict__} {record.getMessage()}" for record in caplog.records]
                assert_without_secrets(" ".join(lines))

    return ask


@pytest.fixture
def refuse(fetch: Fetch) -> Refuse:
    """Ask for a token that can't be had; the error, in which no secret can be found."""

    async def ask(url: str = "", credentials: ClientCredentials = CLIENT, scopes: tuple[str, ...] = SCOPES) -> IMSError:
        with pytest.raises(IMSError) as raised:
            await fetch(url, credentials, scopes)
        for error in chain(raised.value):
            assert_without_secrets(f"{error} {error!r} {error.args!r}")
            assert_without_secrets("".join(traceback.format_exception(error)))
        assert len(list(chain(raised.value))) == 1, "a chained error of httpx holds the request, and that the secret"
        return raised.value

    return ask


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a RawServer: its whole answer, or a status, headers and body to make one of."""
    running: list[asyncio.Server] = []

    async def start(
        body: str = "",
        *,
        status: int = 200,
        headers: str = "",
        raw: bytes = b"",
        hold: bool = False,
        endless: bytes = b"",
    ) -> RawServer:
        length = "" if endless else f"Content-Length: {len(body.encode())}\r\n"
        answer = raw or f"HTTP/1.1 {status} \r\n{headers}{length}\r\n{body}".encode()
        raw_server = RawServer(answer, hold=hold, endless=endless)
        server = await asyncio.start_server(raw_server.serve, "127.0.0.1", 0)
        running.append(server)
        raw_server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return raw_server

    yield start
    for server in running:
        server.close()
        await server.wait_closed()


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """The command sets up the logging of its process, which here is that of all tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
