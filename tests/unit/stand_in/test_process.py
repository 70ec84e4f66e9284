"""The stand-in as a process: flags, files, signals, restarts."""

import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from adobe_ims_stand_in.__main__ import main
from testbed.stand_in import StandIn
from unit.stand_in.asking import ENVIRONMENT, GOOD, ask, connected, rule, running


def test_restart_keeps_ports_authority_clients_and_what_was_issued(tmp_path: Path) -> None:
    with StandIn(tmp_path, clients={"a": "first"}) as stand_in:
        stand_in.clients({"a": "second"})
        stand_in.settings(expires_in=60)
        before = stand_in.url, stand_in.control
        with connected(stand_in) as client:
            token = ask(client, client_id="a", client_secret="second").json()["access_token"]
            stand_in.stop()
            with pytest.raises(httpx.TransportError):
                ask(client)
            stand_in.start()
            answer = ask(client, client_id="a", client_secret="second").json()
        assert (stand_in.url, stand_in.control) == before
        assert answer["expires_in"] == 60
        assert stand_in.issued(token)
        assert stand_in.issued(answer["access_token"])


def test_private_files_are_the_owners_only(server: StandIn) -> None:
    assert server.ca is not None
    modes = {path.name: path.stat().st_mode & 0o777 for path in server.ca.parent.glob("*.*")}
    assert {modes[name] for name in ("ca.key", "tls.key", "tls.crt")} == {0o600}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_a_client_hanging(number: signal.Signals) -> None:
    with running("--port=0", "--control-port=0", "--http") as (process, said):
        assert said["ca"] is None
        httpx.put(f"{said['control']}/rules", json=[rule("hang")], trust_env=False)
        with httpx.Client(trust_env=False, timeout=0.2) as client, pytest.raises(httpx.ReadTimeout):
            client.post(f"{said['url']}/ims/token/v3", data=GOOD)
        process.send_signal(number)
        assert process.wait(timeout=5) == 0


def test_a_certificate_of_ones_own_is_served(server: StandIn) -> None:
    assert server.ca is not None
    folder = server.ca.parent
    trusted = ssl.create_default_context(cafile=server.ca)
    with running("--port=0", f"--tls-cert={folder}/tls.crt", f"--tls-key={folder}/tls.key") as (_, said):
        assert (said["ca"], said["control"]) == (None, None)
        with httpx.Client(verify=trusted, trust_env=False) as client:
            assert client.get(f"{said['url']}/healthz").status_code == 200


def test_flags_come_from_the_environment_too(tmp_path: Path) -> None:
    environment = {
        "ADOBE_IMS_STAND_IN_HOST": "0.0.0.0",  # noqa: S104 # to see what is printed for it
        "ADOBE_IMS_STAND_IN_PORT": "0",
        "ADOBE_IMS_STAND_IN_CONTROL_PORT": "0",
        "ADOBE_IMS_STAND_IN_TLS_NAME": "ims.example other.example",
        "ADOBE_IMS_STAND_IN_TLS_DIR": str(tmp_path),
        "ADOBE_IMS_STAND_IN_CLIENT": "one=first one=second",
        "ADOBE_IMS_STAND_IN_INVALID_CLIENT_STATUS": "401",
    }
    with running(**environment) as (_, said):
        url = httpx.URL(said["url"])
        assert url.host == "ims.example"
        trusted = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        with httpx.Client(base_url=url.copy_with(host="127.0.0.1"), verify=trusted, trust_env=False) as client:
            extensions = {"sni_hostname": "other.example"}
            statuses = [
                client.post(
                    "/ims/token/v3",
                    data={**GOOD, "client_id": "one", "client_secret": secret},
                    extensions=extensions,
                ).status_code
                for secret in ("first", "second", "third")
            ]
    assert statuses == [200, 200, 401]


def test_the_port_that_kubernetes_sets_for_a_service_of_the_same_name_is_ignored() -> None:
    environment = {"ADOBE_IMS_STAND_IN_PORT": "tcp://10.0.0.1:8443"}
    result = CliRunner().invoke(main, ["run", "--tls-key", __file__], env=environment)
    assert "--tls-cert and --tls-key go together" in result.output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--client", "only-an-id"], "write ID=SECRET"),
        (["--client", "=p8e-only-a-secret"], "write ID=SECRET"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--expires-in", "0"], "0 is not in the range"),
        (["--latency", "-1"], "-1.0 is not in the range"),
        (["--tls-cert", __file__], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "no-such-file", "--tls-key", __file__], "'no-such-file' does not exist"),
        (
            ["--tls-cert", __file__, "--tls-key", __file__, "--tls-name", "a"],
            "leave out --tls-dir and --tls-name",
        ),
        (["--tls-cert", __file__, "--tls-key", __file__], "cannot use"),
        (["--http", "--tls-name", "a"], "--http is without TLS"),
        (["--tls-name", "not a name"], "cannot issue a certificate"),
    ],
)
def test_bad_flags_are_told_in_a_sentence(flags: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["run", *flags])
    assert result.exit_code != 0
    assert message in result.output
    assert "p8e-" not in result.output


def test_a_port_in_use_is_told_in_a_sentence(server: StandIn, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"cannot start: .*in use"),
        StandIn(tmp_path, port=httpx.URL(server.url).port or 0),
    ):
        pass


def test_an_authority_of_someone_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("theirs")
    result = CliRunner().invoke(main, ["run", "--tls-dir", str(tmp_path)])
    assert "ca.crt is there without its ca.key" in result.output
    assert (tmp_path / "ca.crt").read_text() == "theirs"


def test_without_the_extra_the_command_says_what_to_install() -> None:
    run = "from adobe_ims_stand_in.__main__ import main; main(['run'])"
    script = f"import sys; sys.modules['trustme'] = None; {run}"
    ended = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: trustme is not installed, which only --http does without: pip install ")
