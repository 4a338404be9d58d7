"""The session: what a robot or an operator wants of a charge, and what becomes of it."""
