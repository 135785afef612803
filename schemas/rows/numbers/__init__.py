"""From cells to phone numbers."""
