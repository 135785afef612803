"""From parsed records to rule codes."""
