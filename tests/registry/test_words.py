"""People's words: what is text in some script passes, what hides does not."""

import pytest

from registry.accounts.accounts import checked_name
from registry.consumption.cancel import Intent, cancel
from registry.errors import Invalid
from registry.ledger.ledger import Amount, reference_facts
from registry.words import checked_words, fault_of

TEXTS = [
    "上海　某公司",  # an ideographic space
    "10\u00a0km",  # a space that does not break
    "👩\u200d🔬",  # an emoji of two, joined
    "می\u200cخواهم",  # Persian's non-joiner
    "क\u094d\u200dष",
    "\U00031350\U000323af",  # ideographs of Unicode 15
    "\U000323b0",  # and one that this Python may not know
    "\ue000",  # an ideograph of one's own
    "葛\U000e0100城",  # a variant of one ideograph
    "e\u0301te\u0301",
    " a ",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",  # the flag of England
    "🏴\U000e0063\U000e006e\U000e0033\U000e0031\U000e007f",  # and one that nobody draws yet
]
CONTROLS = ["\x00", "\x07", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"]
BIDI = list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NO_CHARACTERS = ["\ud800", "\udfff", "\ufdd0", "\ufffe", "\uffff", "\U0010ffff"]
UNSEEN = ["", " ", "\u3000\u00a0", "\u200b", "\u200d\u200c", "\ufeff", "\u00ad", "\u3164", "\u115f", "\u2800", "\ufe0f",
          "\U000e0100", "\u2060", "\u0301", "\u180e", "\u2065", "\U000e0fff"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_what_a_language_needs_is_text(text):
    assert fault_of(text) is None
    assert checked_words(text, "A name", 20) == text


NOTES = ["\ufff9", "\ufffa", "\ufffb"]
TAGS = ["\U000e0000", "\U000e0001", "\U000e0020", "\U000e0041", "\U000e007f"]
NO_FLAGS = [
    "🏴\U000e0067\U000e0062\U000e0065",  # no end
    "🏴\U000e0067\U000e0062\U000e007f",  # no region's code is so short
    "🏴" + "\U000e0061" * 7 + "\U000e007f",  # nor so long: letters are hidden in it
    "🏴\U000e0047\U000e0042\U000e0045\U000e007f",  # no capitals
    "🏳\U000e0067\U000e0062\U000e0065\U000e007f",  # another flag
    "🏴\ufe0f\U000e0067\U000e0062\U000e0065\U000e007f",
    "\U000e0067\U000e0062\U000e0065\U000e007f",
]


@pytest.mark.parametrize("text", NO_FLAGS, ids=ascii)
def test_tags_write_nothing_but_the_flag_of_a_region(text):
    with pytest.raises(Invalid, match=r"a tag outside the flag of a region \(U\+E00"):
        checked_words(f"a{text}b", "A name", 20)


@pytest.mark.parametrize("mark", [*CONTROLS, *BIDI, *NO_CHARACTERS, *NOTES, *TAGS], ids=ascii)
def test_what_hides_or_commands_is_refused_and_named(mark):
    with pytest.raises(Invalid, match=rf"U\+{ord(mark):04X}") as refused:
        checked_words(f"a{mark}b", "A name", 20)
    assert str(refused.value).isascii(), "the sentence does not repeat it"


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
def test_words_that_nobody_sees_are_none(text):
    assert fault_of(text) is None
    with pytest.raises(Invalid, match="visible"):
        checked_words(text, "A name", 20)


def test_every_word_of_a_person_is_held_to_it(scheme):
    ann = scheme.person("上海　某人\u200d")
    scheme.issue({ann: 10})

    def cancelled(**words):
        with scheme.database.transaction() as tx:
            cancel(tx, scheme.ledger, ann, Amount(1), Intent("reduction", "donation", **words))

    for text in TEXTS:
        assert checked_name(text) == text
        assert reference_facts(text) == {"reference": text}
    cancelled(beneficiary="上海　某公司", statement="👩\u200d🔬")
    for text in ["a\u202eb", "a\tb", "\u200b", "x" * 501]:
        with pytest.raises(Invalid):
            checked_name(text)
        with pytest.raises(Invalid):
            reference_facts(text)
        for word in ("beneficiary", "statement"):
            with pytest.raises(Invalid):
                cancelled(**{word: text})
