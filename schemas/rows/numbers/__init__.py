"""From cells to phone numbers and call purposes."""
