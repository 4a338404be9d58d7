"""What the power modules do."""
