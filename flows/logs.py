"""How launchdrop logs: one line a record on standard error, as text or JSON, phone numbers masked.

Every handler of the process gets the same filter: what our modules, a library or Prefect logs passes it before it is
written or sent to a server. `log_context` says for the time of a block what it is about; each line in it carries that.
"""

import functools
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, ParamSpec, TextIO, TypeVar

from flows.errors import LaunchdropError
from flows.masking import mask

P = ParamSpec("P")
R = TypeVar("R")

_context: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039  replaced, never changed
#: What every record has; the rest is what its caller added.
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def log_context(**what: str | None) -> Iterator[None]:
    """Within the block each line says what it is about: business, drop, submission, program."""
    before = _context.set(_context.get() | {name: value for name, value in what.items() if value})
    try:
        yield
    finally:
        _context.reset(before)


def configure_logging(form: Literal["text", "json"], level: str) -> None:
    """Send what this process logs to standard error, from `level` on, and mask all of it. Again is no fault."""
    root = logging.getLogger()
    ours = next((handler for handler in root.handlers if isinstance(handler, StderrHandler)), None)
    if ours is None:
        ours = StderrHandler()
        root.addHandler(ours)
    ours.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    ours.setLevel(level.upper())
    logging.getLogger("flows").setLevel(level.upper())
    logging.captureWarnings(True)
    for handler in _handlers():
        if not any(isinstance(each, MaskingFilter) for each in handler.filters):
            handler.addFilter(MaskingFilter())


def log_uncaught_errors() -> None:
    """An error that nobody catches is a line of the log as well, with its traceback."""
    sys.excepthook = _told
    threading.excepthook = lambda failed: _told(failed.exc_type, failed.exc_value, failed.exc_traceback)


class MaskingFilter(logging.Filter):
    """Masks a record where it stands, for this handler and all after it: message, arguments, fields, exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        # What the exception itself holds is not masked, so no formatter may see it.
        record.exc_info = None
        for name in ("exc_text", "stack_info"):
            if text := getattr(record, name, None):
                setattr(record, name, mask(text))
        for name in vars(record).keys() - _STANDARD_FIELDS:
            setattr(record, name, _masked(getattr(record, name)))
        return True


class TextFormatter(logging.Formatter):
    """For a person: time, level, logger, what it is about, message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the name is the library's
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return f"{_time(record)} {record.levelname} {record.name}{fields}: {record.message}"


class JsonFormatter(logging.Formatter):
    """For a program: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        line |= {"message": record.getMessage()} | _fields(record)
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


class StderrHandler(logging.StreamHandler[TextIO]):
    """Standard error as it is at the time of the line."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def masks_errors(work: Callable[P, R]) -> Callable[P, R]:
    """The same, but what it raises says no phone number: Prefect shows it on its pages as it is."""

    @functools.wraps(work)
    def shielding(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except Exception as e:
            if (said := mask(str(e))) == str(e):
                raise
            kind = "" if isinstance(e, LaunchdropError) else f"{type(e).__name__}: "
            raise LaunchdropError(f"{kind}{said}") from None

    return shielding


def _handlers() -> Iterator[logging.Handler]:
    """Every handler of the process, Prefect's own among them."""
    known = list(logging.root.manager.loggerDict.values())
    for logger in (logging.getLogger(), *(each for each in known if isinstance(each, logging.Logger))):
        yield from logger.handlers


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit must not bring a pass to its end
        return f"{record.msg} {record.args}"


def _masked(value: object) -> object:
    """As it was where nothing in it is a number, else as masked text."""
    text = str(value)
    said = mask(text)
    return value if said == text else said


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    added = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    return {name: _masked(value) for name, value in _context.get().items()} | added


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logging.getLogger("flows").critical("ended by an error", exc_info=(kind, error or kind(), trace))
