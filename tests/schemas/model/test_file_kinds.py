"""Files of another kind are recognized by their first bytes, and nothing that can be a CSV file is."""

import bz2
import gzip
import io
import lzma
import time
import zipfile

import pytest

from schemas.model.file_kinds import HEAD_BYTES, detect_data_kind, detect_file_kind

ROW = "5012149020,Survey\n"
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def zipped(*names, content="x"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return out.getvalue()


def kind_of(head):
    found = detect_file_kind(head) or detect_data_kind(head)
    return found and found.name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (zipped("docProps/app.xml", "xl/workbook.xml"), "an Excel workbook (.xlsx)"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document (.docx)"),
        (
            zipped("mimetype", content="application/vnd.oasis.opendocument.spreadsheet"),
            "an OpenDocument spreadsheet (.ods)",
        ),
        (zipped("Index/Document.iwa"), "an Apple Numbers document"),
        (zipped("numbers.csv"), "a zip file"),
        (zipped(), "a zip file"),
        (OLD_OFFICE + "Workbook".encode("utf-16-le"), "an Excel workbook (.xls)"),
        (OLD_OFFICE + "EncryptedPackage".encode("utf-16-le"), "an Office document with a password"),
        (OLD_OFFICE, "an Excel workbook (.xls) or another old Office file"),
        (gzip.compress(b"x", mtime=0), "a gzip file (.gz)"),
        (bz2.compress(b"x"), "a bzip2 file (.bz2)"),
        (lzma.compress(b"x"), "an xz file (.xz)"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip file (.7z)"),
        (b"\x28\xb5\x2f\xfd\4", "a Zstandard file (.zst)"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\n%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"PAR1\x15\4", "a Parquet file"),
        (b"-----BEGIN PGP MESSAGE-----\n", "a PGP file"),
        (b"\x85\x01\x0c\x03" + b"k" * 8 + b"\x01", "a PGP file"),
        (b"{\\rtf1\\ansi", "an RTF document"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>", "a web page (HTML)"),
        ("<html><body>".encode("utf-16"), "a web page (HTML)"),
        (b"<table border=1>", "a web page (HTML)"),
        (b"<h2>Not found</h2>", "a web page (HTML)"),
        (b"<br/>Not found", "a web page (HTML)"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b"<?xml?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'>", "an Excel workbook (XML)"),
        (b"Received: from a\n by b\nSubject: numbers\n", "an email message"),
        (b"From a@example.com Mon\nReturn-Path: <a@example.com>\nSubject: x\n", "an email message"),
        (b'--a1\r\nContent-Disposition: form-data; name="file"\r\n\r\n', "an upload of a web form (multipart)"),
        (b'{"numbers": []}', "a JSON document"),
        (b'[\n  {"number": 1}]', "a JSON document"),
        (b"---\n# ours\nmanifest: 1\n", "a manifest"),
        (ROW.encode("utf-32"), "text in UTF-32"),
        ((ROW * 4).encode("utf-32-be"), "text in UTF-32"),
        (b"\0" * 512, "a file of NUL bytes"),
    ],
)
def test_other_kinds(head, name):
    assert kind_of(head) == name


@pytest.mark.parametrize(
    "text",
    [
        ROW,
        "<unknown>,Survey\n",
        "<5012149020>,<Survey>\n",
        "From: Acme Bank\nDate: 2026-11-01\n" + ROW,
        "Received,Date\n" + ROW,
        "BM Bank,x\n",
        "PK,x\n",
        "PAR1,Survey\n",
        "[5012149020],Survey\n",
        "{5012149020},Survey\n",
        "manifest,Survey\n",
        "-----\n" + ROW,
        "%,Survey\n",
    ],
)
def test_what_may_be_a_numbers_file_is_no_other_kind(text):
    for codec in ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"):
        assert kind_of(text.encode(codec)) is None


@pytest.mark.parametrize("head", [b"\x855012149020", b"\x84a\x93,Survey", "Área,x".encode("cp1252"), b"\0", b""])
def test_windows_1252_is_no_pgp_file(head):
    assert kind_of(head) is None


@pytest.mark.parametrize("unit", [b"<", b"a:", b"a:\n", b"a: b\n c\n", b"\n#", b"<?xml<html", b"<a ", b"PK\3\4"])
def test_any_head_takes_little_time(unit):
    head = (unit * HEAD_BYTES)[:HEAD_BYTES]
    started = time.process_time()
    kind_of(head)
    assert time.process_time() - started < 0.5
