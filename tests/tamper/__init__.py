"""The tamper campaign: thousands of seeded alterations, each must be refused or found, with its place named."""
