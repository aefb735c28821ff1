"""Where institutions want their events sent, and how far each of these webhooks is."""
