"""The migrations of the ledger's schema. A released migration never changes."""
