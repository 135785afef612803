"""What a good drop is. Pure: values in, values out; no file is opened and no clock is read here."""

#: launchdrop's own; reports say by which one they were made.
__version__ = "0.1.0"
