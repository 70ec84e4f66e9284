"""The commands `suspend` and `resume`: set `spec.suspend`, and say who would set it back."""

from collections.abc import Sequence
from typing import Any

import click

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cli.choose import Choice, choice_options, choose, key_of
from adobe_ims_operator.cli.cluster import FAILED, connected, run
from adobe_ims_operator.cli.output import output_option, print_document, say
from adobe_ims_operator.core.managers import Manager, managers
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.paths import credentials_path

IN_GIT = "if it comes from Git or a chart, set spec.suspend there too: what is written there wins at the next sync"


@click.command()
@choice_options
@output_option
def suspend(choice: Choice, output: str) -> None:
    """Stop rotating: NAMES, those with labels, or all. Tokens and Secrets stay as they are."""
    _set(choice, output, suspended=True)


@click.command()
@choice_options
@output_option
def resume(choice: Choice, output: str) -> None:
    """Resume rotating: NAMES, those with labels, or all. What is due by then is rotated at once."""
    _set(choice, output, suspended=False)


def _set(choice: Choice, output: str, *, suspended: bool) -> None:
    async def work() -> list[dict[str, Any]]:
        async with connected(choice.access) as cluster:
            chosen = await choose(cluster, choice, "Suspend" if suspended else "Resume", key_of)
            return [await _change(cluster.kube, key, suspended) for key in chosen]

    documents = run(work)
    _show(documents, output, suspended=suspended)
    if any(each["problem"] for each in documents):
        raise SystemExit(FAILED)


async def _change(kube: Kube, key: Key, suspended: bool) -> dict[str, Any]:
    path = credentials_path(*key)
    try:
        # Before the change, which takes the field from who set it.
        before = await kube.get(path, fields=True)
        await kube.patch(path, {"spec": {"suspend": suspended}})
    except ApiError as error:
        return _document(key, (), f"it could not be changed ({error.answer})", suspended)
    return _document(key, managers(before["metadata"], "suspend"), "", suspended)


def _document(key: Key, found: Sequence[Manager], problem: str, suspended: bool) -> dict[str, Any]:
    value = str(suspended).lower()
    warnings = [
        f"{each.name} sets spec.suspend and will set it back; change it to {value} at its source"
        if each.sets_field
        else f"{each.name} manages it; if its source has spec.suspend, change it to {value} there"
        for each in found
    ]
    return {
        "namespace": key.namespace,
        "name": key.name,
        "suspended": None if problem else suspended,
        "warnings": warnings,
        "problem": problem or None,
    }


def _show(documents: Sequence[dict[str, Any]], output: str, *, suspended: bool) -> None:
    if output != "table":
        print_document({"credentials": list(documents)}, output)
        return
    for each in documents:
        done = each["problem"] or ("suspended" if suspended else "resumed")
        say(f"{each['namespace']}/{each['name']}: {done}")
        for warning in each["warnings"]:
            say(f"  Warning: {warning}", err=True)
    if not documents:
        click.echo("No credentials found.", err=True)
    elif not any(each["warnings"] for each in documents):
        click.echo(f"Note: {IN_GIT}", err=True)
