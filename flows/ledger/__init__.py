"""The ledger: businesses, submissions, programs and their numbers, on SQLite or PostgreSQL.

`core.engine.Ledger` opens it and gives transactions. The functions that read and write it are in folders, in the order
of the pipeline: `intake`, `programs`, `launches`; and `read` for queries. Each function takes a connection with an open
transaction, and `now` if it depends on the time.
"""
