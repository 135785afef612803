"""The files of a submission or drop: the CSVs written once it is judged, and those that follow the ledger's state."""

from collections.abc import Iterable

from flows.stores import FileSink
from reports.correction_manifest import correction_manifest
from reports.csv_documents import changes_csv, rejected_csv, rejections_csv
from reports.json_documents import receipt_json, report_json
from reports.report_page import report_html
from reports.views import ReceiptView, SubmissionView
from schemas.model.judgment import Judgment
from schemas.model.revision import NumberChanges

CHANGES_FILE = "changes.csv"

#: What `publish_report` writes of a drop that has not arrived completely.
REPORT_FILES = ("report.html", "report.json")


def publish_row_files(reports: FileSink, prefix: str, judgment: Judgment) -> None:
    """Write rejected.csv, if it has rows, and rejections.csv. They depend only on the judgment.

    A drop that is judged again gets those of its last judgment: a rejected.csv of an earlier one is deleted.
    """
    if judgment.rows_to_send_again:
        reports.put(f"{prefix}rejected.csv", rejected_csv(judgment))
    else:
        reports.delete(f"{prefix}rejected.csv")
    reports.put(f"{prefix}rejections.csv", rejections_csv(judgment))


def publish_changes(reports: FileSink, prefix: str, changes: Iterable[NumberChanges]) -> None:
    """Write changes.csv. It never changes, because it depends only on the revision that was registered."""
    reports.put(f"{prefix}{CHANGES_FILE}", changes_csv(changes))


def publish_report(reports: FileSink, prefix: str, view: SubmissionView) -> None:
    """Write program.yaml, report.json and report.html. The page is last, so that its links lead to existing files."""
    if (manifest := correction_manifest(view)) is not None:
        reports.put(f"{prefix}program.yaml", manifest.encode())
    reports.put(f"{prefix}report.json", report_json(view).encode())
    reports.put(f"{prefix}report.html", report_html(view).encode())


def publish_receipt(reports: FileSink, view: ReceiptView) -> None:
    """Write a drop's receipt.json, to the path where the business's job expects it."""
    reports.put(f"{view.business}/drops/{view.drop}/receipt.json", receipt_json(view).encode())
