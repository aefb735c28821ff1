"""The mall over REST: providers, offers, orders."""
