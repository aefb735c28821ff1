"""Who signs in and what they may: subjects of an issuer, roles from a date until a date, officers with numbers."""
