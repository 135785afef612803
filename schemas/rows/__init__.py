"""From the bytes of numbers files to findings, row by row."""
