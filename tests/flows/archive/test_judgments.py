"""Archived judgments: what was archived by an earlier version still loads."""

import json

from flows.archive.judgments import FILE_NAME, load_judgment


def test_a_judgment_with_a_field_that_no_longer_exists_still_loads(world):
    world.drop("acme-bank/a", "5012149020,Survey\n")
    world.run()
    submission = world.receipt("acme-bank/a")["submission"]
    archive = world.services.archive
    before = load_judgment(archive, "acme-bank", submission)
    path = archive.root / "acme-bank" / submission / FILE_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"needs_review": ["display_name"]}))
    assert load_judgment(archive, "acme-bank", submission) == before
