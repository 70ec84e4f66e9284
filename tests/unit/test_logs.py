"""Each log line is one line, whatever is logged; libraries that trace what they send stay silent at any level."""

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.manager import logs

LIBRARIES = ("httpx", "httpcore.http11", "aiohttp.client", "asyncio")
SILENT = ("kopf", "kopf.objects", "kubernetes.aio.client.rest")


pytestmark = pytest.mark.usefixtures("logging_as_before")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


@pytest.mark.parametrize(
    "message",
    ["plain", "", 'with "quotes" and \\', "two\nlines\r\n", "\u00e9\u4e16\U0001f511", "\x1b[31mred\x00", "{}%s"],
)
def test_a_line_of_json_has_time_level_logger_and_message(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "info")
    logging.getLogger("some.module").warning("%s", message)
    [line] = lines(capsys)
    moment = line.pop("time")
    assert line == {"level": "WARNING", "logger": "some.module", "message": message}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)
    assert abs((datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()) < 60


def test_a_line_about_a_credential_has_it_as_fields_beside_the_logger(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "info")
    fields = about(Key("photos", "lightroom"), reason="Due", expires_at=datetime(2026, 11, 26, tzinfo=UTC))
    logging.getLogger("some.module").info("written", extra=fields)
    [line] = lines(capsys)
    del line["time"]
    assert line == {
        "level": "INFO",
        "logger": "some.module",
        "message": "written",
        "namespace": "photos",
        "name": "lightroom",
        "reason": "Due",
        "expires_at": "2026-11-26T00:00:00Z",
    }


def test_an_exception_is_in_the_line_of_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "info")
    try:
        int("first\nsecond")
    except ValueError:
        logging.getLogger("some.module").exception("it broke")
    [line] = lines(capsys)
    assert (line["message"], line["level"]) == ("it broke", "ERROR")
    assert line["exc_info"].startswith("Traceback (most recent call last)")
    assert line["exc_info"].endswith("invalid literal for int() with base 10: 'first\\nsecond'")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("info", ["INFO", "WARNING", "ERROR"]),
        ("warning", ["WARNING", "ERROR"]),
        ("error", ["ERROR"]),
    ],
)
def test_the_level_says_what_is_seen(level: str, seen: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("adobe_ims_operator.reconcile").log(number, "x")
    assert [line["level"] for line in lines(capsys)] == seen


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("level", ["debug", "info"])
def test_libraries_are_held_at_warning(name: str, level: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(name).log(number, "x")
    assert [(line["logger"], line["level"]) for line in lines(capsys)] == [(name, "WARNING")]


@pytest.mark.parametrize("name", SILENT)
def test_libraries_whose_errors_reach_us_say_nothing_themselves(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "debug")
    for number in (logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger(name).log(number, "x")
    assert lines(capsys) == []


@pytest.mark.parametrize("name", ["httpx", "kopf.objects"])
def test_libraries_say_no_more_than_all_others_at_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "error")
    logging.getLogger(name).warning("x")
    assert lines(capsys) == []


def test_a_request_of_httpx_leaves_no_trace_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "debug")
    with pytest.raises(httpx.ConnectError):
        httpx.post("http://127.0.0.1:1", data={"client_secret": "hidden"}, trust_env=False)
    assert lines(capsys) == []


def test_a_line_of_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("text", "info")
    logging.getLogger("some.module").warning("it is %s", "so")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+Z WARNING it is so\n", capsys.readouterr().err)


def test_a_line_of_text_stays_one_line_and_colours_nothing_whatever_is_quoted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("text", "info")
    logging.getLogger("some.module").warning(
        "Secret of %s", "one\r\n2026-11-24T10:00:00Z ERROR\x1b[31m\u2028\u202e\x9b"
    )
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert shown.removesuffix("\n").isprintable()


def test_a_traceback_of_text_is_indented_whatever_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("text", "info")
    try:
        (Path("one\n2026-11-24T10:00:00Z ERROR\x1b[31m") / "absent").read_text()
    except OSError:
        logging.getLogger("some.module").exception("it broke")
    first, *others = capsys.readouterr().err.splitlines()
    assert first.endswith("ERROR   it broke")
    assert all(line.startswith("  ") and line.isprintable() for line in others)


@pytest.mark.parametrize("form", logs.FORMATS)
def test_setting_up_again_does_not_double_the_lines(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(form, "info")
    logs.set_up(form, "info")
    logging.getLogger("some.module").warning("once")
    assert capsys.readouterr().err.count("once") == 1
