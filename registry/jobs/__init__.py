"""Work that takes longer than a caller waits: kept in the database, done step by step, shown with its progress."""
