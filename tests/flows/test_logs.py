"""Logs: one format and one filter for everything that is logged."""

import ast
import json
import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from flows.errors import LaunchdropError
from flows.logs import MaskingFilter, StderrHandler, configure_logging, log_context, masks_errors

ROOT = Path(__file__).parents[2]
LEVELS = ("debug", "info", "warning", "error", "exception", "critical", "log")
SPELLINGS = ("5012149020", 5012149020, "+1 (501) 214-9020", "501\u00a0214\u20119020", "1.501.214.9020")


@pytest.fixture(autouse=True)
def restore_logging():
    """Restore handlers, levels, filters and the handling of warnings after each test."""
    root, flows = logging.getLogger(), logging.getLogger("flows")
    handlers, level, filters_of = root.handlers[:], flows.level, {h: h.filters[:] for h in root.handlers}
    yield
    root.handlers[:] = handlers
    flows.setLevel(level)
    for handler, filters in filters_of.items():
        handler.filters[:] = filters
    logging.captureWarnings(False)


@pytest.fixture
def logged(capsys):
    """Returns what was logged since the last call, parsed from JSON lines."""

    def lines():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    configure_logging("json", "debug")
    return lines


def log_calls():
    """Every logging call in our sources as (place, level, format, number of arguments)."""
    for folder in ("flows", "schemas", "reports"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if is_log_call(node):
                    arguments = node.args[1:] if node.func.attr == "log" else node.args
                    text = arguments[0].value if isinstance(arguments[0], ast.Constant) else "%s"
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.attr, text, len(arguments) - 1


def is_log_call(node):
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
        return False
    logger = node.func.value
    return (isinstance(logger, ast.Name) and logger.id == "log") or (
        isinstance(logger, ast.Call) and "Logger" in ast.unparse(logger)
    )


def test_all_loggers_are_named_log():
    """So that `log_calls` finds every call."""
    assert len(list(log_calls())) >= 12
    for path in (ROOT / "flows").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and "getLogger" in ast.unparse(node.value) and node.col_offset == 0:
                assert [target.id for target in node.targets] == ["log"], path


@pytest.mark.parametrize("call", list(log_calls()), ids=lambda call: call[0])
@pytest.mark.parametrize("spelling", SPELLINGS, ids=repr)
def test_no_log_call_reveals_a_number_in_its_arguments(call, spelling, logged):
    place, level, text, count = call
    log = logging.getLogger(f"flows.{place}")
    # %d does not accept text.
    arguments = [5012149020 if "%d" in text else spelling] * count
    if level == "log":
        log.log(logging.INFO, text, *arguments)
    elif level == "exception" or count:
        error = raise_and_catch(ValueError(f"at {spelling}"))
        getattr(log, level)(text, *arguments, extra={"number": spelling}, exc_info=error)
    else:
        getattr(log, level)(f"{text} {spelling}")
    (line,) = logged()
    assert hides_number(json.dumps(line, ensure_ascii=False))
    assert "•••9020" in json.dumps(line, ensure_ascii=False)


def raise_and_catch(error):
    try:
        raise error
    except ValueError as e:
        return e


def hides_number(text):
    return not re.search("501[^0-9•]*214", text)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=repr)
def test_messages_of_libraries_and_warnings_are_masked(spelling, logged):
    logging.getLogger("botocore").error("no such key %s", spelling)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"odd: {spelling}", stacklevel=1)
    logging.getLogger("x").error({"numbers": [spelling]})
    logging.getLogger("x").error("does not fit", spelling)
    lines = logged()
    assert len(lines) == 4
    assert all(hides_number(line["message"]) and "•••9020" in line["message"] for line in lines)


def test_lines_have_the_fields_of_their_context(logged):
    log = logging.getLogger("flows.registration.drop")
    with log_context(business="acme", drop="5012149020"), log_context(submission="20261124T201917Z-98765432"):
        log.info("registered: %s", "accepted", extra={"rows": 12})
    log.warning("nothing more")
    first, second = logged()
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "logger": "flows.registration.drop",
        "message": "registered: accepted",
        "business": "acme",
        "drop": "+1501•••9020",
        "submission": "20261124T201917Z-98765432",
        "rows": 12,
    }
    assert set(second) == {"time", "level", "logger", "message"}


def test_the_text_format(capsys):
    configure_logging("text", "warning")
    log = logging.getLogger("flows.launching.due_jobs")
    log.info("not shown")
    with log_context(program="acme/q1"):
        log.warning("launch: %s", "501-214-9020")
    line = capsys.readouterr().err
    assert line.partition(" ")[2] == "WARNING flows.launching.due_jobs program=acme/q1: launch: +1501•••9020\n"


def test_configuring_again_adds_nothing(logged):
    configure_logging("json", "debug")
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, StderrHandler)]
    assert len(handlers) == 1
    assert [type(each) for each in handlers[0].filters] == [MaskingFilter]


def test_configuring_again_masks_handlers_added_since():
    caught = []

    class Other(logging.Handler):
        def emit(self, record):
            caught.append(record.getMessage())

    other = Other()
    logging.getLogger("elsewhere").addHandler(other)
    try:
        configure_logging("json", "debug")
        logging.getLogger("elsewhere").error("5012149020")
    finally:
        logging.getLogger("elsewhere").removeHandler(other)
    assert caught == ["+1501•••9020"]


def test_an_uncaught_exception_is_logged_and_masked(tmp_path):
    code = (
        "from flows import logs; logs.configure_logging('json', 'info'); logs.log_uncaught_errors(); "
        "raise KeyError('+15012149020')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    (line,) = map(json.loads, done.stderr.splitlines())
    assert line["message"] == "uncaught exception"
    assert line["exception"].endswith("KeyError: '+1501•••9020'")
    assert hides_number(line["exception"])


def test_masks_errors_masks_what_a_function_raises():
    @masks_errors
    def step(text):
        raise ValueError(text)

    with pytest.raises(ValueError, match=r"^no number$"):
        step("no number")
    with pytest.raises(LaunchdropError) as caught:
        step("could not convert 501-214-9020")
    assert str(caught.value) == "ValueError: could not convert +1501•••9020"
    assert caught.value.__suppress_context__


def test_errors_of_the_ledger_do_not_show_parameters(tmp_path):
    from sqlalchemy import text

    from flows.ledger.core.engine import Ledger
    from flows.ledger.core.errors import LedgerError

    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    with pytest.raises(LedgerError) as caught, ledger.begin() as conn:
        conn.execute(text("insert into nowhere values (:number)"), {"number": 5012149020})
    ledger.close()
    assert "no such table: nowhere" in str(caught.value)
    for error in (caught.value, caught.value.__cause__):  # the cause, the database's own error, is in tracebacks
        assert "5012149020" not in str(error)
