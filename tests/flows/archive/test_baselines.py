"""Against last time: what a re-drop fixed, by content."""

A, B, C = "214-9020,Survey", "5012149021,Marketing", "call me,Survey"
GOOD = "5012149030,Survey"


def baseline(world, drop):
    return world.report(f"acme-bank/{drop}")["baseline"]


def test_a_first_submission_has_none(world):
    world.drop("acme-bank/a", f"{A}\n{GOOD}\n")
    world.run()
    assert baseline(world, "a") is None


def test_rows_are_the_same_by_content_wherever_they_stand(world):
    world.drop("acme-bank/a", f"{A}\n{B}\n{GOOD}\n")
    world.run()
    world.drop("acme-bank/b", f"{GOOD}\n\n{C}\n{B}\n")
    world.run()
    first = world.receipt("acme-bank/a")["submission"]
    assert baseline(world, "b") == {"submission": first, "fixed": 1, "remaining": 1, "new": 1}


def test_a_rejected_one_is_compared_too(world):
    world.drop("acme-bank/a", f"{A}\n{A}\n{B}\n")
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    world.drop("acme-bank/b", f"{A}\n{GOOD}\n")
    world.run()
    first = world.receipt("acme-bank/a")["submission"]
    assert baseline(world, "b") == {"submission": first, "fixed": 2, "remaining": 1, "new": 0}


def test_two_clean_ones_have_nothing_to_compare(world):
    world.drop("acme-bank/a", f"{GOOD}\n")
    world.run()
    world.drop("acme-bank/b", "5012149031,Survey\n")
    world.run()
    assert baseline(world, "b") is None
