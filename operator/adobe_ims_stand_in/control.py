"""The control API: how a test or a person makes the stand-in misbehave, and asks what happened.

Plain HTTP and open to all who reach it, so it listens on loopback by default. It gives out
counts and digests, never a client secret or a token.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from adobe_ims_stand_in.ims import IMS, Clients, Settings
from adobe_ims_stand_in.jsonvalues import MalformedError, build
from adobe_ims_stand_in.rules import Rule, RuleBook

_LARGEST_BODY = 64 << 20  # tens of thousands of clients
_LOG = 1000


class Control:
    """The handlers, over one IMS."""

    def __init__(self, ims: IMS) -> None:
        self._ims = ims

    def application(self) -> web.Application:
        """Make the API an aiohttp application."""
        application = web.Application(middlewares=[_refusing], client_max_size=_LARGEST_BODY)
        application.add_routes(
            [
                web.put("/rules", self._put_rules),
                web.delete("/rules", self._delete_rules),
                web.put("/settings", self._put_settings),
                web.put("/clients", self._put_clients),
                web.get("/requests", self._get_requests),
                web.delete("/requests", self._delete_requests),
                web.get("/tokens", self._get_tokens),
            ]
        )
        return application

    async def _put_rules(self, request: web.Request) -> web.Response:
        given = await request.json()
        if not isinstance(given, list):
            raise MalformedError("the rules are a JSON list")
        self._ims.rules = RuleBook([Rule.from_json(rule) for rule in given])
        return web.Response(status=204)

    async def _delete_rules(self, _request: web.Request) -> web.Response:
        self._ims.rules = RuleBook()
        return web.Response(status=204)

    async def _put_settings(self, request: web.Request) -> web.Response:
        given = await request.json()
        if not isinstance(given, dict):
            raise MalformedError("the settings are a JSON object")
        self._ims.settings = build(Settings, asdict(self._ims.settings) | given, what="settings")
        return web.json_response(asdict(self._ims.settings))

    async def _put_clients(self, request: web.Request) -> web.Response:
        self._ims.clients = _clients(await request.json())
        return web.Response(status=204)

    async def _get_requests(self, request: web.Request) -> web.Response:
        log = int(request.query.get("log", _LOG))
        return web.json_response(self._ims.record.to_json(log))

    async def _delete_requests(self, _request: web.Request) -> web.Response:
        self._ims.record.reset()
        return web.Response(status=204)

    async def _get_tokens(self, _request: web.Request) -> web.Response:
        digests = sorted(self._ims.record.digests)
        return web.json_response({"count": len(digests), "sha256": digests})


def _clients(given: object) -> Clients:
    """From JSON; raises MalformedError. The message holds nothing of the value, which may be a secret."""
    message = 'the clients are a JSON object of lists: {"id": ["secret", "second secret"]}'
    if not isinstance(given, dict):
        raise MalformedError(message)
    for secrets in given.values():
        if not isinstance(secrets, list) or not all(isinstance(secret, str) for secret in secrets):
            raise MalformedError(message)
    return {client_id: frozenset(secrets) for client_id, secrets in given.items()}


@web.middleware
async def _refusing(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except json.JSONDecodeError as error:
        return web.json_response({"error": f"not JSON: {error}"}, status=400)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
