"""What an expression asks Prometheus for: its selectors, found so that none can be missed.

An alert's expression gives nothing while all is well, so that a misspelt metric or label in it would never show. Each
selector, taken out and asked for by itself, must give something. Words that are neither a selector nor known PromQL are
an error: whatever this reader does not understand is not passed over.
"""

import re

FUNCTIONS = {
    *("abs", "changes", "delta", "histogram_quantile", "increase", "label_replace", "max_over_time", "min_over_time"),
    "predict_linear",
    *("rate", "clamp_min", "time", "avg_over_time", "vector"),
}
AGGREGATIONS = {"sum", "max", "min", "avg", "count", "topk"}
WORDS = FUNCTIONS | AGGREGATIONS | {"and", "or", "unless", "bool", "offset", "Inf", "NaN"}
# Lists of labels, strings and durations hold words of their own. A selector's braces are taken with it.
_LABELS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_SELECTOR = re.compile(r'(?:[a-zA-Z_:][\w:]*\s*)?\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}|[a-zA-Z_:][\w:]*(?!\s*[\w:(])')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_WORD = re.compile(r"[a-zA-Z_:][\w:]*")
_NUMBER = re.compile(r"\b\d[\d.]*(?:e[+-]?\d+)?\b")


def selectors(expression: str) -> list[str]:
    """The selectors of an expression, without ranges. ValueError for a word that is not understood."""
    rest = _RANGE.sub(" ", _LABELS.sub(" ", expression))
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        if match[0] in WORDS:
            return match[0]
        found.append(match[0])
        return " "

    rest = _SELECTOR.sub(take, _without_strings_outside_braces(_NUMBER.sub(" 1 ", rest)))
    if unknown := [word for word in _WORD.findall(_NUMBER.sub(" ", rest)) if word not in WORDS]:
        raise ValueError(f"{expression}: {', '.join(unknown)}: neither a selector nor a known word of PromQL")
    return found


def _without_strings_outside_braces(text: str) -> str:
    """The arguments of functions that are texts, taken out; those in the braces of a selector belong to it."""
    parts = re.split(r"(\{[^}]*\})", text)
    return "".join(part if part.startswith("{") else _STRING.sub('""', part) for part in parts)
