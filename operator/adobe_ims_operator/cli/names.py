"""What a shell may complete: names of credentials, read from the cluster; nothing where that can't be read."""

from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

SECONDS = 3.0
"""A shell that waits longer seems to hang."""


def credential_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the credentials that begin so, in the namespace that the flags before name."""
    import asyncio  # noqa: PLC0415 - and all below: only a shell that completes waits for it

    given = context.params
    if given.get("all_namespaces"):
        return []
    try:
        names = asyncio.run(asyncio.wait_for(_names(given), SECONDS))
    except Exception:  # noqa: BLE001 - whatever it is, the shell has no place for it
        return []
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


async def _names(given: Mapping[str, Any]) -> list[str]:
    from adobe_ims_operator.cli.cluster import Access, connected  # noqa: PLC0415
    from adobe_ims_operator.kube.client import METADATA_LIST  # noqa: PLC0415
    from adobe_ims_operator.kube.list_pages import pages  # noqa: PLC0415
    from adobe_ims_operator.kube.login import Login  # noqa: PLC0415
    from adobe_ims_operator.kube.paths import credentials_path  # noqa: PLC0415

    access = Access(Login(given.get("kubeconfig"), given.get("context")), given.get("namespace"))
    async with connected(access) as cluster:
        return [
            str(each["metadata"]["name"])
            async for page in pages(cluster.kube, credentials_path(cluster.home), accept=METADATA_LIST)
            for each in page["items"]
        ]
