"""A submission's files: the CSVs once it is judged, the page and its data whenever what they show has changed."""

from flows.stores import FileSink
from reports.correction_manifest import correction_manifest
from reports.csv_documents import rejected_csv, rejections_csv
from reports.json_documents import receipt_json, report_json
from reports.report_page import report_html
from reports.views import ReceiptView, SubmissionView
from schemas.model.judgment import Judgment


def publish_rows(store: FileSink, prefix: str, judgment: Judgment) -> None:
    """rejected.csv and rejections.csv: they depend on the submission's bytes and verdict alone, and never change."""
    store.put(f"{prefix}rejected.csv", rejected_csv(judgment))
    store.put(f"{prefix}rejections.csv", rejections_csv(judgment))


def publish_page(store: FileSink, prefix: str, view: SubmissionView) -> None:
    """program.yaml, report.json and report.html, in this order: whoever finds the page finds the rest."""
    if (manifest := correction_manifest(view)) is not None:
        store.put(f"{prefix}program.yaml", manifest.encode())
    store.put(f"{prefix}report.json", report_json(view).encode())
    store.put(f"{prefix}report.html", report_html(view).encode())


def put_receipt(store: FileSink, view: ReceiptView) -> None:
    """receipt.json of a drop, at the path that the enterprise's job knows."""
    store.put(f"{view.business}/drops/{view.drop}/receipt.json", receipt_json(view).encode())
