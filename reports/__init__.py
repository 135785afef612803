"""How a verdict is shown. Pure: values in, text or bytes out; the caller writes them."""
