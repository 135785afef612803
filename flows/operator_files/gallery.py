"""The image gallery: approved logos that the operator puts in `_logos/<business>/` of the inbox."""

from flows.stores import Store, StoreError, read_object
from schemas.manifest.logo import MAX_PARSED_BYTES

GALLERY_FOLDER = "_logos"


def read_gallery_logo(inbox: Store, business: str, name: str) -> bytes | None:
    """The bytes of a business's gallery image, cut if it is too large to be parsed. None if there is no such image."""
    try:
        return read_object(inbox, f"{GALLERY_FOLDER}/{business}/{name}", MAX_PARSED_BYTES + 1)
    except StoreError:
        return None
