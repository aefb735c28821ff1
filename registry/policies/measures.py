"""The measures (管理办法) of which sets of policies ship."""

from enum import StrEnum


class Measure(StrEnum):
    """The measure by which a set of policies is: of the trial (沪环规〔2023〕7号), or the second (沪环规〔2025〕10号).

    Of the second only what its first articles say is known here; each of its policies says what is not.
    """

    TRIAL = "2023"
    SECOND = "2025"
