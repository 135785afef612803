"""Tables on a terminal of 80 columns: long cells wrap, short ones stay whole."""

import re
import sys
from contextlib import contextmanager

import pytest

from flows.cli import programs, submissions

LONG = "collections-of-the-first-quarter-of-2030-in-the-north-west"


@pytest.fixture
def printed_lines(world, monkeypatch, capsys):
    """Runs a command as if on a terminal. Returns the lines it prints."""

    @contextmanager
    def open_session():
        yield world.services

    def run(command, *arguments):
        for module in (programs, submissions):
            monkeypatch.setattr(module, "open_session", open_session)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TERM", "dumb")  # no colors
        capsys.readouterr()
        command(*arguments)
        return capsys.readouterr().out.splitlines()

    return run


def test_a_long_reference_does_not_wrap_the_other_columns(world, printed_lines):
    world.drop("acme-bank/a", "5012149020,Survey\n", reference=LONG)
    world.run()
    head, first, *more = printed_lines(programs.programs_command)
    assert head.split() == ["Program", "Rev", "State", "Starts", "(UTC)", "Live", "Pending"]
    assert re.fullmatch(r"acme-bank/coll\S+ +1  scheduled  2030-01-07 15:00 +0 +1 *", first)
    assert "".join([first.split()[0], *map(str.strip, more)]) == f"acme-bank/{LONG}"


def test_a_long_drop_name_does_not_wrap_the_other_columns(world, printed_lines):
    world.drop(f"acme-bank/{LONG}", "5012149020,Survey\n5012149021,Nothing\n")
    world.run()

    class Context:
        invoked_subcommand = None

    head, first, *more = printed_lines(submissions.list_submissions_command, Context)
    assert head.split() == ["Submission", "Verdict", "Valid", "Rejected"]
    assert re.fullmatch(r"\d{8}T\S+-[0-9a-f]{8} +accepted with rejections +1 +1 *", first)
    assert "".join(map(str.strip, more)) == f"acme-bank/{LONG}"
