"""A form of ours is sent by a page of ours: what another site sends in a visitor's name is refused.

By what browsers say themselves (Fetch Metadata, and Origin of RFC 6454), beside cookies that other sites' forms do not
carry (SameSite=Lax). Nothing has to be put into forms for it.
"""

from urllib.parse import urlsplit

from fastapi import Request

from registry.errors import OtherSite


def refuse_other_sites(request: Request, base_url: str) -> None:
    """Raise `OtherSite` unless a browser says that this was asked for by a page under `base_url`."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = urlsplit(base_url)
    is_ours = origin is None or origin == f"{ours.scheme}://{ours.netloc}"
    if (site is None and origin is None) or site not in {None, "same-origin"} or not is_ours:
        raise OtherSite("This was not asked for by a page of this registry, so nothing was done. Do it on its page.")
