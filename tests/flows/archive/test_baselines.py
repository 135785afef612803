"""Baselines: what a corrected drop has fixed, compared by content."""

A, B, C = "214-9020,Survey", "5012149021,Marketing", "call me,Survey"
GOOD = "5012149030,Survey"


def baseline(world, drop):
    return world.report(f"acme-bank/{drop}")["baseline"]


def test_a_first_submission_has_no_baseline(world):
    world.drop("acme-bank/a", f"{A}\n{GOOD}\n")
    world.run()
    assert baseline(world, "a") is None


def test_rows_are_compared_by_content_and_not_by_position(world):
    world.drop("acme-bank/a", f"{A}\n{B}\n{GOOD}\n")
    world.run()
    world.drop("acme-bank/b", f"{GOOD}\n\n{C}\n{B}\n")
    world.run()
    first = world.receipt("acme-bank/a")["submission"]
    assert baseline(world, "b") == {"submission": first, "fixed": 1, "remaining": 1, "new": 1}


def test_a_rejected_submission_is_a_baseline_too(world):
    world.drop("acme-bank/a", f"{A}\n{A}\n{B}\n")
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    world.drop("acme-bank/b", f"{A}\n{GOOD}\n")
    world.run()
    first = world.receipt("acme-bank/a")["submission"]
    assert baseline(world, "b") == {"submission": first, "fixed": 2, "remaining": 1, "new": 0}


def test_two_submissions_without_rejections_are_not_compared(world):
    world.drop("acme-bank/a", f"{GOOD}\n")
    world.run()
    world.drop("acme-bank/b", "5012149031,Survey\n")
    world.run()
    assert baseline(world, "b") is None
