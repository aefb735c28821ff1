"""The log's static tree over HTTP (C2SP tlog-tiles)."""

import re
from pathlib import Path as FilePath

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from api.door.write import SiteOf
from registry.errors import NotFound

IMMUTABLE = "public, max-age=31536000, immutable"
"""Tiles, bundles and documents never change."""
CHECKPOINT = "public, max-age=1, must-revalidate"
"""The checkpoint is the one thing that does."""
CORS = {"Access-Control-Allow-Origin": "*"}
"""Anyone's page may read the public log."""
_FILE = re.compile(
    r"(tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])|document)/(?:x[0-9]{3}/){0,6}[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?\Z"
)

_BYTES = "application/octet-stream"
_MEDIA_TYPES = {"document": "application/jsonl"}

router = APIRouter(prefix="/log", tags=["log"], include_in_schema=False)


@router.get("/checkpoint")
def read_checkpoint(site: SiteOf) -> Response:
    """Serve the last published checkpoint."""
    file = site.folder.log / "checkpoint"
    if not file.exists():
        raise NotFound("Nothing has been published yet. Ask again in a moment.")
    return Response(file.read_bytes(), 200, {"Cache-Control": CHECKPOINT, **CORS}, "text/plain; charset=utf-8")


@router.get("/{path:path}")
def read_tile(path: str, site: SiteOf) -> Response:
    """Serve a tile, a bundle or documents. The path's form is checked, so that nothing else is ever read."""
    file, form = site.folder.log / path, _FILE.match(path)
    if form is None or not _is_ours(file, site.folder.log):
        raise NotFound("The log has no such file. Read the checkpoint first; a tile without records has no documents.")
    return FileResponse(file, 200, {"Cache-Control": IMMUTABLE, **CORS}, _MEDIA_TYPES.get(form[1], _BYTES))


def _is_ours(file: FilePath, folder: FilePath) -> bool:
    """Whether it is a file of the log: one that a link leads to elsewhere is none."""
    return file.is_file() and file.resolve().is_relative_to(folder.resolve())
