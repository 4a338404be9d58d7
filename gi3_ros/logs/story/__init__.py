"""What happened in a log: its sessions, lines, rates and findings."""
