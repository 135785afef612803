"""Rules about the numbers: their files, rows, phone numbers and call purposes."""

from functools import partial

from schemas.rules.rule import Rule

_file = partial(Rule, scope="file")
_row = partial(Rule, scope="row", severity="error")
_number = partial(Rule, scope="number", severity="error")
_purpose = partial(Rule, scope="purpose")

RULES: tuple[Rule, ...] = (
    _file(
        id="CSV-001",
        severity="error",
        name="The file's text cannot be decoded",
        meaning="The bytes at the place shown are not text in UTF-8, UTF-16 or Windows-1252.",
        fix="Save the file from the spreadsheet as CSV UTF-8, and upload it again.",
    ),
    _file(
        id="CSV-002",
        severity="warning",
        name="The file is not in UTF-8",
        meaning="It was read as UTF-16 or Windows-1252. All rows were checked, but UTF-8 is safer.",
        fix="Save the file as CSV UTF-8 next time.",
    ),
    _file(
        id="CSV-003",
        severity="error",
        name="The file does not match the manifest",
        meaning=(
            "Its sha256 or its number of rows is not what the manifest says, so it may be incomplete or out of date."
        ),
        fix="Upload the whole file again, or update sha256 and rows in the manifest.",
    ),
    _file(
        id="CSV-004",
        severity="error",
        name="The file is empty",
        meaning="The file has no rows.",
        fix="Upload the file with its rows, or remove it from the manifest.",
    ),
    _file(
        id="CSV-005",
        severity="error",
        name="The columns are not separated by commas",
        meaning="The file uses semicolons, tabs or pipes instead, as spreadsheets do in some languages.",
        fix="Save the file as CSV with commas.",
    ),
    _file(
        id="CSV-006",
        severity="error",
        name="The file is too large",
        meaning="It has more bytes than this service accepts in one file.",
        fix="Split the file, and list each part under numbers.",
    ),
    _file(
        id="CSV-007",
        severity="error",
        name="The file is not a CSV file",
        meaning="It is a workbook, an archive, a web page or another kind of file, whatever its name says.",
        fix="Save or export the numbers as CSV UTF-8, and upload that file.",
    ),
    _row(
        id="CSV-010",
        name="The row does not have two columns",
        meaning="Each row is a phone number, a comma and a call purpose, and nothing else.",
        fix="Leave two columns in the row: the phone number and the call purpose.",
    ),
    _row(
        id="CSV-011",
        name="The row is a header",
        meaning="The row has column names. A numbers file has no header row.",
        fix="Delete the row.",
    ),
    _row(
        id="CSV-012",
        name="The row cannot be read",
        meaning="A quotation mark is not closed or is in the wrong place, the row is too long, or it has a NUL byte.",
        fix="Leave only a number and a purpose in the row, without quotation marks and invisible characters.",
    ),
    _row(
        id="CSV-013",
        name="The row is a sep= line",
        meaning="The line tells Excel how columns are separated. It is not part of the numbers.",
        fix="Delete the row. Separate the columns with commas.",
    ),
    _row(
        id="CSV-014",
        name="The row is a title",
        meaning="The line is text above the numbers, such as the name of a report or a date.",
        fix="Delete the row. A numbers file has only rows of a number and a purpose.",
    ),
    _number(
        id="NUM-001",
        name="The phone number is blank",
        meaning="The row has no phone number in its first column.",
        fix="Fill in the ten-digit number, or delete the row.",
    ),
    _number(
        id="NUM-002",
        name="The phone number has letters or other characters",
        meaning=(
            "A phone number can have digits, a leading +, spaces, hyphens, dots and parentheses. Extensions are not "
            "supported."
        ),
        fix="Leave only the ten digits. Remove extensions, letters and notes.",
    ),
    _number(
        id="NUM-003",
        name="A spreadsheet changed the phone number",
        meaning="The spreadsheet treated it as an amount, and rounded it or added decimals, so digits may be lost.",
        fix="Format the column as text, enter the number again from its source, and save.",
    ),
    _number(
        id="NUM-004",
        name="The area code is missing",
        meaning="The number has only seven digits, so it could be in any area code.",
        fix="Add the area code.",
    ),
    _number(
        id="NUM-005",
        name="The phone number does not have ten digits",
        meaning="A phone number needs ten digits, plus an optional leading 1. This one has too few or too many.",
        fix="Compare it with its source, and correct it to ten digits.",
    ),
    _number(
        id="NUM-006",
        name="The phone number has another country code",
        meaning="Only +1 numbers can be registered.",
        fix="Replace it with a +1 number, or delete the row.",
    ),
    _number(
        id="NUM-007",
        name="The area code cannot exist",
        meaning="No area code starts with 0 or 1, has a 9 in the middle, ends in 11, or starts with 37 or 96.",
        fix="Compare the first three digits with the number's source, and correct them.",
    ),
    _number(
        id="NUM-008",
        name="The area code is not in use",
        meaning="The area code is not in service, or will not be when the program starts.",
        fix=(
            "Check the area code. If it is new, ask the operator to add it to the list of area codes "
            "(LAUNCHDROP_AREA_CODES)."
        ),
    ),
    _number(
        id="NUM-009",
        name="The exchange cannot exist",
        meaning="The three digits after the area code never start with 0 or 1, and never end in 11.",
        fix="Compare digits four to six with the number's source, and correct them.",
    ),
    _number(
        id="NUM-010",
        name="The phone number is fictional or a service line",
        meaning="555-0100 to 555-0199 are reserved for fiction, and 555-1212 is directory assistance.",
        fix="Replace the placeholder with the real number, or delete the row.",
    ),
    _number(
        id="NUM-011",
        name="The phone number is premium rate",
        meaning="900 numbers charge the people who call them, and make no calls that can be branded.",
        fix="Use the number that the calls really come from, or delete the row.",
    ),
    _number(
        id="NUM-012",
        name="The phone number is not tied to a place",
        meaning=(
            "Area codes 5XX, 600, 622, 700 and 710 are for people, carriers, machines or the government, not for "
            "places."
        ),
        fix="Use a geographic or toll-free number, or delete the row.",
    ),
    _number(
        id="NUM-013",
        name="Toll-free numbers are not accepted",
        meaning="The operator of this service does not register toll-free numbers.",
        fix="Use a geographic number, or delete the row.",
    ),
    _number(
        id="NUM-014",
        name="The phone number is outside the served regions",
        meaning="It is a +1 number, but from a country or territory that is not served for this business.",
        fix="Use a number from a served region, or delete the row.",
    ),
    _number(
        id="NUM-015",
        name="The phone number is not valid",
        meaning="The numbering plan has no such number, although its area code and exchange look right.",
        fix="Compare the number with its source and correct it, or delete the row.",
    ),
    Rule(
        id="NUM-016",
        severity="warning",
        scope="number",
        name="The exchange is for tests or information",
        meaning="Exchanges 958, 959 and 976 are for line tests and information services. The number was accepted.",
        fix="Make sure that calls really come from this number.",
    ),
    _number(
        id="NUM-020",
        name="The phone number is already in an earlier row",
        meaning="The same number is in an earlier row of this submission, and that row was kept.",
        fix="Nothing to do: the earlier row is enough.",
    ),
    _number(
        id="NUM-021",
        name="The phone number has two different purposes",
        meaning="An earlier row has the same number with another call purpose. The earlier row was kept.",
        fix="If the kept row is right, delete this one. Dropping this row later changes the number's call purpose.",
    ),
    _number(
        id="NUM-022",
        name="The phone number is registered by another business",
        meaning="Only one business at a time can register a number.",
        fix="Check that the number is yours. If it is, ask the operator to release it.",
    ),
    _number(
        id="NUM-023",
        name="The phone number is in another of your programs",
        meaning="A number can be in only one scheduled or live program at a time.",
        fix="Delete the row, or write reassign: true in the manifest to move the number to this program.",
    ),
    _number(
        id="NUM-024",
        name="The phone number must not make calls",
        meaning="It is on the operator's do-not-originate list, so no call from it can be branded.",
        fix="Set its purpose to Do Not Originate, or delete the row.",
    ),
    _number(
        id="NUM-025",
        name="A spreadsheet may have made up the phone number",
        meaning=(
            "An earlier drop for this program had a number that a spreadsheet had damaged, such as 5.01581E+09. This "
            "number is its first digits, filled up with zeros, as spreadsheets save it."
        ),
        fix="Enter the number again from its source. If this really is the number, write it with +1.",
    ),
    _purpose(
        id="PUR-001",
        severity="error",
        name="The call purpose is blank",
        meaning="The row has no call purpose in its second column.",
        fix="Fill in one of the ten call purposes.",
    ),
    _purpose(
        id="PUR-002",
        severity="error",
        name="The call purpose is not one of the ten",
        meaning="Only the ten call purposes are allowed. Case and outer spaces do not matter, but spelling does.",
        fix=(
            "Use one of the ten call purposes. They are Charity, Customer Service, Debt Collection, "
            "Informational/Notification, Multi-Use Line, Political, Prison, Survey, Telemarketing and Do Not Originate."
        ),
    ),
    _purpose(
        id="PUR-003",
        severity="warning",
        name="The call purpose differs from the program's",
        meaning="Some rows have another purpose than the program. They were accepted as they are.",
        fix="Nothing to do if this is what you want. Otherwise correct the rows or program.call_purpose.",
    ),
    _purpose(
        id="PUR-004",
        severity="warning",
        name="The number is marked Do Not Originate",
        meaning="Numbers with this purpose are registered as making no calls, so any call from them looks spoofed.",
        fix="Make sure that these numbers never make calls.",
    ),
    _purpose(
        id="PUR-005",
        severity="error",
        name="Every number is Do Not Originate",
        meaning="The program brands calls, but all of its numbers are registered as making none.",
        fix="Give the numbers the purpose of their calls, or choose SENTRY as the type.",
    ),
    Rule(
        id="PUR-006",
        severity="warning",
        scope="purpose",
        name="The call purpose of a registered number changes",
        meaning="The program already has this number, with another call purpose. This row gives it a new one.",
        fix="Nothing to do if this is what you want. Otherwise drop the number again with its old call purpose.",
    ),
)
