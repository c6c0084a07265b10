"""What an expression asks Prometheus for: its selectors, found so that none can be missed.

An alert's expression gives nothing while all is well, so that a misspelt metric or label in it would never show. Each
selector, taken out and queried by itself, must give something. Names that are neither a selector nor known PromQL are
an error: whatever this reader does not understand is not passed over.
"""

import re

FUNCTIONS = {
    *("abs", "changes", "delta", "histogram_quantile", "increase", "label_replace", "max_over_time", "min_over_time"),
    "predict_linear",
    *("rate", "clamp_min", "time", "avg_over_time", "vector"),
}
AGGREGATIONS = {"sum", "max", "min", "avg", "count", "topk"}
KEYWORDS = FUNCTIONS | AGGREGATIONS | {"and", "or", "unless", "bool", "offset", "Inf", "NaN"}
# Lists of labels, strings and durations hold names of their own. A selector's braces are taken with it.
_LABELS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_SELECTOR = re.compile(r'(?:[a-zA-Z_:][\w:]*\s*)?\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}|[a-zA-Z_:][\w:]*(?!\s*[\w:(])')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")
_NUMBER = re.compile(r"\b\d[\d.]*(?:e[+-]?\d+)?\b")


def selectors(expression: str) -> list[str]:
    """The selectors of an expression, without ranges. ValueError for a name that is not understood."""
    rest = _RANGE.sub(" ", _LABELS.sub(" ", expression))
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        if match[0] in KEYWORDS:
            return match[0]
        found.append(match[0])
        return " "

    rest = _SELECTOR.sub(take, _without_strings_outside_braces(_NUMBER.sub(" 1 ", rest)))
    if unknown := [name for name in _NAME.findall(_NUMBER.sub(" ", rest)) if name not in KEYWORDS]:
        raise ValueError(f"{expression}: {', '.join(unknown)}: neither a selector nor a known keyword of PromQL")
    return found


def _without_strings_outside_braces(text: str) -> str:
    """The arguments of functions that are texts, taken out; those in the braces of a selector belong to it."""
    parts = re.split(r"(\{[^}]*\})", text)
    return "".join(part if part.startswith("{") else _STRING.sub('""', part) for part in parts)
