"""From rule codes to what people read."""
