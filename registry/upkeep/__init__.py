"""What looks after all capabilities at once, by what each of them declares."""
