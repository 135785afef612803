"""What a valid drop is. Pure: no clock and no network, and the drop is read only through functions that callers pass.

The only files opened here are the data of installed packages, such as tzdata.
"""

#: The version of launchdrop. Every report has it.
__version__ = "0.1.0"
