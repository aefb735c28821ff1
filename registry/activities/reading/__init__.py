"""Files of activities as they come in: hostile bytes to bounded rows of text, as a profile declares them."""
