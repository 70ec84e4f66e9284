"""The command tells a mistake in a sentence, takes each flag from the environment too, and needs a cluster."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adobe_ims_operator.adobe.endpoints import ADOBE
from adobe_ims_operator.cli.main import main
from adobe_ims_operator.cli.run import run
from testbed import warm_start

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "ADOBE_"))}


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever these tests start must not find the cluster of anyone who runs them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


pytestmark = pytest.mark.usefixtures("logging_as_before")


def invoke(*flags: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["run", *flags], env=environment)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--leader-elect"], "--leader-elect outside a pod needs --lease-namespace"),
        (["--lease-name", "Not a name"], "write it with small letters, digits and hyphens"),
        (["--metrics-port", "65536"], "65536 is not in the range"),
        (["--metrics-cert-file", "/tls.crt"], "--metrics-cert-file and --metrics-key-file belong together"),
        (["--metrics-auth"], "--metrics-auth without TLS would have tokens sent in the clear"),
        (
            ["--metrics-cert-file", "/no/tls.crt", "--metrics-key-file", "/no/tls.key"],
            "/no/tls.crt and /no/tls.key are no certificate with its key (No such file or directory)",
        ),
        (
            ["--metrics-cert-file=/a", "--metrics-key-file=/b", "--metrics-port=1", "--health-port=1"],
            "--metrics-port and --health-port are both 1",
        ),
        (["--endpoint", "http://ims.example"], "in the clear; use https, or add --allow-http-endpoint"),
        (["--endpoint", "https://ims.example/ims/token/v3"], "write a scheme and a host, such as https://ims-na1"),
        (["--endpoint", "ims.example"], "'ims.example' is not an endpoint"),
        (["--endpoint", ""], "'' is not an endpoint"),
        (["--endpoint", "https://ims.example", "--endpoint", "https://u:p@ims.example"], "is not an endpoint"),
        (["--console-endpoint", "http://console.example"], "in the clear; use https, or add --allow-http-endpoint"),
        (["--console-endpoint", "https://console.example/console"], "Invalid value for --console-endpoint"),
        (["--forbid", "argocd.argoproj.io/secret-type"], "forbids nothing; write label:KEY, label:KEY=VALUE"),
        (["--forbid", ""], "'' forbids nothing"),
        (["--concurrency", "0"], "0 is not in the range 1<=x<=1000"),
        (["--concurrency", "1001"], "1001 is not in the range 1<=x<=1000"),
        (["--concurrency", "many"], "'many' is not a valid integer"),
        (["--ims-qps", "0"], "0.0 is not in the range"),
        (["--ims-qps", "-1"], "-1.0 is not in the range"),
        (["--ims-qps", "fast"], "'fast' is not a valid float"),
        (["--ims-ca-file", "/no/such/file"], "'/no/such/file' does not exist"),
        (["--ims-ca-file", "/"], "'/' is a directory"),
        (["--log-level", "trace"], "'trace' is not one of 'debug', 'info', 'warning', 'error'"),
        (["--log-format", "xml"], "'xml' is not one of 'json', 'text'"),
        (["--namespaces", "photos"], "No such option"),
        (["photos"], "unexpected extra argument"),
    ],
)
def test_a_mistake_in_a_flag_is_told_in_a_sentence(flags: list[str], words: str) -> None:
    result = invoke(*flags)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert result.output.startswith("Usage: ")
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--namespace", ""),
        ("--namespace", "photos,videos"),
        ("--namespace", "../kube-system"),
        ("--ims-qps", "nan"),
        ("--endpoint", "https://ims.example:99999"),
        ("--ims-ca-file", "pyproject.toml"),
    ],
)
def test_what_can_not_work_is_refused_at_the_start(flag: str, value: str) -> None:
    result = invoke(flag, str(ROOT / value) if flag == "--ims-ca-file" else value)
    assert (result.exit_code, flag in result.output) == (2, True)


HTTP_CONSOLE = {
    "ADOBE_IMS_OPERATOR_CONSOLE_ENDPOINT": "http://console.example",
    "ADOBE_IMS_OPERATOR_ALLOW_HTTP_ENDPOINT": "true",
}
NO_PROXIES = dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"])


@pytest.mark.parametrize(
    ("variables", "named", "words"),
    [
        ({"ALL_PROXY": "socks5://127.0.0.1:1080"}, "ALL_PROXY", "a proxy by socks5:// can't be used"),
        ({"HTTPS_PROXY": "socks5h://u:p8e-1@127.0.0.1:1080"}, "HTTPS_PROXY", "a proxy by socks5h:// can't be used"),
        ({"all_proxy": "socks://127.0.0.1:1080"}, "all_proxy", "name one by http:// or https://"),
        (
            {"https_proxy": "http://u:p8e-/x@proxy:3128"},
            "https_proxy",
            "it is no URL of a proxy; write it like http://",
        ),
        ({"HTTPS_PROXY": "proxy.example.com:99999"}, "HTTPS_PROXY", "it is no URL of a proxy"),
        (
            {
                **HTTP_CONSOLE,
                "HTTP_PROXY": "socks5://127.0.0.1:1080",
                "ADOBE_IMS_OPERATOR_CLIENT_SECRETS": "true",
            },
            "HTTP_PROXY",
            "a proxy by socks5:// can't be used",
        ),
    ],
)
def test_a_proxy_that_can_not_be_used_refuses_the_start_and_names_the_variable(
    variables: dict[str, str], named: str, words: str
) -> None:
    result = CliRunner().invoke(
        main, ["run"], env={**NO_PROXIES, "NO_PROXY": "127.0.0.1", "no_proxy": None, **variables}
    )
    told = " ".join(result.output.split())
    assert (result.exit_code, f"Invalid value for {named}: " in told, words in told) == (2, True, True), told
    assert "p8e-" not in told


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTP_PROXY": "socks5://127.0.0.1:1080"},  # no endpoint is http
        {**HTTP_CONSOLE, "HTTP_PROXY": "socks5://127.0.0.1:1080"},  # the console API is not asked
        {"ALL_PROXY": "socks5://127.0.0.1:1080", "HTTPS_PROXY": "http://127.0.0.1:3128"},
        {"ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "*"},
        {"HTTPS_PROXY": "proxy.example.com:3128", "NO_PROXY": "fd00::/8,[::1],[::1"},
    ],
)
def test_a_proxy_that_is_not_meant_for_ims_refuses_nothing(variables: dict[str, str]) -> None:
    environment = {**NO_PROXIES, "NO_PROXY": None, "no_proxy": None, **variables}
    result = CliRunner().invoke(main, ["run"], env=environment)
    assert (result.exit_code, "no cluster to work on" in result.output) == (1, True), result.output


@pytest.mark.parametrize(
    ("name", "value", "flag", "words"),
    [
        ("ENDPOINT", "https://ims.example http://other.example", "--endpoint", "http://other.example would send"),
        ("ALLOW_HTTP_ENDPOINT", "perhaps", "--allow-http-endpoint", "'perhaps' is not a valid boolean"),
        ("CONCURRENCY", "0", "--concurrency", "0 is not in the range"),
        ("IMS_QPS", "0", "--ims-qps", "0.0 is not in the range"),
        ("IMS_CA_FILE", "/no/such/file", "--ims-ca-file", "does not exist"),
        ("LOG_FORMAT", "xml", "--log-format", "'xml' is not one of"),
        ("LOG_LEVEL", "trace", "--log-level", "'trace' is not one of"),
    ],
)
def test_a_mistake_in_the_environment_is_told_with_the_flag(name: str, value: str, flag: str, words: str) -> None:
    result = invoke(**{f"ADOBE_IMS_OPERATOR_{name}": value})
    assert result.exit_code == 2
    assert flag in result.output
    assert words in " ".join(result.output.split())


def test_http_is_allowed_from_the_environment_too() -> None:
    allowed = {"ADOBE_IMS_OPERATOR_ALLOW_HTTP_ENDPOINT": "true"}
    result = invoke("--endpoint", "http://ims.example", "--endpoint", "http://", **allowed)
    assert "'http://' is not an endpoint" in result.output


def test_a_flag_goes_before_its_environment_variable() -> None:
    result = invoke("--concurrency", "0", ADOBE_IMS_OPERATOR_CONCURRENCY="5000")
    assert "0 is not in the range" in result.output
    assert "5000" not in result.output


def test_every_flag_has_an_environment_variable_of_its_name() -> None:
    for option in run.params:
        flag = max(option.opts, key=len)
        assert getattr(option, "envvar", None) == f"ADOBE_IMS_OPERATOR_{flag[2:].replace('-', '_').upper()}"


def test_help_tells_of_each_flag_and_its_default() -> None:
    result = invoke("--help", TERMINAL_WIDTH="200")
    assert result.exit_code == 0
    assert all(max(option.opts, key=len) in result.output for option in run.params)
    for words in ("allnamespaces", *ADOBE, "32", "50", "json", "info"):
        assert words in "".join(result.output.split())
    assert "ADOBE_IMS_OPERATOR_" in result.output
    assert "Keep fresh Adobe IMS access tokens" in CliRunner().invoke(main, ["--help"]).output


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output.split()[-1]) == (0, version("adobe-ims-operator"))


# With a process of its own, as the Kubernetes client reads KUBECONFIG once

SERVER = {"server": "https://127.0.0.1:1"}
TOKEN = "hidden-token"


def kubeconfig(cluster: dict[str, str] | None = None, context: str = "local") -> str:
    return json.dumps(  # which is YAML too
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster or SERVER}],
            "users": [{"name": "local", "user": {"token": TOKEN}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
            "current-context": context,
        }
    )


UNUSABLE: dict[str, str | bytes | None] = {
    "missing": None,
    "no such context": kubeconfig(context="other"),
    "authority is missing": kubeconfig(SERVER | {"certificate-authority": "/no/such/file"}),
    "no text": b"\x00\xff\xfe",
    "empty": "",
    "a sentence": "this is no kubeconfig",
    "a list": "- apiVersion: v1",
    "not yaml": f"users: [{{token: {TOKEN}\n: :",
    "authority is no certificate": kubeconfig(SERVER | {"certificate-authority-data": "bm9uZQ=="}),
}


def start(path: Path, *flags: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "adobe_ims_operator", "run", *flags],
        env={**ENVIRONMENT, "KUBECONFIG": str(path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    """Exit code, output and errors for each unusable kubeconfig; all are started at once, to take less time."""
    folder = tmp_path_factory.mktemp("kubeconfigs")
    started = {}
    for name, content in UNUSABLE.items():
        path = folder / name.replace(" ", "-")
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        environment, out, err = (
            {**ENVIRONMENT, "KUBECONFIG": str(path)},
            path.with_suffix(".out"),
            path.with_suffix(".err"),
        )
        with Path(os.devnull).open("rb") as nothing, out.open("wb") as output, err.open("wb") as errors:
            process = warm_start.start("adobe_ims_operator", ["run"], environment, nothing, output, errors)
        started[name] = process, out, err
    return {name: (process.wait(90), out.read_text(), err.read_text()) for name, (process, out, err) in started.items()}


@pytest.mark.parametrize("name", UNUSABLE)
def test_without_a_usable_cluster_it_says_so_in_one_line(attempts: dict[str, tuple[int, str, str]], name: str) -> None:
    code, output, errors = attempts[name]
    told = [line for line in errors.splitlines() if not line.startswith("{")]  # besides log lines
    assert (code, output, len(told)) == (1, "", 1)
    assert told[0].startswith("Error: no cluster to work on (")
    assert told[0].endswith("set KUBECONFIG to a kubeconfig file, or run in a pod with a service account")
    assert TOKEN not in errors


def test_all_that_is_set_in_the_environment_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig())
    values = {
        "NAMESPACE": "photos videos photos",
        "SELECTOR": "team=a,tier!=b",
        "ENDPOINT": "https://One.example:443 http://two.example:8080/",
        "ALLOW_HTTP_ENDPOINT": "1",
        "ALLOW_MANAGEMENT_SCOPES": "1",
        "FORBID": "default annotation:example.com/*",
        "CONCURRENCY": "2",
        "IMS_QPS": "0.5",
        "LEADER_ELECT": "1",
        "LEASE_NAME": "shard-a",
        "LEASE_NAMESPACE": "operators",
        "METRICS_PORT": "0",
        "HEALTH_PORT": "0",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
    }
    with start(path, **{f"ADOBE_IMS_OPERATOR_{name}": value for name, value in values.items()}) as process:
        assert process.stderr is not None
        first, rest = json.loads(process.stderr.readline()), ""
        while "the Lease operators/shard-a can't be looked at" not in rest:
            rest += process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        rest += process.communicate(timeout=15)[1]
    identity = rf"{re.escape(socket.gethostname())}_[0-9a-f-]{{36}}"
    assert re.fullmatch(
        rf"adobe-ims-operator {re.escape(version('adobe-ims-operator'))}, identity {identity}, watches photos, videos, "
        r"selector team=a,tier!=b; endpoints: https://one\.example, http://two\.example:8080; concurrency 2",
        first["message"],
    )
    assert process.returncode == 0
    assert "Traceback" not in rest


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_imports_nothing_that_only_a_command_needs(flag: str) -> None:
    code = (
        "import sys; from adobe_ims_operator.cli.main import main; main([sys.argv[1]], standalone_mode=False); "
        "sys.exit(str({'kopf', 'kubernetes', 'httpx', 'pydantic', 'aiohttp', 'uvloop'} & {*sys.modules} or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=False)
    assert (done.stderr.strip(), bool(done.stdout)) == ("", True)
