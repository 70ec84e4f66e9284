"""The control API: how a test or a person makes the stand-in misbehave, and asks what happened.

Plain HTTP and open to all who reach it, so it listens on loopback by default. It gives out
counts and digests, never a token, and a client secret only to who asks for that one, as the console's web page does.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from adobe_ims_stand_in.client_secrets import ClientSecret, LimitReachedError
from adobe_ims_stand_in.console import Console
from adobe_ims_stand_in.ims import IMS, Clients, Credentials, Settings
from adobe_ims_stand_in.jsonvalues import MalformedError, build
from adobe_ims_stand_in.rules import Rule, RuleBook

_LARGEST_BODY = 64 << 20  # tens of thousands of clients
_LOG = 1000


class Control:
    """The handlers, over one IMS and its console API."""

    def __init__(self, ims: IMS, console: Console) -> None:
        self._ims = ims
        self._console = console

    def application(self) -> web.Application:
        """Make the API an aiohttp application."""
        application = web.Application(middlewares=[_refusing], client_max_size=_LARGEST_BODY)
        application.add_routes(
            [
                web.put("/rules", self._put_rules),
                web.delete("/rules", self._delete_rules),
                web.put("/settings", self._put_settings),
                web.put("/clients", self._put_clients),
                web.put("/credentials", self._put_credentials),
                web.get("/client-secrets", self._get_client_secrets),
                web.post("/client-secrets/{client_id}", self._add_client_secret),
                web.get("/client-secrets/{client_id}/{uuid}", self._read_client_secret),
                web.delete("/client-secrets/{client_id}/{uuid}", self._delete_client_secret),
                web.get("/console", self._get_console),
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
        self._ims.client_secrets.replace(_clients(await request.json()), self._ims.now())
        return web.Response(status=204)

    async def _put_credentials(self, request: web.Request) -> web.Response:
        self._ims.credentials = dict(_credentials(await request.json()))
        return web.Response(status=204)

    async def _get_client_secrets(self, _request: web.Request) -> web.Response:
        known = self._ims.client_secrets
        return web.json_response(
            {
                client_id: {
                    "most": known.most(client_id),
                    "current": [self._describe(secret) for secret in known.of(client_id)],
                    "deleted": [self._describe(secret) for secret in known.deleted(client_id)],
                }
                for client_id in known.clients()
            }
        )

    async def _add_client_secret(self, request: web.Request) -> web.Response:
        settings = self._ims.settings
        secret = self._ims.client_secrets.add(
            request.match_info["client_id"],
            self._ims.now(),
            delay=settings.acceptance_delay,
            lifetime=settings.client_secret_lifetime,
        )
        return web.json_response({"uuid": secret.uuid, "client_secret": secret.value}, status=201)

    async def _read_client_secret(self, request: web.Request) -> web.Response:
        named = request.match_info
        values = {secret.uuid: secret.value for secret in self._ims.client_secrets.of(named["client_id"])}
        return web.json_response({"client_secret": values[named["uuid"]]})

    async def _delete_client_secret(self, request: web.Request) -> web.Response:
        named = request.match_info
        self._ims.client_secrets.delete(named["client_id"], named["uuid"], self._ims.now())
        return web.Response(status=204)

    async def _get_console(self, request: web.Request) -> web.Response:
        return web.json_response(self._console.to_json(int(request.query.get("log", _LOG))))

    async def _get_requests(self, request: web.Request) -> web.Response:
        log = int(request.query.get("log", _LOG))
        return web.json_response(self._ims.record.to_json(log))

    async def _delete_requests(self, _request: web.Request) -> web.Response:
        self._ims.record.reset()
        self._console.reset()
        return web.Response(status=204)

    async def _get_tokens(self, _request: web.Request) -> web.Response:
        digests = sorted(self._ims.record.digests)
        return web.json_response({"count": len(digests), "sha256": digests})

    def _describe(self, secret: ClientSecret) -> dict[str, object]:
        now, lag = self._ims.now(), self._ims.settings.last_used_lag
        return {
            "uuid": secret.uuid,
            "created_at": secret.created_at,
            "accepted_from": secret.accepted_from,
            "expires_at": secret.expires_at,
            "deleted_at": secret.deleted_at,
            "last_used_at": secret.last_used_at(now, lag),
            "used_at": secret.last_used_at(now, 0),
            "tokens": secret.tokens,
        }


def _clients(given: object) -> Clients:
    """From JSON; raises MalformedError. The message holds nothing of the value, which may be a secret."""
    message = 'the clients are a JSON object of lists: {"id": ["secret", "second secret"]}'
    if not isinstance(given, dict):
        raise MalformedError(message)
    for secrets in given.values():
        if not isinstance(secrets, list) or not all(isinstance(secret, str) for secret in secrets):
            raise MalformedError(message)
    return {client_id: tuple(secrets) for client_id, secrets in given.items()}


def _credentials(given: object) -> Credentials:
    """From JSON; raises MalformedError."""
    message = 'the credentials are a JSON object of client ids: {"organization id/credential id": "client id"}'
    if not isinstance(given, dict):
        raise MalformedError(message)
    pairs = [(name.partition("/"), client_id) for name, client_id in given.items()]
    if not all(org and own and isinstance(client_id, str) for (org, _, own), client_id in pairs):
        raise MalformedError(message)
    return {(organization, own): client_id for (organization, _, own), client_id in pairs}


@web.middleware
async def _refusing(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except json.JSONDecodeError as error:
        return web.json_response({"error": f"not JSON: {error}"}, status=400)
    except KeyError:
        return web.json_response({"error": "no such client, or no such client secret"}, status=404)
    except LimitReachedError as error:
        return web.json_response({"error": str(error)}, status=409)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
