"""Whether each endpoint can be reached from here: by name, network, proxy and TLS."""

import asyncio
import socket
from urllib.parse import urlsplit

from adobe_ims_operator.adobe import clock_skew
from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.errors import IMSUnavailable
from adobe_ims_operator.cli.culprits import failed_at_ims
from adobe_ims_operator.cli.results import Culprit, Outcome, Result, failed, ok
from adobe_ims_operator.cli.run_settings import Settings

DNS_SECONDS = 10.0
SKEW_SECONDS = 60.0


async def check_endpoints(settings: Settings, seconds: float) -> list[Result]:
    """Whether each endpoint can be reached from here, within so many seconds."""
    ims = IMSClient(settings.trust, settings.proxies, patience=seconds)
    console = () if settings.console_endpoint is None else (settings.console_endpoint,)
    urls = dict.fromkeys((*settings.endpoints.urls, *console))
    try:
        found = await asyncio.gather(*(_endpoint(ims, settings, url) for url in urls))
    finally:
        await ims.close()
    return [result for results in found for result in results]


async def _endpoint(ims: IMSClient, settings: Settings, url: str) -> list[Result]:
    proxy = settings.proxies.of(url)
    resolved = await _resolve(url, url if proxy is None else proxy.url, "" if proxy is None else f"the proxy {proxy}: ")
    if resolved.outcome is Outcome.FAILED:
        return [resolved]
    by = "directly" if proxy is None else f"through the proxy {proxy}"
    try:
        answer = await ims.reach(url)
    except IMSUnavailable as error:
        return [resolved, failed_at_ims("connection", url, error, settings)]
    tls = "over TLS with a certificate that is trusted" if url.startswith("https:") else "in the clear"
    results = [resolved, ok("connection", url, f"answers HTTP {answer.status}, {by}, {tls}")]
    skew = clock_skew.skew(answer.asked_at, answer.answered_at, clock_skew.parse_date(answer.headers.get("date")))
    if skew is not None and abs(skew) > SKEW_SECONDS:
        what = f"the clock here is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} that of the endpoint"
        results.append(Result("clock", url, Outcome.WARNING, what, culprit=Culprit.CLOCK))
    return results


async def _resolve(target: str, url: str, prefix: str) -> Result:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(DNS_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        why = f"the name {host} is not resolved in {DNS_SECONDS:g} s"
    except OSError as error:
        why = f"the name {host} can't be resolved ({error.strerror or type(error).__name__})"
    else:
        addresses = dict.fromkeys(str(each[4][0]) for each in found)
        return ok("dns", target, f"{prefix}{host} is {', '.join(list(addresses)[:4])}")
    return failed("dns", target, f"{prefix}{why}; check the DNS of where this runs", culprit=Culprit.DNS)
