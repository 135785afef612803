"""Is it good? Judges archived drops with what the ledger knows, and dry runs without a ledger."""
