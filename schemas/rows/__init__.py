"""The row engine: from the bytes of numbers files to findings, row by row."""
