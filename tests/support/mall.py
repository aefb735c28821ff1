"""The form with which a provider applies for the mall."""

FORM = {
    "legal_representative": "Example Person", "address": "Example Road 1", "merchant": "manufacturer",
    "contact_name": "Example Contact", "contact_phone": "021-0000 0000", "contact_email": "mall@provider.example",
    "contact_address": "Example Road 1", "business": "Bakeries", "service": "9 to 18 o'clock", "resources": "Shops",
    "goods": True, "vouchers": True, "documents": ["licence.pdf"],
}  # fmt: skip
