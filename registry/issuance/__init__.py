"""From monitored activities to grams: read, validate, compute, and then issue."""
