"""Queries for pages, digests, metrics and events."""
