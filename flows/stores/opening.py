"""Opens the store that a setting names."""

from flows.stores import Store, StoreError


def open_store(where: str) -> Store:
    """The store at a folder or at `s3://bucket/prefix`; boto3 is only loaded for the latter."""
    if where.startswith("s3://"):
        from flows.stores.s3 import S3Store

        return S3Store(where)
    if "://" in where:
        raise StoreError(f"expected a folder or s3://bucket/prefix, not {where.partition('://')[0]}://…")
    from flows.stores.folder import FolderStore

    return FolderStore(where)
