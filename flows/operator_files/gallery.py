"""The image gallery: approved logos that the operator keeps in `_logos/<business>/` of the inbox."""

from flows.stores import Store, StoreError, read_object

GALLERY_FOLDER = "_logos"
#: IMG-003 refuses an image of 200 KB; no more than this of one is ever read.
MAX_LOGO_READ_BYTES = 1 << 20


def read_gallery_logo(inbox: Store, business: str, name: str) -> bytes | None:
    """The bytes of a business's gallery image by its name; None: there is none."""
    try:
        return read_object(inbox, f"{GALLERY_FOLDER}/{business}/{name}", MAX_LOGO_READ_BYTES)
    except StoreError:
        return None
