"""Logs: one form, one filter, whatever is logged and by whom."""

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
SPELT = ("5012149020", 5012149020, "+1 (501) 214-9020", "501\u00a0214\u20119020", "1.501.214.9020")


@pytest.fixture(autouse=True)
def as_before():
    """Nothing of this outlives a test: handlers, levels, filters, what Python does with warnings."""
    root, ours = logging.getLogger(), logging.getLogger("flows")
    handlers, level, filters_of = root.handlers[:], ours.level, {h: h.filters[:] for h in root.handlers}
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)
    for handler, filters in filters_of.items():
        handler.filters[:] = filters
    logging.captureWarnings(False)


@pytest.fixture
def said(capsys):
    """What was logged since, as the JSON lines it was written as."""

    def lines():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    configure_logging("json", "debug")
    return lines


def calls():
    """Every call of a logger in our sources, as (file, line, level, format, how many arguments)."""
    for folder in ("flows", "schemas", "reports"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if is_log_call(node):
                    said = node.args[1:] if node.func.attr == "log" else node.args
                    text = said[0].value if isinstance(said[0], ast.Constant) else "%s"
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.attr, text, len(said) - 1


def is_log_call(node):
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
        return False
    of = node.func.value
    return (isinstance(of, ast.Name) and of.id == "log") or (isinstance(of, ast.Call) and "Logger" in ast.unparse(of))


def test_there_are_log_calls_and_none_hides():
    """Whoever logs calls it `log`, so that the test below finds it."""
    assert len(list(calls())) >= 12
    for path in (ROOT / "flows").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and "getLogger" in ast.unparse(node.value) and node.col_offset == 0:
                assert [target.id for target in node.targets] == ["log"], path


@pytest.mark.parametrize("call", list(calls()), ids=lambda call: call[0])
@pytest.mark.parametrize("spelt", SPELT, ids=repr)
def test_no_log_call_shows_a_number_whatever_it_is_handed(call, spelt, said):
    place, level, text, count = call
    log = logging.getLogger(f"flows.{place}")
    # %d takes no text.
    handed = [5012149020 if "%d" in text else spelt] * count
    if level == "log":
        log.log(logging.INFO, text, *handed)
    elif level == "exception" or count:
        getattr(log, level)(text, *handed, extra={"number": spelt}, exc_info=raised(ValueError(f"at {spelt}")))
    else:
        getattr(log, level)(f"{text} {spelt}")
    (line,) = said()
    assert shows_none(json.dumps(line, ensure_ascii=False))
    assert "•••9020" in json.dumps(line, ensure_ascii=False)


def raised(error):
    try:
        raise error
    except ValueError as e:
        return e


def shows_none(text):
    return not re.search("501[^0-9•]*214", text)


@pytest.mark.parametrize("spelt", SPELT, ids=repr)
def test_a_library_s_lines_warnings_and_errors_are_masked(spelt, said):
    logging.getLogger("botocore").error("no such key %s", spelt)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"odd: {spelt}", stacklevel=1)
    logging.getLogger("x").error({"numbers": [spelt]})
    logging.getLogger("x").error("does not fit", spelt)
    lines = said()
    assert len(lines) == 4
    assert all(shows_none(line["message"]) and "•••9020" in line["message"] for line in lines)


def test_a_line_says_what_it_is_about(said):
    log = logging.getLogger("flows.registration.drop")
    with log_context(business="acme", drop="5012149020"), log_context(submission="20261124T201917Z-98765432"):
        log.info("registered: %s", "accepted", extra={"rows": 12})
    log.warning("nothing more")
    first, second = said()
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


def test_text_is_for_people(capsys):
    configure_logging("text", "warning")
    log = logging.getLogger("flows.launching.due")
    log.info("not shown")
    with log_context(program="acme/q1"):
        log.warning("launch: %s", "501-214-9020")
    line = capsys.readouterr().err
    assert line.partition(" ")[2] == "WARNING flows.launching.due program=acme/q1: launch: +1501•••9020\n"


def test_configuring_again_adds_nothing(said):
    configure_logging("json", "debug")
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, StderrHandler)]
    assert len(handlers) == 1
    assert [type(each) for each in handlers[0].filters] == [MaskingFilter]


def test_a_handler_that_comes_later_is_masked_at_the_next_configuring():
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


def test_an_error_that_nobody_catches_is_a_masked_line(tmp_path):
    code = (
        "from flows import logs; logs.configure_logging('json', 'info'); logs.log_uncaught_errors(); raise KeyError('+15012149020')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    (line,) = map(json.loads, done.stderr.splitlines())
    assert line["message"] == "ended by an error"
    assert line["exception"].endswith("KeyError: '+1501•••9020'")
    assert shows_none(line["exception"])


def test_what_a_shielded_step_raises_says_no_number():
    @masks_errors
    def step(text):
        raise ValueError(text)

    with pytest.raises(ValueError, match=r"^as it is$"):
        step("as it is")
    with pytest.raises(LaunchdropError) as told:
        step("could not convert 501-214-9020")
    assert str(told.value) == "ValueError: could not convert +1501•••9020"
    assert told.value.__suppress_context__


def test_an_error_of_the_ledger_shows_no_parameter(tmp_path):
    from sqlalchemy import text

    from flows.ledger.core.engine import Ledger
    from flows.ledger.core.errors import LedgerError

    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    with pytest.raises(LedgerError) as told, ledger.begin() as conn:
        conn.execute(text("insert into nowhere values (:number)"), {"number": 5012149020})
    ledger.close()
    assert "no such table: nowhere" in str(told.value)
    for error in (told.value, told.value.__cause__):  # the cause is the database's own, in tracebacks and logs
        assert "5012149020" not in str(error)
