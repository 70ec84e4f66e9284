"""Namespaces of several teams, one of which shares its token with the others."""

import base64
from collections.abc import Sequence
from typing import Any

from adobe_ims_operator.api.resource import API_VERSION, KIND, PLURAL, ROTATE_ANNOTATION
from testbed.api import Object, wait_for
from testbed.operator_process import grants
from testbed.scene import CLIENT, Scene, manifest

SOURCE = "lightroom"


class Team:
    """A namespace beside that of the scene, which the operator watches too."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.namespace = scene.api.create_namespace()
        self.flags = ("--namespace", self.namespace)
        for each in grants(self.namespace, scene.namespace):
            scene.api.apply(each)

    def path(self, name: str, plural: str = PLURAL) -> str:
        root = f"/apis/{API_VERSION}" if plural == PLURAL else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{plural}/{name}"

    def take(self, name: str = "taken", *, source: str = SOURCE, of: str = "", **spec: Any) -> None:
        """Apply a credential that takes the token of one in the namespace of the scene, or in another."""
        token_from = {"namespace": of or self.scene.namespace, "name": source}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}}
        self.scene.api.apply({**body, "spec": {"tokenFrom": token_from, **spec}}, namespace=self.namespace)

    def share(self, *teams: "Team") -> None:
        """Apply a source of this team's own, with its client Secret."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "oauth"}, "stringData": CLIENT}
        self.scene.api.apply(secret, namespace=self.namespace)
        names = [team.namespace for team in teams]
        self.scene.api.apply(manifest(SOURCE, sharedWith={"namespaces": names}), namespace=self.namespace)

    def patch(self, name: str, patch: dict[str, Any], plural: str = PLURAL) -> Object:
        return self.scene.api.patch(self.path(name, plural), patch)

    def status(self, name: str = "taken") -> dict[str, Any]:
        status: dict[str, Any] = self.scene.api.get(self.path(name)).get("status", {})
        return status

    def condition(self, kind: str, name: str = "taken") -> dict[str, Any]:
        conditions = self.status(name).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def wait(self, kind: str, status: str, reason: str, name: str = "taken") -> dict[str, Any]:
        """Wait until a condition has that status and reason; the condition."""

        def probe() -> dict[str, Any]:
            found = self.condition(kind, name)
            assert (found.get("status"), found.get("reason")) == (status, reason), found
            return found

        return wait_for(f"{kind} of {name} to be {status} because of {reason}", probe)

    def secret(self, name: str = "taken") -> Object | None:
        return self.scene.api.get_or_none(self.path(name, "secrets"))

    def data(self, name: str = "taken") -> dict[str, str]:
        """The data of a Secret, decoded; {} where there is no such Secret."""
        encoded = (self.secret(name) or {}).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in encoded.items()}

    def token(self, name: str = "taken") -> str | None:
        """What its Secret has under the key access_token."""
        return self.data(name).get("access_token")

    def delete(self) -> None:
        """Delete the namespace, and wait until it is gone with all that is in it."""
        path = f"/api/v1/namespaces/{self.namespace}"
        self.scene.api.delete(path)
        wait_for(f"namespace {self.namespace} to be gone", lambda: self.scene.api.get_or_none(path) is None, 60)


def flags(*teams: Team) -> list[str]:
    """The flags of an operator that watches these teams too."""
    return [flag for team in teams for flag in team.flags]


def share(scene: Scene, teams: Sequence[Team], **spec: Any) -> None:
    """Apply the source, which shares its token with these teams."""
    scene.credential(SOURCE, sharedWith={"namespaces": [team.namespace for team in teams]}, **spec)


def source_token(scene: Scene) -> str:
    """The token in the Secret of the source."""
    token = scene.data(SOURCE).get("access_token")
    assert token is not None, "the source has no token"
    return token


def rotate(scene: Scene, request: str = "now") -> None:
    """Have the source rotate, and wait until it has."""
    before = source_token(scene)
    scene.patch(SOURCE, {"metadata": {"annotations": {ROTATE_ANNOTATION: request}}})
    wait_for("the source to rotate", lambda: source_token(scene) != before)


def wait_taken(scene: Scene, *teams: Team, seconds: float = 30) -> str:
    """Wait until all have the token that the source has; the token."""

    def probe() -> str:
        token = source_token(scene)
        behind = [team.namespace for team in teams if team.token() != token]
        assert not behind, behind
        return token

    return wait_for("the takers to have the token of their source", probe, seconds)


def one_taker(scene: Scene) -> tuple[Team, str]:
    """Run an operator over a source and a team that takes its token; the team, and the token that both have."""
    team = Team(scene)
    scene.client_secret()
    share(scene, [team])
    team.take()
    scene.operator(*team.flags)
    return team, wait_taken(scene, team)


def asked(scene: Scene) -> int:
    """How many tokens the stand-in was asked for."""
    return scene.ims.requests(log=0).total
