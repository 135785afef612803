"""What is known: the one truth about businesses, submissions, programs and their numbers, on SQLite or PostgreSQL.

`core.engine.Ledger` opens it and gives transactions. What can be asked of it and done to it are functions in the
folders beside `core`; each takes a connection of such a transaction, and `now` where time matters.
"""
