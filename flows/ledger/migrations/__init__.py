"""The ledger's schema over time; a released migration is never changed."""
