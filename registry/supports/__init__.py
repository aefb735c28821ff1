"""What is on offer to sources: policies and finance that fit them, and what their owners let financiers see (R71)."""
