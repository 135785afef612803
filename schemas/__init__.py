"""What a valid drop is. Pure: takes and returns values, opens no files and reads no clock."""

#: The version of launchdrop. Every report has it.
__version__ = "0.1.0"
