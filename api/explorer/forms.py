"""What a form of a page of ours sends: fields of text, as browsers write them without a script."""

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from registry.errors import Invalid

MOST_FIELDS: Final = 10


async def _posted(request: Request) -> dict[str, str]:
    """Read application/x-www-form-urlencoded. Raises `Invalid`."""
    try:
        text = (await request.body()).decode("ascii")
        return dict(
            parse_qsl(
                text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MOST_FIELDS
            )
        )
    except ValueError:
        raise Invalid("This is no form of ours.") from None


Posted = Annotated[dict[str, str], Depends(_posted)]
