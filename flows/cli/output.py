"""What commands print: text and tables for a person at a terminal, JSON for a program."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.model.callbacks import Progress


def print_line(text: str = "") -> None:
    """Print one line on standard output."""
    sys.stdout.write(text + "\n")


def print_error(text: str) -> None:
    """Print what went wrong on standard error. Phone numbers are masked, because a log may keep the output."""
    from flows.masking import mask  # saves start-up time

    text = mask(text)
    sys.stderr.write("".join(f"launchdrop: {line}\n" for line in text.splitlines()))


def print_json(value: object) -> None:
    """Print one indented JSON document. Non-ASCII characters are not escaped."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), no_wrap: Sequence[str] = ()
) -> None:
    """Print a table as wide as the terminal.

    Columns in `right` are right-aligned figures. They and the columns in `no_wrap` are never wrapped; the other columns
    give up their width.
    """
    from rich.console import Console  # saves start-up time
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="fold",
            no_wrap=name in right or name in no_wrap,
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # Without a terminal the reader is another program: one line per row, however long.
    Console(highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)


def is_narrow() -> bool:
    """Whether the terminal wraps lines of about a hundred characters."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < 110


@contextmanager
def progress_bar(label: str) -> "Iterator[Progress | None]":
    """A progress bar on standard error while something long is read; None if that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # saves start-up time
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TimeRemainingColumn()
    # No refresh thread: long files are judged by forked processes, and forking a process with threads is not safe.
    with Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


def replace_unprintable(text: str) -> str:
    """The text on one line, with � for control characters (which could steer the terminal) and undecodable bytes."""
    return "".join(c if c.isprintable() else "�" for c in text)


def format_count(count: int) -> str:
    """`1,200`."""
    return f"{count:,}"
