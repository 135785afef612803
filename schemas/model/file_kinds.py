"""Recognizes files that are neither a manifest nor a CSV, whatever their names say: workbooks, archives, web pages.

Looks only at a file's first bytes. Text is recognized only if it plainly says what it is, so that no CSV or YAML file
is taken for something else.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

#: How many of a file's first bytes to pass. Nearly every workbook names its parts within them.
HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is (after "This is") and how to get a CSV file from it, as a sentence."""

    name: str
    advice: str


_SAVE = "Save the sheet as CSV UTF-8."
_EXPORT = "Export the numbers as CSV UTF-8."
_UNPACK = "Unpack it, and upload the CSV file that is inside."
_DECRYPT = "Decrypt it, and upload the CSV file."
_CHECK = "Check what was downloaded or exported, and upload the CSV file itself."
_REPLACE = "Upload the CSV file itself."

_WEB_PAGE = FileKind("a web page (HTML)", _CHECK)
_XLSX = FileKind("an Excel workbook (.xlsx)", _SAVE)
_ODS = FileKind("an OpenDocument spreadsheet (.ods)", _SAVE)
_IMAGE = FileKind("an image", "Upload the numbers as CSV UTF-8.")
_PGP = FileKind("a PGP file", _DECRYPT)
_UTF_32 = FileKind("text in UTF-32", "Save it as CSV UTF-8.")
_ZEROS = FileKind("a file of NUL bytes", "It was probably not uploaded completely. Upload it again.")

#: Files by their first bytes.
_SIGNATURES: tuple[tuple[bytes, FileKind], ...] = (
    (b"\xff\xfe\0\0", _UTF_32),
    (b"\0\0\xfe\xff", _UTF_32),
    (b"\x1f\x8b", FileKind("a gzip file (.gz)", _UNPACK)),
    (b"\x1f\x9d", FileKind("a compressed file (.Z)", _UNPACK)),
    (b"\xfd7zXZ\0", FileKind("an xz file (.xz)", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7-Zip file (.7z)", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", FileKind("a Zstandard file (.zst)", _UNPACK)),
    (b"\x04\x22\x4d\x18", FileKind("an LZ4 file (.lz4)", _UNPACK)),
    (b"Rar!\x1a\x07", FileKind("a RAR file (.rar)", _UNPACK)),
    (b"SQLite format 3\0", FileKind("an SQLite database", _EXPORT)),
    (b"\0\1\0\0Standard ", FileKind("an Access database", _EXPORT)),
    (b"PAR1\x15", FileKind("a Parquet file", _EXPORT)),
    (b"ARROW1", FileKind("an Arrow file", _EXPORT)),
    (b"Obj\1", FileKind("an Avro file", _EXPORT)),
    (b"\x89PNG\r\n", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
    (b"GIF87a", _IMAGE),
    (b"GIF89a", _IMAGE),
    (b"II*\0", _IMAGE),
    (b"MM\0*", _IMAGE),
    (b"\0\5\x16\7", FileKind("a macOS resource file (._…)", _REPLACE)),
    (b"L\0\0\0\1\x14\2\0", FileKind("a Windows shortcut (.lnk)", "Upload the file that it points to.")),
    (b"version https://git-lfs.github.com/", FileKind("a Git LFS pointer", "Upload the file that it points to.")),
)

_CONTENT_TYPES = rb"(?:\[Content_Types\]\.xml|_rels/|docProps/)"
#: Zip files by the names of the files inside.
_ZIP_KINDS: tuple[tuple[bytes, FileKind], ...] = (
    (rb"xl/", _XLSX),
    (rb"word/", FileKind("a Word document (.docx)", _EXPORT)),
    (rb"mimetypeapplication/vnd\.oasis\.opendocument\.spreadsheet", _ODS),
    (rb"Index(?:/|\.zip)", FileKind("an Apple Numbers document", _SAVE)),
    (_CONTENT_TYPES, FileKind("an Office document", _SAVE)),
)
_ZIP = FileKind("a zip file", _UNPACK)

#: Office files from before 2007, and encrypted newer ones, by the names of their streams.
_OLE_KINDS: tuple[tuple[str, FileKind], ...] = (
    ("EncryptedPackage", FileKind("an Office document with a password", "Save the sheet as CSV UTF-8, without one.")),
    ("Workbook", FileKind("an Excel workbook (.xls)", _SAVE)),
    ("WordDocument", FileKind("a Word document (.doc)", _EXPORT)),
    ("__substg", FileKind("an Outlook message (.msg)", "Upload the CSV file that is attached to it.")),
)
_OLD_OFFICE = FileKind("an Excel workbook (.xls) or another old Office file", _SAVE)

#: Text that says what it is, after its blank start. Case does not matter.
_MARKUP: tuple[tuple[bytes, FileKind], ...] = (
    (
        rb"<(?:!doctype\s+html|!--|(?:html|head|body|script|style|meta|link|title|table|div|form|center|h[1-6]|p|br|b|a|"
        rb"span|font|ul|pre|iframe)[\s/>])",
        _WEB_PAGE,
    ),
    (rb"<\?xml(?=[^\0]*urn:schemas-microsoft-com:office:spreadsheet)", FileKind("an Excel workbook (XML)", _SAVE)),
    (rb"<\?xml(?=[^\0]*opendocument\.spreadsheet)", _ODS),
    (rb"<\?xml(?=[^\0]*<html[\s>])", _WEB_PAGE),
    (rb"<\?(?:xml|php)|<!doctype\s|<[a-z_][\w:.-]*(?:\s[^<>]*)?>\s*<", FileKind("an XML document", _CHECK)),
    (rb"%PDF-", FileKind("a PDF document", _EXPORT)),
    (rb"\{\\rtf", FileKind("an RTF document", _EXPORT)),
    (rb"-----BEGIN PGP ", _PGP),
    (rb"-----BEGIN [A-Z0-9 ]+-----", FileKind("an encrypted or signed file (PEM)", _DECRYPT)),
    (rb"BEGIN:VCARD", FileKind("a contact file (vCard)", _EXPORT)),
    (rb"\[InternetShortcut\]", FileKind("a link to a web page (.url)", _REPLACE)),
    (rb"HTTP/[0-9.]+ [0-9]{3} ", FileKind("the answer of a web server", _CHECK)),
    (
        rb"--[^\s,]+\r?\ncontent-(?:disposition|type):",
        FileKind("an upload of a web form (multipart)", _REPLACE),
    ),
    (
        rb"(?=(?:from [^\n,]*\n)?[a-z][\w-]*:[^\n]*\n(?:[\w-]+:|[ \t]))"
        rb"(?=[^\0]*?^(?:received|message-id|mime-version|return-path|dkim-signature):)",
        FileKind("an email message", "Upload the CSV file that is attached to it."),
    ),
)
#: Texts that are data, but not a CSV file. A manifest may well be one of them.
_DATA: tuple[tuple[bytes, FileKind], ...] = (
    (rb"(?:\{\s*[\"}]|\[\s*[\"{\[\]]|\[\s*\n)", FileKind("a JSON document", _EXPORT)),
    (
        rb"(?:(?:---|#[^\n]*|[ \t\r]*)\n)*manifest[ \t]*:[ \t]+",
        FileKind("a manifest", "Upload the CSV file, and name it under numbers in the manifest."),
    ),
)

_Patterns = tuple[tuple[re.Pattern[bytes], FileKind], ...]


def _compile(kinds: tuple[tuple[bytes, FileKind], ...], prefix: bytes = b"", flags: int = 0) -> _Patterns:
    return tuple((re.compile(prefix + pattern, flags), kind) for pattern, kind in kinds)


_ZIP_PATTERNS = _compile(_ZIP_KINDS, rb"PK\x03\x04.{26}", re.DOTALL)
_MARKUP_PATTERNS = _compile(_MARKUP, flags=re.IGNORECASE | re.MULTILINE)
_DATA_PATTERNS = _compile(_DATA)
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
#: The start of an encrypted OpenPGP message (RFC 4880, RFC 9580): a session key for a public key or a passphrase.
_PGP_PACKET = re.compile(
    rb"\x84.\x03.{8}[\x01\x02\x10\x12]|"
    rb"\x85..\x03.{8}[\x01\x02\x10\x12]|"
    rb"\xc1.{1,2}[\x03\x06]|[\x8c\xc3].[\x04-\x06][\x01-\r]",
    re.DOTALL,
)
_BITMAP = re.compile(rb"BM.{4}\x00{4}.{2}\x00\x00", re.DOTALL)
_MEDIA = re.compile(rb"RIFF.{4}WEBP|.{4}ftyp(?:hei|mif|avif)", re.DOTALL)
_BLANKS = b" \t\r\n"


def detect_file_kind(head: bytes) -> FileKind | None:
    """What a file is that begins with these bytes, if it is neither CSV, YAML nor JSON. Pass up to `HEAD_BYTES`."""
    return _by_signature(head) or _by_structure(head) or _first_match(_MARKUP_PATTERNS, _text_start(head))


def detect_data_kind(head: bytes) -> FileKind | None:
    """What a text file is that begins with these bytes, if it is data for a program, but no CSV file."""
    return _first_match(_DATA_PATTERNS, _text_start(head))


def _by_signature(head: bytes) -> FileKind | None:
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def _by_structure(head: bytes) -> FileKind | None:
    for recognizes, kind in _STRUCTURES:
        if recognizes(head):
            return kind
    if head.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08")):
        return next((kind for pattern, kind in _ZIP_PATTERNS if pattern.search(head)), _ZIP)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return next((kind for name, kind in _OLE_KINDS if name.encode("utf-16-le") in head), _OLD_OFFICE)
    return None


def _is_utf32(head: bytes) -> bool:
    """Whether the first 64 bytes are ASCII characters of four bytes each."""
    sample = head[:64]
    if len(sample) < 8 or len(sample) % 4:
        return False
    used = [any(sample[place::4]) for place in range(4)]
    return used in ([True, False, False, False], [False, False, False, True]) and 0 not in sample[used.index(True) :: 4]


_STRUCTURES: tuple[tuple[Callable[[bytes], object], FileKind], ...] = (
    (_BZIP2.match, FileKind("a bzip2 file (.bz2)", _UNPACK)),
    (_PGP_PACKET.match, _PGP),
    (_BITMAP.match, _IMAGE),
    (_MEDIA.match, _IMAGE),
    (lambda head: head[257:262] == b"ustar", FileKind("a tar file (.tar)", _UNPACK)),
    (lambda head: len(head) >= 512 and not head.strip(b"\0"), _ZEROS),
    (_is_utf32, _UTF_32),
)


def _text_start(head: bytes) -> bytes:
    """The text as UTF-8, without a byte order mark or blanks before it."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", errors="ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS)


def _first_match(patterns: _Patterns, text: bytes) -> FileKind | None:
    return next((kind for pattern, kind in patterns if pattern.match(text)), None)
