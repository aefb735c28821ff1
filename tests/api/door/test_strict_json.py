"""JSON that two readers could understand differently is refused, with the reason and nothing of the text."""

import pytest

from api.door.strict_json import MAX_DEPTH, NotStrict, read

PLAIN = {
    b'{"a":1,"b":[1.5,true,null,"\\u00e9\\ud83d\\ude00"]}': {"a": 1, "b": [1.5, True, None, "é😀"]},
    b" 7 ": 7,
    b'{"a":{"a":1},"b":{"a":1}}': {"a": {"a": 1}, "b": {"a": 1}},
}
REFUSED = {
    b'{"a":1,"a":1}': "twice",
    b'{"a":1,"\\u0061":1}': "twice",
    b'[[{"a":{"b":1,"b":2}}]]': "twice",
    b"[NaN]": "NaN",
    b"Infinity": "NaN",
    b"-Infinity": "NaN",
    b"1e999": "too large",
    b"-1e999": "too large",
    b"9" * 5000: "digits",
    b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1): "deep",
    b'{"a":' * 958 + b"1" + b"}" * 958: "deep",
    b"[" * 200_000: "deep",
    b'"\\ud800"': "surrogate",
    b'{"\\udc00":1}': "surrogate",
    b'"\xed\xa0\x80"': "UTF-8",
    b"\xff": "UTF-8",
    '{"a":1}'.encode("utf-16"): "UTF-8",
    '{"a":1}'.encode("utf-32-le"): "JSON",
    b"\xef\xbb\xbf{}": "JSON",
    b"": "JSON",
    b"{}{}": "JSON",
    b"01": "JSON",
    b"+1": "JSON",
    b"1_0": "JSON",
    b"{'a':1}": "JSON",
    b'{"a":1,}': "JSON",
    b'"a\nb"': "JSON",
    b"\xc2\xa0{}": "JSON",
}


@pytest.mark.parametrize(("text", "value"), PLAIN.items(), ids=range(len(PLAIN)))
def test_what_everybody_reads_alike_is_read(text, value):
    assert read(text) == value


def test_as_deep_as_may_be_is_read():
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_can_be_read_in_two_ways_is_refused(text, why):
    with pytest.raises(NotStrict, match=why) as refused:
        read(text)
    assert len(str(refused.value)) < 80
