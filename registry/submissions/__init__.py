"""What applicants and authors hand in by themselves, and what becomes of it before it is a case (R3, R7, R10)."""
