"""docs/connecting.md as a page: rendered here, with nothing from anywhere else."""

from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup

from api.explorer.pages import ROOM


@cache
def connecting() -> Markup:
    """Render the page; HTML that would stand in it is shown, not meant."""
    text = (ROOM / "connecting.md").read_text(encoding="utf-8")
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704  (it is ours)
