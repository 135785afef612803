"""Rules about the manifest and the files in the drop."""

from functools import partial

from schemas.rules.rule import Rule

_error = partial(Rule, scope="manifest", severity="error")
_warning = partial(Rule, scope="manifest", severity="warning")

RULES: tuple[Rule, ...] = (
    _error(
        id="MAN-001",
        name="The manifest cannot be read",
        meaning="The file is not valid YAML with keys and values, saved as UTF-8. The program in it was not checked.",
        fix="Open the manifest, correct it at the line and column shown, and drop it again.",
    ),
    _error(
        id="MAN-002",
        name="Unknown key",
        meaning="The manifest has a key that launchdrop does not know. It is most likely misspelled.",
        fix="Use the suggested key, or delete the line.",
    ),
    _error(
        id="MAN-003",
        name="A required value is missing",
        meaning="The program cannot be set up without this value. It is absent or blank.",
        fix="Add the value at the place shown.",
    ),
    _error(
        id="MAN-004",
        name="A value is not what was expected",
        meaning="The key takes another kind of value, or one of a few choices.",
        fix="Replace the value with one that the message describes.",
    ),
    _error(
        id="MAN-005",
        name="A listed file did not arrive",
        meaning="The manifest lists a file that is not in the drop, and the time to upload it is over.",
        fix="Upload the file under exactly this name, or correct the name in the manifest.",
    ),
    _warning(
        id="MAN-006",
        name="A file in the drop was not read",
        meaning="The file is in the drop, but the manifest does not list it.",
        fix="If it has numbers, list it under numbers. Otherwise leave it out of the drop.",
    ),
    _error(
        id="MAN-007",
        name="The file name is not safe",
        meaning="A manifest can only list files inside its own drop, by plain names without look-alike characters.",
        fix="Put the file into the drop's folder and use its plain name, such as numbers.csv.",
    ),
    _error(
        id="MAN-008",
        name="The manifest is for another business",
        meaning="The drop is in the folder of one business, but the manifest names another one.",
        fix="Correct business in the manifest, or drop it into the folder of that business.",
    ),
    _error(
        id="MAN-009",
        name="The business is not registered",
        meaning="The operator of this service has no business with this name.",
        fix="Check the spelling of business. If it is right, ask the operator to register it.",
    ),
    _error(
        id="MAN-010",
        name="The business unit does not exist",
        meaning="The business has no unit with this name, and the manifest does not ask for a new one.",
        fix="Use an existing unit, or write business_unit: {name: ..., create: true} to create it.",
    ),
    _error(
        id="MAN-011",
        name="The manifest is too large",
        meaning="It has too many bytes, is nested too deep, or its aliases expand to too many values.",
        fix="Keep the manifest short and flat, without aliases. Put long lists of numbers into a CSV file.",
    ),
    _error(
        id="MAN-012",
        name="A key appears twice",
        meaning=(
            "The same key appears twice in one place, so it is not clear which value you mean. The first one was used."
        ),
        fix="Delete one of the two lines.",
    ),
    _error(
        id="MAN-013",
        name="More than one manifest",
        meaning="The drop has both a program.yaml and a program.yml, and only one of them can be right.",
        fix="Keep one manifest in the drop. Use a separate drop for each program.",
    ),
    _error(
        id="MAN-014",
        name="The program has no numbers",
        meaning="The first revision of a program needs at least one numbers file or one typed-in number.",
        fix="List a numbers file or type in a number under numbers.",
    ),
    _error(
        id="MAN-015",
        name="The program is over",
        meaning="The program with this reference has ended or was canceled, so it accepts no more revisions.",
        fix="Drop it as a new program, with a reference that was not used before.",
    ),
    _error(
        id="MAN-016",
        name="The manifest version is not supported",
        meaning="The key manifest has a version of the format that this service does not know.",
        fix="Write manifest: 1 and follow that version of the format.",
    ),
    _error(
        id="MAN-017",
        name="Too many rejected rows",
        meaning="A larger share of the rows was rejected than max_rejected_percent allows, so no row was registered.",
        fix="Correct the rejected rows and drop all files again, or raise max_rejected_percent.",
    ),
    _error(
        id="MAN-018",
        name="Files without a manifest",
        meaning="Files arrived, but no program.yaml that says what they are for arrived in time.",
        fix="Upload program.yaml into the same drop, after all other files.",
    ),
    _warning(
        id="MAN-019",
        name="Replacing would remove many live numbers",
        meaning=(
            "Many of the program's live numbers are not in this drop and would be removed, so the operator decides "
            "first."
        ),
        fix=(
            "If only some numbers changed, drop just those with numbers_mode: add. Otherwise ask the operator to "
            "release the drop."
        ),
    ),
    _error(
        id="MAN-020",
        name="A value must be in quotes",
        meaning=(
            "The value has a character with a special meaning in YAML, such as & * ! @ or a colon. Without quotes, "
            "YAML drops a part of the value or cannot read it."
        ),
        fix="Put the whole value in quotes, as suggested.",
    ),
    _warning(
        id="MAN-021",
        name="A comment looks like a part of the value",
        meaning=(
            "In YAML, a # after a space starts a comment. What follows is not a part of the value, so a text such as "
            "Bank #1 becomes Bank."
        ),
        fix="If it belongs to the value, put the whole value in quotes. If it is a comment, write a space after the #.",
    ),
    _error(
        id="MAN-022",
        name="The manifest is in the wrong place",
        meaning=(
            "The drop has no program.yaml, but it has a file that was probably meant to be it: in a folder, or under "
            "another name. Capital letters and a second ending such as .txt count."
        ),
        fix="Save the manifest as program.yaml, directly in the drop's folder. Nothing else needs to be sent again.",
    ),
)
