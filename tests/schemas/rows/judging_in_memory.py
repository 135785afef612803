"""Judges numbers files in memory, from text or bytes, for the tests of the row engine."""

import hashlib
import io

from schemas.model.judging_context import NumberClaims
from schemas.model.manifest import TypedNumber
from schemas.model.policy import FindingCaps, Policy
from schemas.rows.row_judge import NumbersResult, judge_numbers
from schemas.rows.types import NumbersSource, NumberTerms

GOOD_NUMBER = "5012149020"
POLICY = Policy()
NO_CAPS = FindingCaps(per_rule=10**6, shown=10**6)


def good_numbers(count, start=2_120_000):
    """Distinct valid numbers."""
    return [f"501{(start + n):07d}" for n in range(count)]


def source(content, name="numbers.csv", **expected):
    content = content.encode() if isinstance(content, str) else content
    sha256 = hashlib.sha256(content).hexdigest()
    return NumbersSource(name=name, bytes=len(content), sha256=sha256, open=lambda: io.BytesIO(content), **expected)


def judge_files(
    *files,
    typed=(),
    purpose=None,
    regions=POLICY.regions,
    toll_free="allow",
    claims: NumberClaims | None = None,
    do_not_originate=None,
    suspects=None,
    caps=NO_CAPS,
    policy=POLICY,
    **options,
) -> NumbersResult:
    """Judge files given as text, bytes or `NumbersSource`, and typed-in numbers given as pairs or `TypedNumber`."""
    sources = [
        each if isinstance(each, NumbersSource) else source(each, f"{n}.csv" if n else "numbers.csv")
        for n, each in enumerate(files)
    ]
    terms = NumberTerms(
        call_purpose=purpose,
        regions=regions,
        toll_free=toll_free,
        claims=claims,
        do_not_originate=do_not_originate,
        suspects=suspects,
    )
    typed = [
        each if isinstance(each, TypedNumber) else TypedNumber(number=each[0], call_purpose=each[1]) for each in typed
    ]
    return judge_numbers(sources, typed, terms, policy=policy, caps=caps, **options)


def broken_rules(result):
    """(row, rule) of every finding, in order. Row is None for a finding about the file."""
    return [(each.row, each.rule) for each in result.findings]


def rules_for_number(number, purpose="Survey", **options):
    """The rules that a row with this number breaks."""
    cell = '"' + number.replace('"', '""') + '"'
    return [each.rule for each in judge_files(f"{cell},{purpose}\n", **options).findings if each.row]


def accepted_rows(result):
    """(number, purpose) of every accepted row, in order."""
    return [
        (number, purpose)
        for numbers, purposes in result.accepted()
        for number, purpose in zip(numbers.tolist(), purposes.tolist(), strict=True)
    ]


def whole_result(result):
    """Everything in a result, for comparing two results."""
    return (
        result.files,
        result.findings,
        result.totals,
        result.groups,
        result.has_file_errors,
        result.rows,
        [line for batch in result.rejections() for line in batch.to_pylist()],
        b"".join(result.rejected_records()),
        accepted_rows(result),
    )
