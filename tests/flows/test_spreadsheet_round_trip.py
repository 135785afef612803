"""What comes back from a spreadsheet is never registered as another number (a real LibreOffice, without a window)."""

import csv
import os
import shutil
import subprocess

import pytest
from sqlalchemy import select

from flows.ledger.core.tables import number

#: Numbers that are wrong in one way each, or that a spreadsheet reads as something else.
RECEIVED = [
    *("5.01581E+09", "5.01581e9", "5,01582E+09", "1.50158E+10", "+5.01583E+09", "5.0158E9", "501.584E7", "5E+09"),
    *("5012149021.0", "5012149022.00", "15012149023.0", "5.012149024E+09", "5012149025,00", "501214903.0"),
    *("=5012149026", "=5012149026+1", '="5012149027"', "'5012149028", "+5012149029", "-5012149030", "5012149031-"),
    *("$5012149032", "5012149033%", "50121490.34", "5,012,149,035", "5 012 149 036", "(5012149037)", "5012149038 x4"),
    *("0015012149039", "015012149040", "05012149041", "00005012149042", "50121490431", "501214904", "149-0440"),
    *("5012149045012149045", "501214904600000000", "12345678901234567890", "1/2/2030", "12:30", "TRUE", "#REF!", "###"),
    *("5012149047 / 5012149048", "NULL", "N/A", "", "5012149049;", "44 20 7946 0958", "0x12A", "1e400", "٥٠١٢١٤٩٠٥٠"),
]
GOOD = ["5012149020", "+15012149055", "(501) 214-9056", "501.214.9057", "1-501-214-9058"]

#: How a person opens and saves the file: LibreOffice's tokens for import and export of CSV (separator, quote,
#: character set, first line, columns, language, quoted cells as text, detect special numbers / save as shown).
WAYS = {
    "as the dialog proposes": ("44,34,76,1,,1033,false,false", "44,34,76,1,,1033,false,true"),
    "detecting special numbers": ("44,34,76,1,,1033,false,true", "44,34,76,1,,1033,false,true"),
    "saving full values": ("44,34,76,1,,1033,false,true", "44,34,76,1,,1033,false,false"),
    "in German": ("44,34,76,1,,1031,false,true", "44,34,76,1,,1031,false,true"),
}


@pytest.fixture
def save_in_spreadsheet(tmp_path):
    """A function that opens a CSV in LibreOffice, saves it, and returns the new file's bytes."""
    soffice = shutil.which(os.environ.get("SOFFICE", "soffice"))
    if soffice is None:
        message = "no LibreOffice; install Debian's libreoffice-calc-nogui or set SOFFICE to its path"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)

    def save(file, way):
        reading, writing = WAYS[way]
        command = [soffice, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--norestore"]
        command += [f"--infilter=CSV:{reading}", "--convert-to", f"csv:Text - txt - csv (StarCalc):{writing}"]
        subprocess.run([*command, "--outdir", tmp_path / "saved", file], check=True, capture_output=True, timeout=180)
        return (tmp_path / "saved" / file.name).read_bytes()

    return save


def as_csv(numbers):
    return "".join('"{}",Customer Service\n'.format(number.replace('"', '""')) for number in numbers)


def ten_digits(text):
    """The digits that a person reads in the text, without leading zeros and the 1 of eleven."""
    digits = "".join(str(int(c)) for c in text if c.isdecimal()).lstrip("0")
    return digits.removeprefix("1") if len(digits) == 11 else digits


def registered(world):
    with world.services.ledger.read() as conn:
        return {str(n) for n in conn.execute(select(number.c.number).where(number.c.claimed)).scalars()}


def report_folder(world, drop):
    return world.reports / "acme-bank" / world.receipt(f"acme-bank/{drop}")["submission"]


def drop_again(world, name, folder, rejected):
    again = world.inbox / "acme-bank" / name
    again.mkdir()
    (again / "rejected.csv").write_bytes(rejected)
    shutil.copy(folder / "program.yaml", again)
    world.run()


@pytest.fixture
def first_report(world):
    """The report on the first drop. Its rejected rows have every kind of damage, a duplicate and a contradiction."""
    rows = as_csv([*GOOD, *RECEIVED]) + "5012149020,Customer Service\n5012149020,Survey\n"
    world.drop("acme-bank/first", rows)
    world.run()
    return report_folder(world, "first")


@pytest.mark.parametrize("way", WAYS)
def test_rejected_rows_that_a_spreadsheet_saved_are_never_another_number(world, first_report, save_in_spreadsheet, way):
    before = registered(world)
    drop_again(world, "again", first_report, save_in_spreadsheet(first_report / "rejected.csv", way))
    suggested = {row["suggestion"] for row in read_rejections(first_report)}
    intended = {ten_digits(text) for text in [*RECEIVED, *suggested]}
    assert registered(world) - before <= intended


@pytest.mark.parametrize("way", WAYS)
def test_a_list_of_rejections_that_a_spreadsheet_saved_is_never_another_number(
    world, first_report, save_in_spreadsheet, way
):
    """An analyst who copies the two columns out of rejections.csv sends the numbers that the spreadsheet made."""
    before = registered(world)
    copied = first_report.parent / "copied.csv"
    copied.write_text(as_csv(row["phone_number"].removeprefix("'") for row in read_rejections(first_report)))
    drop_again(world, "again", first_report, save_in_spreadsheet(copied, way))
    intended = {ten_digits(text) for text in RECEIVED} | {row["suggestion"] for row in read_rejections(first_report)}
    assert registered(world) - before <= intended


@pytest.mark.parametrize("way", WAYS)
def test_the_whole_file_that_a_spreadsheet_saved_is_never_another_number(world, first_report, save_in_spreadsheet, way):
    before = registered(world)
    whole = world.inbox / "acme-bank/first/numbers.csv"
    drop_again(world, "again", first_report, save_in_spreadsheet(whole, way))
    intended = {ten_digits(text) for text in RECEIVED} | {row["suggestion"] for row in read_rejections(first_report)}
    assert registered(world) - before <= intended


def read_rejections(folder):
    with (folder / "rejections.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
