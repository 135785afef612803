"""The image gallery: approved logos that the operator puts in `_logos/<business>/` of the inbox."""

from flows.stores import Store, StoreError, read_object

GALLERY_FOLDER = "_logos"
#: Rule IMG-003 rejects images above 200 KB, so larger ones need not be read whole.
MAX_LOGO_READ_BYTES = 1 << 20


def read_gallery_logo(inbox: Store, business: str, name: str) -> bytes | None:
    """The bytes of a business's gallery image; None if there is no such image."""
    try:
        return read_object(inbox, f"{GALLERY_FOLDER}/{business}/{name}", MAX_LOGO_READ_BYTES)
    except StoreError:
        return None
