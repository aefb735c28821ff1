"""What a public log gives back to a database that was set back, and what it cannot."""
