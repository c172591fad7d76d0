"""Pure functions over text: no model, no distilabel."""
