"""The lists of area codes: parsing, and what they change in the numbering plan."""

from datetime import date

import numpy as np
import pytest

from schemas.model.area_codes import METADATA_ONLY, AreaCode, AreaCodeList, AreaCodesOnDay
from schemas.rows.numbers.area_codes import (
    AreaCodesError,
    is_possible_area_code,
    merge_area_codes,
    parse_area_codes,
    shipped_area_codes,
)
from schemas.rows.numbers.numbering_plan import numbering_plan

SHIPPED_ON = date.fromisoformat(shipped_area_codes().version)
LINE_EXPECTED = "expected code,region,from,until such as 729,US,2025-09-05, where from and until may be empty"
BY_METADATA = numbering_plan(METADATA_ONLY)


def plan_on(day, *, operator=""):
    codes = merge_area_codes(AreaCodeList(version="test", codes=parse_area_codes(operator)))
    return numbering_plan(AreaCodesOnDay(codes=codes, day=day).in_force())


def test_a_list_has_comments_blank_lines_and_optional_days():
    text = "# new\n271,US,2027-03-03,\n\n275 , CA # no days\n501,US,,2027-01-31,PL-700\n"
    assert parse_area_codes(text) == (
        AreaCode(code=271, region="US", first_day=date(2027, 3, 3)),
        AreaCode(code=275, region="CA"),
        AreaCode(code=501, region="US", last_day=date(2027, 1, 31)),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("271", f"line 1: {LINE_EXPECTED}"),
        ("271;US", f"line 1: {LINE_EXPECTED}"),
        ("1,2,3,4,5,6", f"line 1: {LINE_EXPECTED}"),
        ("# ok\n911,US", 'line 2: "911" can\'t be an area code; expected three digits such as 729'),
        ("+271,US", 'line 1: "+271" can\'t be an area code; expected three digits such as 729'),
        ("２７１,US", 'line 1: "２７１" can\'t be an area code; expected three digits such as 729'),
        (
            "271,us",
            'line 1: "us" is not a region of the +1 numbering plan; expected two capital letters such as US, PR or CA',
        ),
        (
            "271,UK",
            'line 1: "UK" is not a region of the +1 numbering plan; expected two capital letters such as US, PR or CA',
        ),
        ("271,US,3/3/2027", 'line 1: "3/3/2027" is not a date; expected one such as 2027-03-03, or nothing'),
        ("271,US,2027-02-30", 'line 1: "2027-02-30" is not a date; expected one such as 2027-03-03, or nothing'),
        ("271,US,20270303", 'line 1: "20270303" is not a date; expected one such as 2027-03-03, or nothing'),
        ("271,US,2027-03-03,2027-03-02", "line 1: expected until (2027-03-02) to be on or after from (2027-03-03)"),
        ("271,US\n271,CA", "line 2: area code 271 has a line already; expected one for each"),
    ],
)
def test_an_invalid_line_is_named_with_what_was_expected(text, message):
    with pytest.raises(AreaCodesError) as error:
        parse_area_codes(text)
    assert str(error.value) == message


def test_every_assigned_area_code_is_one_of_the_metadata_or_of_the_shipped_list():
    shipped = {each.code for each in shipped_area_codes().codes}
    assert len(shipped) == 13
    plan = plan_on(SHIPPED_ON)
    for code in range(200, 1000):
        assert plan.assigned[code] == (BY_METADATA.assigned[code] or code in shipped), code
        if code not in shipped:
            valid = np.s_[code * 10_000 : (code + 1) * 10_000]
            assert np.array_equal(plan.valid[valid], BY_METADATA.valid[valid]), code
            assert plan.region[code] == BY_METADATA.region[code], code


def test_the_shipped_list_has_no_area_code_that_phonenumbers_knows_by_now():
    """If this fails after an upgrade of phonenumbers, remove these lines from area_codes.csv, and change its date."""
    assert [each.code for each in shipped_area_codes().codes if BY_METADATA.assigned[each.code]] == []


def test_every_shipped_area_code_was_in_service_when_the_list_was_made():
    assert all(each.is_in_service(SHIPPED_ON) and each.last_day is None for each in shipped_area_codes().codes)


def test_a_listed_area_code_takes_every_exchange_from_200_up():
    plan = plan_on(SHIPPED_ON, operator="670,MP\n")
    for code in (729, 670):
        valid = plan.valid[code * 10_000 : (code + 1) * 10_000].reshape(1000, 10).all(axis=1)
        assert np.flatnonzero(valid).tolist() == list(range(200, 1000))


def test_the_operator_goes_before_the_shipped_list_and_both_before_the_metadata():
    plan = plan_on(SHIPPED_ON, operator="729,CA\n924,US,,2025-01-01\n501,PR\n502,US,2030-01-01,\n")
    region = {code: plan.regions[plan.region[code]] for code in (729, 501, 503)}
    assert region == {729: "CA", 501: "PR", 503: "US"}
    assert plan.assigned[[729, 924, 501, 502]].tolist() == [True, False, True, False]
    assert plan.is_valid(np.array([924_214_9020, 502_214_9020])).tolist() == [False, False]


def test_days_with_the_same_area_codes_share_a_plan():
    assert plan_on(date(2027, 1, 1)) is plan_on(date(2028, 1, 1))


def test_what_can_be_an_area_code():
    assert [code for code in range(200, 400) if not is_possible_area_code(code)] == [
        *(211, *range(290, 300), 311, *range(370, 380), *range(390, 400)),
    ]
