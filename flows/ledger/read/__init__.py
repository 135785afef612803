"""Queries for commands and pages, the digest, metrics, events and retention."""
