"""The published JSON Schema of the manifest matches the code."""

import json
import re
from importlib.resources import files
from typing import get_args

import jsonschema
import pytest
import yaml

from schemas.manifest import display_name, parse, schedule
from schemas.model.business import BUSINESS_PATTERN
from schemas.model.manifest import NumbersMode, OnRejectedRows, ProgramType, RequestedState
from schemas.model.purposes import PURPOSES, parse_purpose
from tests.schemas.drop_cases import CASES_FOLDER, load_cases

SCHEMA = json.loads((files("schemas") / "manifest.schema.json").read_text())
PROPERTIES = SCHEMA["properties"]
NULL = {"type": "null"}
#: The two kinds of items by their own keys. Those of the other kind can only be null.
ITEMS = {
    tuple(key for key, value in each["properties"].items() if value != NULL): each
    for each in PROPERTIES["numbers"]["items"]["oneOf"]
}
ACCEPTED = [
    case for case in load_cases() if list(case.folder.glob("drop/*.y*ml")) and case.expected["verdict"] != "rejected"
]


class EditorLoader(yaml.BaseLoader):
    """Reads every scalar as text, except null and true and false, as editors do."""


EditorLoader.add_implicit_resolver("null", re.compile("(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
EditorLoader.add_implicit_resolver("bool", re.compile("(?:true|false)$"), ["t", "f"])
EditorLoader.add_constructor("null", lambda _loader, _node: None)
EditorLoader.add_constructor("bool", lambda _loader, node: node.value == "true")


def test_the_keys_match_the_code():
    assert tuple(PROPERTIES) == parse.MANIFEST_KEYS
    assert tuple(PROPERTIES["business_unit"]["oneOf"][1]["properties"]) == parse.BUSINESS_UNIT_KEYS
    assert tuple(PROPERTIES["program"]["properties"]) == parse.PROGRAM_KEYS
    assert tuple(PROPERTIES["display_name"]["properties"]) == display_name.DISPLAY_NAME_KEYS
    assert tuple(PROPERTIES["schedule"]["properties"]) == schedule.SCHEDULE_KEYS
    assert set(ITEMS) == {parse.NUMBERS_FILE_KEYS, parse.TYPED_NUMBER_KEYS}


def test_the_choices_match_the_code():
    enum, *patterns = SCHEMA["$defs"]["call_purpose"]["anyOf"]
    assert enum["enum"] == list(PURPOSES)
    assert [each["pattern"] for each in patterns] == [any_case(purpose) for purpose in PURPOSES]
    assert PROPERTIES["program"]["properties"]["type"]["enum"] == list(get_args(ProgramType))
    assert PROPERTIES["numbers_mode"]["enum"] == [*get_args(NumbersMode), None]
    assert PROPERTIES["on_rejected_rows"]["enum"] == [*get_args(OnRejectedRows), None]
    assert PROPERTIES["state"]["enum"] == [*get_args(RequestedState), None]


def any_case(text: str) -> str:
    """A pattern in the syntax of JSON Schema, which has no flags."""
    letters = (f"[{letter.upper()}{letter.lower()}]" if letter.isalpha() else letter for letter in text)
    return rf"^\s*{''.join(letters)}\s*$"


def test_the_patterns_and_lengths_match_the_code():
    assert PROPERTIES["business"]["pattern"] == f"^{BUSINESS_PATTERN.pattern}$"
    assert PROPERTIES["reference"]["pattern"] == f"^{parse.REFERENCE_PATTERN.pattern}$"
    assert ITEMS[parse.NUMBERS_FILE_KEYS]["properties"]["sha256"]["pattern"] == f"^{parse.SHA256_PATTERN.pattern}$"
    assert SCHEMA["$defs"]["name"]["maxLength"] == parse.MAX_NAME_LENGTH
    assert SCHEMA["$defs"]["shown"]["maxLength"] == display_name.MAX_DISPLAY_NAME_LENGTH
    assert PROPERTIES["program"]["properties"]["description"]["maxLength"] == parse.MAX_DESCRIPTION_LENGTH


def test_it_is_a_valid_json_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_an_accepted_manifest_is_valid(case):
    written = yaml.load(next(case.folder.glob("drop/*.y*ml")).read_bytes(), Loader=EditorLoader)
    if written.get("state") == "cancelled":
        written = {key: written[key] for key in parse.CANCELLATION_KEYS}
    jsonschema.validate({key: value for key, value in written.items() if value != ""}, SCHEMA)


MANIFEST = (CASES_FOLDER / "MAN-003/near-miss-null/drop/program.yaml").read_text()


@pytest.mark.parametrize(
    "path",
    [
        *((key,) for key in parse.MANIFEST_KEYS if key != "display_name"),  # which SENTRY programs do not need
        *(("program", key) for key in parse.PROGRAM_KEYS),
        *(("display_name", key) for key in display_name.DISPLAY_NAME_KEYS),
        *(("business_unit", key) for key in parse.BUSINESS_UNIT_KEYS),
        *(("schedule", key) for key in schedule.SCHEDULE_KEYS),
        *(("numbers", 0, key) for key in parse.NUMBERS_FILE_KEYS),
    ],
    ids=str,
)
def test_the_schema_accepts_null_where_launchdrop_does(path):
    manifest = yaml.load(MANIFEST, Loader=EditorLoader)
    place = manifest
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = None
    findings = parse.parse_manifest(json.dumps(manifest).encode(), max_bytes=1 << 20, per_rule=10).findings
    is_valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(manifest)
    assert is_valid == (not findings.kept_findings), findings.kept_findings


@pytest.mark.parametrize(
    "text", [*PURPOSES, *map(str.upper, PURPOSES), *map(str.lower, PURPOSES), " Survey\t", "Surveys", ""]
)
def test_the_schema_accepts_the_call_purposes_that_launchdrop_does(text):
    definition = SCHEMA["$defs"]["call_purpose"]
    assert jsonschema.Draft202012Validator(definition).is_valid(text) == (parse_purpose(text) is not None)


@pytest.mark.parametrize(
    "fault",
    [
        {"manifest": 2},
        {"state": "canceled"},
        {"reassign": "no"},
        {"max_rejected_percent": "10%"},
        {"numbers": [{"file": "a.csv", "number": "5012149020"}]},
        {"schedule": {"start": "2027-01-04", "end": "2027-03-31T18:00"}},
        {"foo": "bar"},
    ],
    ids=str,
)
def test_a_fault_is_not_valid(fault):
    case = next(case for case in ACCEPTED if str(case) == "DSP-008/near-miss-approved")
    written = yaml.load((case.folder / "drop" / "program.yaml").read_bytes(), Loader=yaml.BaseLoader)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written | fault, SCHEMA)
