"""A story as a page to look at."""
