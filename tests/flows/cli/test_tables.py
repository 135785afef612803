"""Tables at a terminal of 80 columns: what is long is folded, what is short stays whole."""

import re
import sys
from contextlib import contextmanager

import pytest

from flows.cli import programs, submissions

LONG = "collections-of-the-first-quarter-of-2030-in-the-north-west"


@pytest.fixture
def lines(world, monkeypatch, capsys):
    """Calls a command of this world as if at a terminal; gives what it prints, by lines."""

    @contextmanager
    def open_session():
        yield world.services

    def printed(command, *arguments):
        for module in (programs, submissions):
            monkeypatch.setattr(module, "open_session", open_session)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TERM", "dumb")  # no colours
        capsys.readouterr()
        command(*arguments)
        return capsys.readouterr().out.splitlines()

    return printed


def test_a_long_reference_leaves_the_columns_beside_it_whole(world, lines):
    world.drop("acme-bank/a", "5012149020,Survey\n", reference=LONG)
    world.run()
    head, first, *more = lines(programs.programs_command)
    assert head.split() == ["Program", "Rev", "State", "Starts", "(UTC)", "Live", "Pending"]
    assert re.fullmatch(r"acme-bank/coll\S+ +1  scheduled  2030-01-07 15:00 +0 +1 *", first)
    assert "".join([first.split()[0], *map(str.strip, more)]) == f"acme-bank/{LONG}"


def test_a_long_name_of_a_drop_leaves_the_columns_beside_it_whole(world, lines):
    world.drop(f"acme-bank/{LONG}", "5012149020,Survey\n5012149021,Nothing\n")
    world.run()

    class Plain:
        invoked_subcommand = None

    head, first, *more = lines(submissions.list_submissions_command, Plain)
    assert head.split() == ["Submission", "Verdict", "Valid", "Rejected"]
    assert re.fullmatch(r"\d{8}T\S+-[0-9a-f]{8} +accepted with rejections +1 +1 *", first)
    assert "".join(map(str.strip, more)) == f"acme-bank/{LONG}"
