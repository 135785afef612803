"""The pipeline, the ledger, stores, carriers and commands. flows/README.md shows how they fit together."""
