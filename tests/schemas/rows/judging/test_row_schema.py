"""The row schema is what finds broken rules: stock Pandera finds the same, and each check is needed."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.errors import SchemaErrors

from schemas.model.policy import Policy
from schemas.rows.judging import row_schema
from schemas.rows.numbers.columns import COLUMNS, parse_columns
from schemas.rows.reading.csv_records import split_records
from schemas.rows.reading.encoding import decode_to_utf8, detect_encoding
from schemas.rows.reading.long_lines import LineSplitter
from schemas.rows.rule_codes import NUMBER_PRECEDENCE
from schemas.rows.types import RowTerms
from schemas.rules import RULES
from tests.schemas.rows.judging_in_memory import source

#: One row for each rule, which breaks it. The lines above the numbers come first, in their order.
CASES = {
    "CSV-013": "sep=,",
    "CSV-014": "Numbers of Acme Bank",
    "CSV-011": "phone,purpose",
    "CSV-010": "5012149020,Survey,",
    "CSV-012": '5012149021,"Survey',
    "NUM-001": ",Survey",
    "NUM-002": "call me,Survey",
    "NUM-003": "5.01215E+09,Survey",
    "NUM-004": "2149020,Survey",
    "NUM-005": "501214902,Survey",
    "NUM-006": "+44 20 7946 0958,Survey",
    "NUM-007": "1112149020,Survey",
    "NUM-008": "2222149020,Survey",
    "NUM-009": "5011149020,Survey",
    "NUM-010": "2125550100,Survey",
    "NUM-011": "9002149020,Survey",
    "NUM-012": "7002149020,Survey",
    "NUM-013": "8002149020,Survey",
    "NUM-014": "4162149020,Survey",
    "NUM-015": "3402149020,Survey",
    "NUM-016": "2129581234,Survey",
    "PUR-001": "5012149022,",
    "PUR-002": "5012149023,Zebra",
}
SCHEMA = row_schema.row_schema(RowTerms(regions=Policy().regions, toll_free="reject"))


def parse(content):
    stream = source(content).open
    (block,) = split_records(LineSplitter().split(decode_to_utf8(stream(), detect_encoding(stream()))))
    return parse_columns(block)


PARSED = parse("\n".join(CASES.values()))


def find_broken(schema):
    judged = row_schema.judge_rows(PARSED, schema)
    return {(int(row), row_schema.ROW_RULES[code]) for row, code in zip(judged.row, judged.code, strict=True)}


def test_each_row_breaks_its_rule_and_no_other():
    assert find_broken(SCHEMA) == set(enumerate(CASES))


def test_every_rule_about_a_single_row_is_a_check():
    checked = [check.name for column in SCHEMA.columns.values() for check in column.checks]
    single_row = {rule for rule in row_schema.ROW_RULES if not rule.startswith("NUM-02") and rule != "PUR-006"}
    assert sorted(checked) == sorted(single_row) == sorted(CASES)
    assert all(check.error == check.name for column in SCHEMA.columns.values() for check in column.checks)


@pytest.mark.parametrize("rule", list(CASES))
def test_without_a_check_its_rule_is_not_found(rule):
    reduced = row_schema.RowSchema(
        {
            name: pa.Column("int64", [check for check in column.checks if check.name != rule])
            for name, column in SCHEMA.columns.items()
        }
    )
    assert rule in {found for _, found in find_broken(SCHEMA)}
    assert rule not in {found for _, found in find_broken(reduced)}


def test_stock_pandera_finds_the_same_rules_broken_in_the_same_rows():
    chunk = pd.DataFrame(PARSED.values.T, columns=list(COLUMNS))
    stock = pa.DataFrameSchema(SCHEMA.columns, strict=True)
    with pytest.raises(SchemaErrors) as stock_errors:
        stock.validate(chunk, lazy=True)
    cases = stock_errors.value.failure_cases
    with pytest.raises(SchemaErrors) as lean_errors:
        SCHEMA.validate(chunk, lazy=True)
    lean = {
        (error.check.name, int(row))
        for error in lean_errors.value.schema_errors
        for row in np.flatnonzero(~error.check_output)
    }
    assert set(zip(cases["check"], cases["index"].astype(int), strict=True)) == lean
    assert len(lean) > len(CASES)


def test_a_frame_with_other_columns_is_a_programming_error():
    chunk = pd.DataFrame(PARSED.values.T, columns=list(COLUMNS))
    with pytest.raises(TypeError, match="expected int64 columns"):
        SCHEMA.validate(chunk.drop(columns="area"), lazy=True)
    with pytest.raises(TypeError, match="expected int64 columns"):
        SCHEMA.validate(chunk.astype("float64"), lazy=True)


def test_no_pandera_setting_switches_the_rules_off():
    from pandera.config import config_context

    with config_context(validation_enabled=False):
        assert find_broken(SCHEMA) == set(enumerate(CASES))


def test_the_rules_are_declared_in_their_precedence():
    assert [rule[-3:] for rule in NUMBER_PRECEDENCE] == (
        ["001", "003", "002", "006", "004", "005", "007", "011", "012", "008", "013", "009", "010", "014", "015"]
    )
    rules = row_schema.row_rules(RowTerms(regions=Policy().regions))
    declared = [rule for rule, _, _ in rules if rule in NUMBER_PRECEDENCE]
    assert declared == list(NUMBER_PRECEDENCE)
    assert set(row_schema.ROW_RULES) <= set(RULES)
