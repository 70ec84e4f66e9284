"""The machine that the product is tried on."""

import socket

import pytest


def test_nothing_gets_out_of_it() -> None:
    with socket.socket() as somewhere, pytest.raises(OSError, match="unreachable"):
        somewhere.connect(("192.0.2.1", 443))
