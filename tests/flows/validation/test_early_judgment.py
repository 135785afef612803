"""An early judgment holds only as long as all that it depends on stays the same."""

from dataclasses import replace

import numpy as np

from flows.validation.early_judgment import RecordedAnswers
from schemas.model.area_codes import AreaCodeList
from schemas.model.judging_context import JudgingContext
from schemas.model.judgment import NO_NUMBERS

ASKED = np.array([5012149020, 5012149021])
CONTEXT = JudgingContext(
    has_ledger=True,
    area_codes=AreaCodeList(version="a"),
    read_purposes=lambda numbers: (numbers[:1], np.array([3], dtype=np.uint8)),
)


def record(context):
    answers = RecordedAnswers()
    recording = answers.record_from(context)
    recording.read_purposes(ASKED)
    return answers


def test_it_holds_if_nothing_has_changed():
    assert record(CONTEXT).match(replace(CONTEXT), NO_NUMBERS)


def test_it_does_not_hold_if_the_area_codes_have_changed():
    assert not record(CONTEXT).match(replace(CONTEXT, area_codes=AreaCodeList(version="b")), NO_NUMBERS)
    assert not record(CONTEXT).match(replace(CONTEXT, area_codes=None), NO_NUMBERS)


def test_it_does_not_hold_if_a_number_has_another_purpose_by_now():
    changed = replace(CONTEXT, read_purposes=lambda numbers: (numbers[:1], np.array([4], dtype=np.uint8)))
    removed = replace(CONTEXT, read_purposes=lambda numbers: (numbers[:0], np.zeros(0, dtype=np.uint8)))
    assert not record(CONTEXT).match(changed, NO_NUMBERS)
    assert not record(CONTEXT).match(removed, NO_NUMBERS)
