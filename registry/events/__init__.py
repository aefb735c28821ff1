"""What happened to what is an institution's: told where it happens, in its transaction; read in a lasting order."""
