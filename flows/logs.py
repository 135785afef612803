"""Logging: one line per record on standard error, as text or JSON, with phone numbers masked.

All handlers of the process get the same filter, so everything that our modules, a library or Prefect logs is masked
before it is written or sent to a server. `log_context` adds fields to all lines logged within a block.
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

_context: ContextVar[dict[str, str]] = ContextVar("log_context", default={})  # noqa: B039  never modified, only replaced
#: Attributes that every record has. All others were added by the caller.
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def log_context(**fields: str | None) -> Iterator[None]:
    """Add fields (business, drop, submission, program) to each line that is logged within the block."""
    before = _context.set(_context.get() | {name: value for name, value in fields.items() if value})
    try:
        yield
    finally:
        _context.reset(before)


def configure_logging(log_format: Literal["text", "json"], level: str) -> None:
    """Log to standard error from `level` up, and mask the records of all handlers. May be called again."""
    root = logging.getLogger()
    stderr = next((handler for handler in root.handlers if isinstance(handler, StderrHandler)), None)
    if stderr is None:
        stderr = StderrHandler()
        root.addHandler(stderr)
    stderr.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    stderr.setLevel(level.upper())
    logging.getLogger("flows").setLevel(level.upper())
    logging.captureWarnings(True)
    for handler in _all_handlers():
        if not any(isinstance(each, MaskingFilter) for each in handler.filters):
            handler.addFilter(MaskingFilter())


def log_uncaught_errors() -> None:
    """Have uncaught exceptions logged, with their traceback."""
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class MaskingFilter(logging.Filter):
    """Masks the message, arguments, fields and exception of a record in place, so also for later handlers."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        # The exception itself cannot be masked, so no formatter may see it.
        record.exc_info = None
        for name in ("exc_text", "stack_info"):
            if text := getattr(record, name, None):
                setattr(record, name, mask(text))
        for name in vars(record).keys() - _STANDARD_FIELDS:
            setattr(record, name, _masked(getattr(record, name)))
        return True


class TextFormatter(logging.Formatter):
    """For people: time, level, logger, fields, message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the name comes from the library
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return f"{_time(record)} {record.levelname} {record.name}{fields}: {record.message}"


class JsonFormatter(logging.Formatter):
    """For programs: one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        line |= {"message": record.getMessage()} | _fields(record)
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever sys.stderr is when a line is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def masks_errors(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator that masks phone numbers in the errors a function raises. Prefect shows their text on its pages."""

    @functools.wraps(function)
    def masked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as e:
            if (text := mask(str(e))) == str(e):
                raise
            kind = "" if isinstance(e, LaunchdropError) else f"{type(e).__name__}: "
            raise LaunchdropError(f"{kind}{text}") from None

    return masked


def _all_handlers() -> Iterator[logging.Handler]:
    """Every handler of the process, including Prefect's own."""
    loggers = list(logging.root.manager.loggerDict.values())
    for logger in (logging.getLogger(), *(each for each in loggers if isinstance(each, logging.Logger))):
        yield from logger.handlers


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit the format must not stop a pass
        return f"{record.msg} {record.args}"


def _masked(value: object) -> object:
    """The value itself if it contains no phone number, or else its text, masked."""
    text = str(value)
    masked_text = mask(text)
    return value if masked_text == text else masked_text


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    added = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    return {name: _masked(value) for name, value in _context.get().items()} | added


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logging.getLogger("flows").critical("uncaught exception", exc_info=(kind, error or kind(), trace))
