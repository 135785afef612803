"""What the other folders of the ledger build on: engine, tables, bulk SQL, transitions, outbox, control flags."""
