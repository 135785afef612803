"""Programs, their numbers, who owns them, and who approved what."""
