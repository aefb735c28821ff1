"""A folder and a publisher of a log in it."""

from pathlib import Path

import pytest

from anchoring.publishing.publisher import Publisher
from anchoring.tree.folder import LogFolder
from tests.support.publishing import COSIGNERS, GATE, LOG, cosigning


@pytest.fixture
def folder(tmp_path: Path) -> LogFolder:
    return LogFolder(tmp_path / "log")


@pytest.fixture
def publisher(scheme, folder) -> Publisher:
    return Publisher(scheme.database.transaction, folder, LOG, cosigning(COSIGNERS, scheme.clock), scheme.clock, GATE)
