"""Argo CD's side of deploy/argocd/: its scripts in a real Lua, with the few libraries that Argo CD gives them."""

from collections.abc import Mapping
from typing import Any

import yaml
from lupa import lua51  # type: ignore[import-untyped]

from adobe_ims_operator.api.resource import GROUP, KIND
from testbed.api import Object
from testbed.binaries import REPOSITORY

MANIFEST = REPOSITORY / "deploy" / "argocd" / "argocd-cm.yaml"
GIVEN = ("assert", "error", "ipairs", "next", "pairs", "pcall", "select", "table", "tonumber", "tostring", "type")
"""Of base, and `table`; no `string`, `math` or `io` (util/lua/lua.go of Argo CD)."""


def health(obj: Object) -> tuple[str, str]:
    """The health that Argo CD shows of an object, and the message beside it."""
    found = _run(_script("health", obj["kind"]), obj)
    return found["status"], found["message"]


def actions(obj: Object) -> set[str]:
    """The actions that Argo CD offers on an object."""
    found = _run(_actions()["discovery.lua"], obj)
    return {name for name, action in found.items() if not action["disabled"]}


def act(obj: Object, name: str) -> Object:
    """What an action makes of an object."""
    (script,) = [each["action.lua"] for each in _actions()["definitions"] if each["name"] == name]
    return _run(script, obj)


def _script(what: str, kind: str = KIND) -> str:
    data: Mapping[str, str] = yaml.safe_load(MANIFEST.read_text())["data"]
    return data[f"resource.customizations.{what}.{GROUP}_{kind}"]


def _actions() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_script("actions"))
    return found


def _run(script: str, obj: Object) -> dict[str, Any]:
    lua = lua51.LuaRuntime()
    every = lua.globals()
    sandbox = lua.table_from({name: every[name] for name in GIVEN})
    sandbox["os"] = lua.table_from({"date": every["os"]["date"], "time": every["os"]["time"]})
    sandbox["obj"] = lua.table_from(obj, recursive=True)
    # A method of a string would find the library in the metatable that all strings share.
    lua.eval("function(text) debug.getmetatable(text).__index = nil end")("")
    chunk = lua.eval("function(script, sandbox) return setfenv(assert(loadstring(script)), sandbox) end")
    found: dict[str, Any] = _plain(chunk(script, sandbox)())
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it; Lua can't tell an empty list from an empty object."""
    if lua51.lua_type(value) != "table":
        return value
    keys = list(value)
    if keys and keys == list(range(1, len(keys) + 1)):
        return [_plain(value[key]) for key in keys]
    return {key: _plain(value[key]) for key in keys}
