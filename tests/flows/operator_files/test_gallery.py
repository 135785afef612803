"""The operator's gallery."""

from flows.operator_files.gallery import GALLERY_FOLDER, read_gallery_logo
from flows.stores.folder import FolderStore
from schemas.manifest.logo import check_logo


def test_a_huge_logo_is_too_large_and_nothing_else(tmp_path):
    """It was cut to a size that is parsed, and then could not be read as XML."""
    folder = tmp_path / GALLERY_FOLDER / "acme-bank"
    folder.mkdir(parents=True)
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + b" " * (2 << 20) + b"</svg>"
    (folder / "acme.svg").write_bytes(svg)
    found = read_gallery_logo(FolderStore(tmp_path), "acme-bank", "acme.svg")
    assert [fault.rule for fault in check_logo(len(found), found)] == ["IMG-003"]
