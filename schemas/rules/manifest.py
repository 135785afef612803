"""Rules about the manifest and the files that come with it."""

from functools import partial

from schemas.rules.rule import Rule

_error = partial(Rule, scope="manifest", severity="error")
_warning = partial(Rule, scope="manifest", severity="warning")

RULES: tuple[Rule, ...] = (
    _error(
        id="MAN-001",
        name="The manifest cannot be read",
        meaning="The file is not one YAML mapping in UTF-8, so nothing in it could be understood from that point on.",
        fix="Open the manifest at the line and column shown, correct the YAML there and drop it again.",
    ),
    _error(
        id="MAN-002",
        name="Unknown key",
        meaning="The manifest has a key that means nothing here. Most often it is a known key misspelt.",
        fix="Use the suggested key, or delete the line.",
    ),
    _error(
        id="MAN-003",
        name="A required value is missing",
        meaning="The program cannot be set up without this value: it is absent or blank.",
        fix="Add the value at the place shown.",
    ),
    _error(
        id="MAN-004",
        name="A value is not what was expected",
        meaning="The value is of another kind than this key takes, or is not one of the choices.",
        fix="Replace the value with one of the kind that the message names.",
    ),
    _error(
        id="MAN-005",
        name="A named file did not arrive",
        meaning="The manifest names a file that was not in the drop when the waiting time for it had passed.",
        fix="Upload the file under exactly this name, or correct the name in the manifest.",
    ),
    _warning(
        id="MAN-006",
        name="A file in the drop was not read",
        meaning="The file is in the drop, but the manifest does not name it, so nothing was taken from it.",
        fix="Name the file under numbers if it holds numbers; otherwise leave it out of the drop.",
    ),
    _error(
        id="MAN-007",
        name="The file name is not safe",
        meaning="A manifest may only name files inside its own drop, by a plain path that looks like what it is.",
        fix="Put the file into the drop's own folder and name it by its plain name, such as numbers.csv.",
    ),
    _error(
        id="MAN-008",
        name="The manifest is for another business",
        meaning="The business in the manifest is not the one in whose inbox the drop was found.",
        fix="Correct business in the manifest, or drop it into that business's own inbox.",
    ),
    _error(
        id="MAN-009",
        name="The business is not registered",
        meaning="The operator of this service does not know a business of this name.",
        fix="Check the spelling of business; if it is right, ask the operator to register it.",
    ),
    _error(
        id="MAN-010",
        name="The business unit does not exist",
        meaning="The business has no unit of this name, and the manifest does not ask for a new one.",
        fix="Use one of the business's units, or write business_unit: {name: ..., create: true} to create it.",
    ),
    _error(
        id="MAN-011",
        name="The manifest is too large",
        meaning="It is too many bytes, nested too deep, or grows out of proportion when its aliases are written out.",
        fix="Keep the manifest short and flat, without aliases, and move long lists of numbers into a CSV file.",
    ),
    _error(
        id="MAN-012",
        name="The same key twice",
        meaning="A key stands twice in one mapping, so it is not clear which value is meant. The first was taken.",
        fix="Delete one of the two lines.",
    ),
    _error(
        id="MAN-013",
        name="More than one manifest",
        meaning="The drop has both a program.yaml and a program.yml, and only one of them can be right.",
        fix="Keep one manifest in the drop and give every other program a drop of its own.",
    ),
    _error(
        id="MAN-014",
        name="No numbers at all",
        meaning="The first revision of a program needs at least one file of numbers or one number typed in.",
        fix="Name a numbers file or type in a number under numbers.",
    ),
    _error(
        id="MAN-015",
        name="The program is over",
        meaning="The program with this reference has ended or was cancelled, and takes no further revision.",
        fix="Drop it as a new program, under a reference that was not used before.",
    ),
    _error(
        id="MAN-016",
        name="The manifest version is not supported",
        meaning="The manifest says that it follows a version of the format which this service does not know.",
        fix="Write manifest: 1 and follow that version of the format.",
    ),
    _error(
        id="MAN-017",
        name="Too many rejected rows",
        meaning="A larger share of the rows was rejected than max_rejected_percent allows, so none of them was taken.",
        fix="Correct the rejected rows and drop everything again, or raise max_rejected_percent.",
    ),
    _error(
        id="MAN-018",
        name="Files without a manifest",
        meaning="Files arrived, but no program.yaml to say what they are for came in the time allowed.",
        fix="Upload program.yaml into the same drop, last.",
    ),
    _warning(
        id="MAN-019",
        name="Replacing would remove many live numbers",
        meaning="Many of the live numbers are not in this drop and would be removed, so the operator decides first.",
        fix="If only some numbers changed, drop just those with numbers_mode: add; otherwise ask for a release.",
    ),
)
