"""Expressions: from text to a tree, by a parser of our own that knows nothing but what stands here.

expression := "if" expression "then" expression "else" expression | disjunction
disjunction := conjunction ("or" conjunction)*          conjunction := negation ("and" negation)*
negation    := "not" negation | comparison
comparison  := sum (("=" | "!=" | "<" | "<=" | ">" | ">=") sum)?
sum         := product (("+" | "-") product)*           product := factor (("*" | "/") factor)*
factor      := "-" factor | number unit? | "text" | unit | name | name "(" (expression ("," expression)*)? ")"
| "(" expression ")"
unit        := "[" ... "]"
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from registry.engine.finding import Flaw

MAX_CHARACTERS: Final = 2_000
"""Of one expression; a longer one is no sentence that a reviewer reads."""
MAX_DEPTH: Final = 40
"""Brackets, conditions and operations in each other; what reads the tree calls itself, and must end."""

WORDS: Final = frozenset({"if", "then", "else", "and", "or", "not"})

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?(?![0-9.A-Za-z_]))|(?P<name>[a-z][a-z0-9_]*)"
    r'|(?P<unit>\[[^\[\]]{0,60}\])|(?P<text>"[^"]{0,80}")|(?P<mark><=|>=|!=|[-+*/()=<>,])|(?P<end>$))'
)


@dataclass(frozen=True, slots=True)
class Number:
    """A literal: its exact value, and its unit as it was written, None where none was."""

    value: Fraction
    unit: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """A text in quotation marks."""

    text: str


@dataclass(frozen=True, slots=True)
class UnitName:
    """A unit in brackets, by itself: the second argument of `floor`."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the definition."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, an operator by its sign, or `if`, with its arguments."""

    name: str
    arguments: tuple["Expression", ...]


Expression = Number | Words | UnitName | Name | Call


def parse(text: str) -> Expression:
    """Read an expression. Raises `Flaw`: `syntax` and its kin with the character, `nested`, `too-long`."""
    if len(text) > MAX_CHARACTERS:
        raise Flaw("too-long", what="expression", size=len(text), most=MAX_CHARACTERS)
    parser = _Parser(text)
    tree = parser.expression()
    if parser.kind != "end":
        raise parser.flaw("syntax-operator")
    layer: list[Expression] = [tree]
    for _ in range(MAX_DEPTH):
        layer = [argument for node in layer if isinstance(node, Call) for argument in node.arguments]
    if layer:
        raise Flaw("nested", most=MAX_DEPTH)
    return tree


def names_in(tree: Expression) -> set[str]:
    """Give the names that an expression needs."""
    if isinstance(tree, Call):
        return {tree.name}.union(*map(names_in, tree.arguments))
    return {tree.name} if isinstance(tree, Name) else set()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.begin, self.depth = text, 0, 0, 0
        self.kind, self.token = "", ""
        self._next()

    def flaw(self, code: str, wanted: str = "") -> Flaw:
        return Flaw(code, at=self.begin + 1, found=self.token or "∅", wanted=wanted)

    def _next(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            self.begin = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
            self.token = self.text[self.begin : self.begin + 12]
            raise self.flaw("syntax")
        self.kind = str(match.lastgroup)
        self.token, self.begin, self.at = match[self.kind], match.start(self.kind), match.end()

    def _take(self, *tokens: str) -> str | None:
        """Take the next token when it is one of these signs or words."""
        if self.token not in tokens or self.kind not in {"mark", "name"}:
            return None
        token = self.token
        self._next()
        return token

    def _need(self, token: str) -> None:
        if self._take(token) is None:
            raise self.flaw("syntax-missing", token)

    def expression(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Flaw("nested", most=MAX_DEPTH)
        try:
            if self._take("if") is None:
                return self._row(("or",), lambda: self._row(("and",), self._negation))
            condition = self.expression()
            self._need("then")
            first = self.expression()
            self._need("else")
            return Call("if", (condition, first, self.expression()))
        finally:
            self.depth -= 1

    def _row(self, signs: tuple[str, ...], part: Callable[[], Expression]) -> Expression:
        tree = part()
        while sign := self._take(*signs):
            tree = Call(sign, (tree, part()))
        return tree

    def _negation(self) -> Expression:
        negated = False
        while self._take("not"):
            negated = not negated
        tree = self._comparison()
        return Call("not", (tree,)) if negated else tree

    def _comparison(self) -> Expression:
        left = self._sum()
        if sign := self._take("=", "!=", "<", "<=", ">", ">="):
            return Call(sign, (left, self._sum()))
        return left

    def _sum(self) -> Expression:
        return self._row(("+", "-"), lambda: self._row(("*", "/"), self._factor))

    def _factor(self) -> Expression:
        negated = False
        while self._take("-"):
            negated = not negated
        tree = self._atom()
        return Call("negative", (tree,)) if negated else tree

    def _atom(self) -> Expression:
        kind, token = self.kind, self.token
        if kind == "mark" and self._take("("):
            tree = self.expression()
            self._need(")")
            return tree
        if kind not in {"number", "text", "unit", "name"} or token in WORDS:
            raise self.flaw("syntax-value")
        self._next()
        match kind:
            case "number":
                return Number(Fraction(token), self._unit())
            case "text":
                return Words(token[1:-1])
            case "unit":
                return UnitName(token[1:-1])
        return Call(token, self._arguments()) if self._take("(") else Name(token)

    def _unit(self) -> str | None:
        if self.kind != "unit":
            return None
        token = self.token[1:-1]
        self._next()
        return token

    def _arguments(self) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while self._take(")") is None:
            if found:
                self._need(",")
            found.append(self.expression())
        return tuple(found)
