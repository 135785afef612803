"""How a verdict is shown. Pure: takes values and returns text or bytes, which the caller writes."""
