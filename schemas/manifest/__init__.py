"""Parsing and checking the manifest and businesses.yaml."""
