"""The rules of the interface, held against what both ends send."""
