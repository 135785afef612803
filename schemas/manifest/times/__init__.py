"""Times and time zones as people write them: what is read, and what was probably meant by the rest."""
