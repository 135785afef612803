"""The published JSON Schema says what the code does."""

import json
from importlib.resources import files
from typing import get_args

import jsonschema
import pytest
import yaml

from schemas.manifest import display_name, parse, schedule
from schemas.model.manifest import NumbersMode, OnRejectedRows, ProgramType, State
from schemas.model.purposes import PURPOSES
from tests.schemas.drop_cases import cases

SCHEMA = json.loads((files("schemas") / "manifest.schema.json").read_text())
PROPERTIES = SCHEMA["properties"]
ENTRIES = {tuple(each["properties"]): each for each in PROPERTIES["numbers"]["items"]["oneOf"]}

#: A near miss that this schema is stricter about: capitals of call purposes do not matter to launchdrop.
STRICTER = {"MAN-004/near-miss-choices"}
TAKEN = [
    case
    for case in cases()
    if list(case.folder.glob("drop/*.y*ml")) and case.expected["verdict"] != "rejected" and str(case) not in STRICTER
]


def test_the_keys_are_the_codes():
    assert tuple(PROPERTIES) == parse.KEYS
    assert tuple(PROPERTIES["business_unit"]["oneOf"][1]["properties"]) == parse.UNIT_KEYS
    assert tuple(PROPERTIES["program"]["properties"]) == parse.PROGRAM_KEYS
    assert tuple(PROPERTIES["display_name"]["properties"]) == display_name.KEYS
    assert tuple(PROPERTIES["schedule"]["properties"]) == schedule.KEYS
    assert set(ENTRIES) == {parse.FILE_KEYS, parse.TYPED_KEYS}


def test_the_choices_are_the_codes():
    assert SCHEMA["$defs"]["call_purpose"]["enum"] == list(PURPOSES)
    assert PROPERTIES["program"]["properties"]["type"]["enum"] == list(get_args(ProgramType))
    assert PROPERTIES["numbers_mode"]["enum"] == list(get_args(NumbersMode))
    assert PROPERTIES["on_rejected_rows"]["enum"] == list(get_args(OnRejectedRows))
    assert PROPERTIES["state"]["enum"] == list(get_args(State))


def test_the_patterns_are_the_codes():
    assert PROPERTIES["business"]["pattern"] == f"^{parse.BUSINESS.pattern}$"
    assert PROPERTIES["reference"]["pattern"] == f"^{parse.REFERENCE.pattern}$"
    assert ENTRIES[parse.FILE_KEYS]["properties"]["sha256"]["pattern"] == f"^{parse.SHA256.pattern}$"
    assert SCHEMA["$defs"]["name"]["maxLength"] == parse.NAME_MAX
    assert SCHEMA["$defs"]["shown"]["maxLength"] == display_name.NAME_MAX
    assert PROPERTIES["program"]["properties"]["description"]["maxLength"] == parse.DESCRIPTION_MAX


def test_it_is_a_json_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", TAKEN, ids=str)
def test_a_manifest_without_fault_fits(case):
    written = yaml.load(next(case.folder.glob("drop/*.y*ml")).read_bytes(), Loader=yaml.BaseLoader)
    if written.get("state") == "cancelled":
        written = {key: written[key] for key in parse.CANCELLING_KEYS}
    jsonschema.validate({key: value for key, value in written.items() if value != ""}, SCHEMA)


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
def test_a_fault_does_not_fit(fault):
    case = next(case for case in TAKEN if str(case) == "DSP-008/near-miss-approved")
    written = yaml.load((case.folder / "drop" / "program.yaml").read_bytes(), Loader=yaml.BaseLoader)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written | fault, SCHEMA)
