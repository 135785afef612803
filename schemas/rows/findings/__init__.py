"""From rule codes to messages, suggestions and repair groups."""
