"""What all of the ledger rests on: engine, tables, transitions, outbox, control flags."""
