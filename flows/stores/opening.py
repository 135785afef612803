"""Opens the store that a setting names."""

from flows.stores import Store, StoreError


def open_store(location: str) -> Store:
    """The store at a folder or at `s3://bucket/prefix`. Raises StoreError for any other URL."""
    # Imported here to save start-up time: boto3 is slow to load, and folders do not need it.
    if location.startswith("s3://"):
        from flows.stores.s3 import S3Store

        return S3Store(location)
    if "://" in location:
        raise StoreError(f"expected a folder or s3://bucket/prefix, not {location.partition('://')[0]}://…")
    from flows.stores.folder import FolderStore

    return FolderStore(location)
