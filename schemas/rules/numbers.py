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
        meaning="The bytes at the place shown are no text in UTF-8, UTF-16 or Windows-1252.",
        fix="Save the file as CSV UTF-8 from the spreadsheet and upload it again.",
    ),
    _file(
        id="CSV-002",
        severity="warning",
        name="The file is not in UTF-8",
        meaning="It was read as UTF-16 or Windows-1252. Every row was judged, but save it as UTF-8 to be sure.",
        fix="Save the file as CSV UTF-8 next time.",
    ),
    _file(
        id="CSV-003",
        severity="error",
        name="The file is not the one announced",
        meaning="Its sha256 or its number of rows is not what the manifest says, so it may be cut short or stale.",
        fix="Upload the whole file again, or bring sha256 and rows in the manifest up to date.",
    ),
    _file(
        id="CSV-004",
        severity="error",
        name="The file is empty",
        meaning="There is not a single record in it.",
        fix="Upload the file with its rows, or take it out of the manifest.",
    ),
    _file(
        id="CSV-005",
        severity="error",
        name="The columns are not separated by commas",
        meaning="The file is separated by semicolons, tabs or pipes, as spreadsheets write it in some languages.",
        fix="Save the file as CSV with commas.",
    ),
    _file(
        id="CSV-006",
        severity="error",
        name="The file is too large",
        meaning="It has more bytes than this service takes in one file.",
        fix="Split the file in several and name each under numbers.",
    ),
    _row(
        id="CSV-010",
        name="The row does not have two columns",
        meaning="Each row is a phone number, a comma and a call purpose, and nothing else.",
        fix="Leave two columns in the row: the phone number and the call purpose.",
    ),
    _row(
        id="CSV-011",
        name="The first row is a header",
        meaning="The file starts with column names. Numbers files have no header.",
        fix="Delete the first row.",
    ),
    _row(
        id="CSV-012",
        name="The row's quotes are broken",
        meaning="A quotation mark is not closed or stands where it cannot, or there is a NUL byte in the row.",
        fix="Take quotation marks and invisible characters out of the row; a number and a purpose need none.",
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
        meaning="A number is digits, a leading +, spaces, hyphens, dots and brackets. Extensions cannot be registered.",
        fix="Leave only the number's ten digits; drop any extension, letter or note.",
    ),
    _number(
        id="NUM-003",
        name="A spreadsheet has damaged the phone number",
        meaning="The spreadsheet took it for an amount and rounded it or gave it decimals, so digits may be lost.",
        fix="Format the column as text, enter the number again from its source and save.",
    ),
    _number(
        id="NUM-004",
        name="The area code is missing",
        meaning="Seven digits are a local number. It takes the area code to know whose it is.",
        fix="Put the three digits of the area code in front.",
    ),
    _number(
        id="NUM-005",
        name="The phone number does not have ten digits",
        meaning="A number is ten digits, or eleven with a leading 1. This one has too few or too many.",
        fix="Compare it with its source and correct it to ten digits.",
    ),
    _number(
        id="NUM-006",
        name="The phone number is from another country code",
        meaning="Only +1 numbers can be registered.",
        fix="Replace it with a +1 number, or delete the row.",
    ),
    _number(
        id="NUM-007",
        name="The area code cannot exist",
        meaning="No area code starts with 0 or 1, has a 9 in the middle, ends in 11, or starts with 37 or 96.",
        fix="Compare the first three digits with the number's source and correct them.",
    ),
    _number(
        id="NUM-008",
        name="The area code is not in use",
        meaning="The numbering plan this service was built with does not assign this area code.",
        fix="Check the area code; if it is quite new, ask the operator to update launchdrop.",
    ),
    _number(
        id="NUM-009",
        name="The exchange cannot exist",
        meaning="The three digits after the area code never start with 0 or 1 and never end in 11.",
        fix="Compare digits four to six with the number's source and correct them.",
    ),
    _number(
        id="NUM-010",
        name="The phone number is fictional or a service line",
        meaning="555-0100 to 555-0199 are kept for fiction, and 555-1212 is directory assistance.",
        fix="Replace the placeholder with the real number, or delete the row.",
    ),
    _number(
        id="NUM-011",
        name="The phone number is premium rate",
        meaning="900 numbers bill the person who calls them and make no calls that can be branded.",
        fix="Use the number that the calls are really made from, or delete the row.",
    ),
    _number(
        id="NUM-012",
        name="The phone number is not tied to a place",
        meaning="Area codes 5XX, 600, 622, 700 and 710 serve persons, carriers, machines or government, not places.",
        fix="Use a geographic or toll-free number, or delete the row.",
    ),
    _number(
        id="NUM-013",
        name="Toll-free numbers are not taken",
        meaning="The operator of this service does not register toll-free numbers.",
        fix="Use a geographic number, or delete the row.",
    ),
    _number(
        id="NUM-014",
        name="The phone number is outside the served regions",
        meaning="It is a +1 number, but of a country or territory that is not served for this business.",
        fix="Use a number from a served region, or delete the row.",
    ),
    _number(
        id="NUM-015",
        name="The phone number is not valid",
        meaning="The numbering plan has no such number, though its area code and exchange look right.",
        fix="Compare the number with its source and correct it, or delete the row.",
    ),
    Rule(
        id="NUM-016",
        severity="warning",
        scope="number",
        name="The exchange is for tests or information",
        meaning="Exchanges 958, 959 and 976 are for line tests and information services. The number was taken.",
        fix="Make sure that calls are really made from this number.",
    ),
    _number(
        id="NUM-020",
        name="The phone number comes twice",
        meaning="The same number stands in an earlier row of this submission, and that row was taken.",
        fix="Delete this row.",
    ),
    _number(
        id="NUM-021",
        name="The phone number comes twice with different purposes",
        meaning="An earlier row gives the same number another call purpose. The earlier row stands.",
        fix="Decide on one purpose, keep that row and delete the other.",
    ),
    _number(
        id="NUM-022",
        name="The phone number is registered by another business",
        meaning="A number brands for one business at a time, and this one is taken.",
        fix="Check that the number is yours; if it is, ask the operator to have it released.",
    ),
    _number(
        id="NUM-023",
        name="The phone number is in another of your programs",
        meaning="A number belongs to one scheduled or live program at a time.",
        fix="Delete the row, or write reassign: true in the manifest to move the number here.",
    ),
    _number(
        id="NUM-024",
        name="The phone number must make no calls",
        meaning="It is on the operator's do-not-originate list, so no call from it may be branded.",
        fix="Set its purpose to Do Not Originate, or delete the row.",
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
        meaning="Call purposes are a fixed list; capitals and outer spaces do not matter, spelling does.",
        fix="Use one of: Charity, Customer Service, Debt Collection, Informational/Notification, Multi-Use Line, "
        "Political, Prison, Survey, Telemarketing, Do Not Originate.",
    ),
    _purpose(
        id="PUR-003",
        severity="warning",
        name="The call purpose differs from the program's",
        meaning="Some rows have another purpose than the program as a whole. They were taken as they are.",
        fix="Nothing, if this is meant; otherwise correct the rows or program.call_purpose.",
    ),
    _purpose(
        id="PUR-004",
        severity="warning",
        name="The number is marked Do Not Originate",
        meaning="Numbers with this purpose are registered as making no calls, so any call from them looks forged.",
        fix="Make sure that no call is ever made from these numbers.",
    ),
    _purpose(
        id="PUR-005",
        severity="error",
        name="Every number is Do Not Originate",
        meaning="The program brands calls, but all its numbers are declared to make none.",
        fix="Give the numbers the purpose they call for, or choose SENTRY as the type.",
    ),
)
