"""Log lines: JSON or text, on standard error, without secrets.

No code of ours formats a token or a client secret. Libraries that trace what they send are held at WARNING whatever
level is asked for.
"""

import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.api.log_fields import FIELDS
from adobe_ims_operator.api.names import version
from adobe_ims_operator.api.text import printable

logger = logging.getLogger(__name__)

LEVELS: Sequence[str] = ("debug", "info", "warning", "error")
FORMATS: Sequence[str] = ("json", "text")

_QUIET = ("httpx", "httpcore", "aiohttp", "asyncio", "client")
# What goes wrong in these is raised to us, and logged in one line; theirs have tracebacks of it.
_SILENT = ("kopf", "kubernetes")


_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _JsonFormatter(JsonFormatter):
    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        fields = log_data.pop(FIELDS, {})
        return super().process_log_record({**log_data, **fields})

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _TextFormatter(logging.Formatter):
    formatTime = _JsonFormatter.formatTime  # noqa: N815 - logging's own name

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802
        # Indented, so that no text of an exception can pass for a line of its own.
        return "\n".join(f"  {printable(line)}" for line in super().formatException(ei).splitlines())


def set_up(form: str, level: str) -> None:
    """Send all log lines of the process to standard error, as `form` ("json" or "text") from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(_JsonFormatter("{asctime}{levelname}{name}{message}", style="{", rename_fields=names))
    else:
        handler.setFormatter(_TextFormatter("{asctime} {levelname:7} {message}", style="{"))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def introduce(
    identity: str, where: str, selector: str | None, endpoints: Endpoints, proxies: Proxies, concurrency: int
) -> None:
    """Log what this process is, for those who read the log of somebody else's operator."""
    logger.info(
        "adobe-ims-operator %s, identity %s, watches %s, selector %s; endpoints: %s; concurrency %d",
        version(),
        identity,
        where,
        selector or "none",
        ", ".join(endpoints.urls),
        concurrency,
    )
    for url in endpoints.urls:
        proxy = proxies.of(url)
        if proxy is not None:
            logger.info("%s is asked through the proxy %s", url, proxy)
    for entry in proxies.unreadable:
        logger.warning("NO_PROXY: %r means no host and no network; it is passed over", entry)
