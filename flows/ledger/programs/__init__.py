"""Businesses, their programs, the numbers of programs and who owns them, and the review of display names and logos."""
