"""What a good drop is. Pure: values in, values out; no file is opened and no clock is read here."""
