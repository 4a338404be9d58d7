"""What the contactors do."""
