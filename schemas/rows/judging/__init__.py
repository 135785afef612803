"""From records to rule codes."""
