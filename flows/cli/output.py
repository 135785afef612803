"""How commands speak: tables and a progress bar for a person at a terminal, plain JSON for a program."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

__all__ = [
    "Progress",
    "complain",
    "is_narrow",
    "print_json",
    "print_table",
    "printable",
    "progress_bar",
    "say",
]


class Progress(Protocol):
    """Told as bytes are read; the total may grow."""

    def __call__(self, done: int, total: int) -> None: ...


def say(text: str = "") -> None:
    """A line for a person."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """What went wrong, on standard error; phone numbers in it masked, as a log may keep it."""
    from flows.masking import mask

    text = mask(text)
    sys.stderr.write("".join(f"launchdrop: {line}\n" for line in text.splitlines()))


def print_json(value: object) -> None:
    """One JSON document, indented, characters as they are."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), whole: Sequence[str] = ()
) -> None:
    """A table as wide as the terminal, where the other columns are folded for those in `right` and `whole`.

    Columns in `right` hold figures, those in `whole` short texts: a part of either would say something else.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        kept = name in right or name in whole
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=kept)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # What is not read on a terminal goes to another program: one line a row, however long.
    Console(highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)


def is_narrow() -> bool:
    """Whether lines of more than about a hundred characters would be broken."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < 110


@contextmanager
def progress_bar(what: str) -> Iterator[Progress | None]:
    """A bar on standard error while something long is read; None where nobody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TimeRemainingColumn()
    # Without a thread of its own: long files are judged by forked processes, and threads do not go well with that.
    with Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


def printable(text: str) -> str:
    """On one line: a stranger's text must not steer the terminal, and a name in another encoding has no characters."""
    return "".join(c if c.isprintable() else "�" for c in text)


def thousands(count: int) -> str:
    return f"{count:,}"
