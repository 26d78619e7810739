"""The grammar of formulas: precedence climbing from tokens to steps.

::

    sum      = product { ("+" | "-") product }
    product  = signed { ("*" | "/") signed | power }        a power beside another factor is a product
    signed   = ("+" | "-") signed | power
    power    = atom [ superscript ] [ "^" exponent ]        right associative, tighter than a sign: -x^2 is -(x^2)
    exponent = ("+" | "-") exponent | power
    atom     = number | name | function "(" sum { "," sum } ")" | "(" sum ")" | "√" atom

Nothing is evaluated while parsing.
"""

from __future__ import annotations

from osculate._errors import WrongInput

from .names import ALIASES, CONSTANTS, FUNCTIONS, SIGNS, is_variable, known_names
from .steps import Step, reading
from .tokens import Token, complaint, nearest, tokens

DEEPEST = 40
LARGEST_INTEGER_EXPONENT = 1024
_LONGEST_QUOTE = 40
_ROOTS = {"√": "sqrt", "∛": "cbrt"}
_SUMS = {"+": "add", "-": "subtract"}
_PRODUCTS = {"*": "multiply", "/": "divide"}


class Parser:
    """A place in the tokens of one formula, the steps so far, and what the reader should be told."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.depth = 0
        self.steps: list[Step] = []
        self.notes: list[str] = []

    @property
    def token(self) -> Token:
        """The token that is next."""
        return self.tokens[self.place]

    def takes(self, *signs: str) -> str | None:
        """Step over the next token if it is one of these operators, and say which."""
        token = self.token
        if token.kind != "operator" or token.text not in signs:
            return None
        self.place += 1
        return token.text

    def note(self, text: str) -> None:
        """Tell the reader, once."""
        if text not in self.notes:
            self.notes.append(text)

    def sum(self) -> None:
        """Read a sum: the whole of an expression."""
        self._deeper()
        self._product()
        while sign := self.takes("+", "-"):
            self._product()
            self.steps.append(Step(_SUMS[sign]))  # pyright: ignore[reportArgumentType]
        self.depth -= 1

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._wrong(
                self.token,
                f"more than {DEEPEST} levels of brackets, signs and exponents.",
                "write the formula flatter.",
            )

    def _product(self) -> None:
        first, begun = self.token, len(self.steps)
        implied = False
        self._signed()
        while True:
            if sign := self.takes("*", "/"):
                self._signed()
                self.steps.append(Step(_PRODUCTS[sign]))  # pyright: ignore[reportArgumentType]
            elif self._begins_factor():
                self._power()
                self.steps.append(Step("multiply"))
                implied = True
            else:
                break
        if implied:
            source = self.text[first.start : self.tokens[self.place - 1].stop]
            meaning = reading(self.steps[begun:])
            short = len(source) <= _LONGEST_QUOTE
            self.note(f"`{source}` is read as {meaning}" if short else "factors side by side are multiplied")

    def _begins_factor(self) -> bool:
        token = self.token
        if token.kind == "number":
            raise self._wrong(token, "a number right after another factor.", "write * for a product or ^ for a power.")
        return token.kind == "name" or (token.kind == "operator" and token.text in ("(", *_ROOTS))

    def _signed(self) -> None:
        sign = self.takes("+", "-")
        if sign is None:
            return self._power()
        self._deeper()
        self._signed()
        self.depth -= 1
        if sign == "-":
            self.steps.append(Step("negate"))
        return None

    def _power(self) -> None:
        begun = len(self.steps)
        self._atom()
        if self.token.kind == "superscript":
            exponent = int(self.token.text) if len(self.token.text) < 9 else LARGEST_INTEGER_EXPONENT + 1
            if abs(exponent) > LARGEST_INTEGER_EXPONENT:
                raise self._wrong(self.token, "an exponent this large.", "write it as a number: x^5000.")
            self.place += 1
            middle = len(self.steps)
            self.steps += [Step("number", float(abs(exponent))), *([Step("negate")] if exponent < 0 else [])]
            self._finish_power(begun, middle)
        token = self.token
        if self.takes("^"):
            if token.stop - token.start == 1:
                self.note("`^` is read as power")
            middle = len(self.steps)
            self._exponent()
            self._finish_power(begun, middle)

    def _exponent(self) -> None:
        self._deeper()
        sign = self.takes("+", "-")
        if sign is None:
            self._power()
        else:
            self._exponent()
        if sign == "-":
            self.steps.append(Step("negate"))
        self.depth -= 1

    def _finish_power(self, begun: int, middle: int) -> None:
        """Choose the exact form: e^… is the exponential function, and an integer exponent stays an integer."""
        exponent = _integer(self.steps[middle:])
        if self.steps[begun:middle] == [Step("constant", "e")]:
            self.steps[begun:middle] = []
            self.steps.append(Step("call", "exp", 1))
            self.note(f"e to a power is read as {reading(self.steps[begun:])}")
        elif exponent is not None:
            self.steps[middle:] = [Step("integer power", exponent)]
        else:
            self.steps.append(Step("power"))

    def _atom(self) -> None:
        token = self.token
        self.place += 1
        if token.kind == "number":
            self.steps.append(Step("number", self._number(token)))
        elif token.kind == "name":
            self._name(token)
        elif token.kind == "operator" and token.text == "(":
            self.sum()
            self._close(token)
        elif token.kind == "operator" and token.text in _ROOTS:
            self._deeper()
            self._atom()
            self.depth -= 1
            self.steps.append(Step("call", _ROOTS[token.text], 1))
        else:
            raise self._unexpected(token)

    def _number(self, token: Token) -> float:
        value = float(token.text)
        if value == float("inf"):
            raise self._wrong(token, "this number is too large for double precision.", "use a number below 1.8e308.")
        return value

    def _name(self, token: Token) -> None:
        name = SIGNS.get(token.text, token.text)
        function = ALIASES.get(name, name)
        if function in FUNCTIONS:
            self._call(token, function)
        elif name in CONSTANTS:
            self.steps.append(Step("constant", name))
        elif is_variable(name):
            if name in ("f", "g", "h") and self.token.text == "(":
                remedy = f"write the right-hand side alone, x^2 for f(x) = x^2; for a product write {name}*(."
                raise self._wrong(token, f"`{name}(` calls a function that has no formula.", remedy)
            self.steps.append(Step("variable", name))
        else:
            raise self._unknown(token)

    def _unknown(self, token: Token) -> WrongInput:
        meant = nearest(token.text, known_names())
        guess = f"did you mean `{meant}`? " if meant else ""
        rule = (
            "a product needs a sign or a space (x*y, x y); a variable is one letter, or one with an index (x1, x_max)."
        )
        return self._wrong(token, f"unknown name `{token.text}`.", guess + rule)

    def _call(self, token: Token, function: str) -> None:
        if token.text == "log":
            self.note("`log` is the natural logarithm; log10 and log2 are the others")
        opening = self.token
        if not self.takes("("):
            after = "^" if opening.kind == "superscript" else opening.text
            remedy = f"write {token.text}(x)^2 for its square." if after == "^" else f"write {token.text}(x)."
            raise self._wrong(token, f"`{token.text}` is a function and needs its argument in brackets.", remedy)
        count = 1
        self.sum()
        while self.takes(","):
            self.sum()
            count += 1
        self._close(opening)
        takes = FUNCTIONS[function]
        if not takes.fewest <= count <= takes.most:
            wanted = str(takes.fewest) if takes.fewest == takes.most else f"{takes.fewest} or more"
            plural = "" if wanted == "1" else "s"
            remedy = "write log(x)/log(b) for another base." if function == "log" else f"give it {wanted}."
            raise self._wrong(token, f"`{token.text}` takes {wanted} argument{plural}, not {count}.", remedy)
        self.steps.append(Step("call", function, count))

    def _close(self, opening: Token) -> None:
        if self.takes(")"):
            return
        if self.token.kind == "end":
            raise self._wrong(opening, "this bracket is never closed.", "add a closing bracket.")
        raise self._unexpected(self.token)

    def end(self) -> None:
        """Refuse whatever still stands after a whole expression."""
        if self.token.kind != "end":
            raise self._unexpected(self.token)

    def _unexpected(self, token: Token) -> WrongInput:
        if token.kind == "end":
            problem = (
                "the formula is empty." if len(self.tokens) == 1 else "the formula ends where a value is expected."
            )
            return self._wrong(token, problem, "write a formula such as x^4 - 3x^2 + x.")
        remedies = {
            "=": "write the right-hand side alone: x^2 for f(x) = x^2.",
            ",": "commas separate the arguments of a function; a decimal fraction has a dot.",
            ")": "this bracket closes nothing, or closes an empty pair: remove it or put a value before it.",
            ":": "a formula has no colon; a window is given separately, as -3:3.",
            "/": "write floor(a/b) for the whole part of a/b.",
        }
        remedy = remedies.get(token.text, "put a number, a variable, a function or an opening bracket here.")
        return self._wrong(token, f"`{self.text[token.start : token.stop]}` cannot stand here.", remedy)

    def _wrong(self, token: Token, problem: str, remedy: str) -> WrongInput:
        return complaint(self.text, token.start, problem, remedy=remedy)


def _integer(steps: list[Step]) -> int | None:
    """Whole number that an exponent's steps spell out, or None."""
    negative = len(steps) == 2 and steps[1] == Step("negate")
    if (len(steps) != 1 and not negative) or steps[0].action != "number":
        return None
    value = float(steps[0].value)
    if not value.is_integer() or value > LARGEST_INTEGER_EXPONENT:
        return None
    return -int(value) if negative else int(value)
