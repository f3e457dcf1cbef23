"""Language models: who is asked, at whose cost, and what was said."""
