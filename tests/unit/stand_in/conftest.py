"""One stand-in for all of these tests, as good as new for each."""

from collections.abc import Iterator

import httpx
import pytest

from testbed.stand_in import StandIn
from unit.stand_in.asking import connected


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("stand-in"), warm=True) as stand_in:
        yield stand_in


@pytest.fixture
def ims(server: StandIn) -> Iterator[StandIn]:
    yield server
    server.renew()


@pytest.fixture
def client(ims: StandIn) -> Iterator[httpx.Client]:
    with connected(ims) as http:
        yield http
