"""How long does it take to draw an SVG image? Works it out without drawing it."""
