"""One fixture, every store: what holds for one holds for all."""

import pytest
from stores.memory import MemoryStore

from flows.stores.folder import FolderStore


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    if request.param == "memory":
        return MemoryStore()
    return FolderStore(tmp_path / "store")
