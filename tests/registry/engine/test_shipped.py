"""Each methodology that ships reproduces its worked examples to the gram, by fractions and on both engines."""

import pytest
import rfc8785

from registry.engine.examples import failing
from registry.engine.lines import read_located
from registry.methodologies.record import program, to_document
from registry.methodologies.shelf import shipped


@pytest.mark.parametrize("record", shipped(), ids=lambda record: record.id)
def test_its_examples_come_out_to_the_gram(engines, record):
    located = read_located(rfc8785.dumps(to_document(record)))
    assert record.computation.examples
    assert failing(program(record), located, ("computation",), engines[1:]) == []
