"""What a reading statement may be made of, decided on the syntax tree that ClickHouse's parser shows.

Everything is a list of what is allowed: a node, function, table or category that a later ClickHouse brings is refused
until it stands here. A name that contains line breaks can only add lines to the tree, never hide one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

ROOTS = (
    *("SelectWithUnionQuery", "Explain", "DescribeQuery", "ShowTables", "ShowColumns"),
    *("ShowCreateTableQuery", "ShowCreateViewQuery", "ExistsTableQuery", "ExistsViewQuery", "ExistsDatabaseQuery"),
)
EXPECTED = "one SELECT, WITH, SHOW, DESCRIBE, EXPLAIN or EXISTS"
NODES = (
    *("SelectWithUnionQuery", "SelectIntersectExceptQuery", "SelectQuery", "Subquery", "WithElement"),
    *("TablesInSelectQuery", "TablesInSelectQueryElement", "TableExpression", "TableIdentifier", "TableJoin"),
    *("ArrayJoin", "SampleRatio", "ExpressionList", "Function", "Identifier", "Literal", "Asterisk"),
    *("QualifiedAsterisk", "ColumnsListMatcher", "ColumnsRegexpMatcher", "ColumnsTransformerList"),
    *("ColumnsExceptTransformer", "ColumnsReplaceTransformer", "ColumnsReplaceTransformer::Replacement"),
    *("OrderByElement", "InterpolateElement", "WindowDefinition", "WindowListElement"),
)
# SHOW is rewritten to a query whose conditions the tree does not show: only these forms.
SHOW = re.compile(
    r"SHOW (TABLES( FROM \w+)?|DATABASES|COLUMNS FROM \w+|CREATE (TABLE|VIEW) (\w+\.)?\w+)( LIKE '[\w%. -]*')?"
)
EXPLAINS = (
    "EXPLAIN",
    *(f"EXPLAIN {what}" for what in ("AST", "SYNTAX", "QUERY TREE", "PLAN", "PIPELINE", "ESTIMATE")),
)
TABLE_FUNCTIONS = ("numbers", "generateseries", "generate_series", "zeros", "values", "sqlstandardvalues", "view")
SYSTEM_TABLES = (
    *("columns", "data_skipping_indices", "databases", "functions", "merges", "one", "numbers", "parts"),
    *("parts_columns", "settings", "table_functions", "tables", "time_zones", "zeros"),
)
CATEGORIES = (
    *("Aggregate Functions", "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional"),
    *("Dates and Times", "Distance", "Encoding", "Financial", "Hash", "JSON", "Logical", "Map", "Mathematical"),
    *("Null", "Random Number", "Rounding", "String", "String Replacement", "String Search", "String Splitting"),
    *("Time Series", "Time Window", "Tuple", "Type Conversion", "UUID"),
)
OTHER_FUNCTIONS = (
    *("bar", "byteSize", "caseWithExpression", "countDigits", "currentDatabase", "finalizeAggregation"),
    *("formatReadableDecimalSize", "formatReadableQuantity", "formatReadableSize", "formatReadableTimeDelta"),
    *("identity", "ignore", "initializeAggregation", "isConstant", "isDecimalOverflow", "materialize"),
    *("neighbor", "rowNumberInAllBlocks", "rowNumberInBlock", "runningAccumulate", "runningDifference"),
    *("toColumnTypeName", "toTypeName", "transform", "version", "visibleWidth"),
)
SYNTAX = {"exists", "lambda"}  # which the tree shows as functions
_LINE = re.compile(r"( *)([A-Za-z:]+) ?(.*)")
_TABLE = re.compile(r"(?:(\w+)\.)?(\w+)")


class Functions:
    """The functions of an engine that may be called, from its `system.functions` and names of combinators."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], combinators: Sequence[str]) -> None:
        own = [row for row in rows if row["origin"] == "System"]
        safe = {row["name"] for row in own if row["categories"] in CATEGORIES or row["name"] in OTHER_FUNCTIONS}
        named = [row for row in own if row["name"] in safe or row["alias_to"] in safe]
        self._names = {row["name"] for row in named} | SYNTAX
        self._folded = {row["name"].lower() for row in named if row["case_insensitive"]}
        aggregates = [row for row in named if row["is_aggregate"]]
        self._aggregates = {row["name"] for row in aggregates}
        self._aggregates_folded = {row["name"].lower() for row in aggregates if row["case_insensitive"]}
        self._combinators = sorted(combinators, key=len, reverse=True)

    def allowed(self, name: str) -> bool:
        """Whether a function may be called by this name: as it stands, in any case, or with combinators behind it."""
        return name in self._names or name.lower() in self._folded or self._combined(name)

    def _combined(self, name: str) -> bool:
        if name in self._aggregates or name.lower() in self._aggregates_folded:
            return True
        stems = [name.removesuffix(each) for each in self._combinators if name.endswith(each) and name != each]
        return any(self._combined(stem) for stem in stems)


def refusal(statement: str, tree: Sequence[str], foreign: Sequence[str], functions: Functions) -> str:
    """Why a canonical statement with this tree is refused; "" where it only reads what it may.

    `foreign` are the databases that are not the store's.
    """
    root, _, what = tree[0].partition(" ") if tree else ("", "", "")
    if root not in ROOTS:
        return f"{statement.partition(' ')[0]} is not allowed; expected {EXPECTED}"
    if root.startswith("Show") and not SHOW.fullmatch(statement):
        return "expected SHOW TABLES, DATABASES, COLUMNS FROM or CREATE TABLE, with FROM and LIKE at most"
    if root == "Explain" and _name(what) not in EXPLAINS:
        return f"{_name(what)} is not allowed; expected EXPLAIN of a query"
    # The settings of EXPLAIN itself stand in its first line.
    lines = tree[2:] if root == "Explain" and len(tree) > 1 and tree[1].strip() == "Set" else tree[1:]
    above = root
    for line in lines:
        if why := _line_refusal(line, above, foreign, functions):
            return why
        above = line.split("(")[0].strip()
    return ""


def _line_refusal(line: str, above: str, foreign: Sequence[str], functions: Functions) -> str:
    matched = _LINE.fullmatch(line)
    if not matched or matched[2] not in NODES:
        return f"{line.strip()[:80]!r} is not allowed in a query here"
    node, name = matched[2], _name(matched[3])
    if node == "Function" and above == "TableExpression":
        return "" if name.lower() in TABLE_FUNCTIONS else f"table function {name} is not allowed"
    if node == "Function" and not functions.allowed(name):
        return "" if name.lower() in TABLE_FUNCTIONS else f"function {name} is not allowed"
    if node == "TableIdentifier":
        return _table_refusal(name, foreign)
    if node == "Identifier" and name.partition(".")[0] in foreign:
        return f"{name} is not in the store's database"
    return ""


def _table_refusal(name: str, foreign: Sequence[str]) -> str:
    matched = _TABLE.fullmatch(name)
    if not matched:
        return f"table {name}: expected a name of letters, digits and _"
    database, table = matched[1], matched[2]
    if database == "system":
        return "" if table in SYSTEM_TABLES else f"table {name} is not allowed; of system: {', '.join(SYSTEM_TABLES)}"
    if database and database.lower() != "information_schema" and database in foreign:
        return f"table {name} is not in the store's database"
    return ""


def _name(text: str) -> str:
    """What stands before the alias and the count of children."""
    return re.split(r" \((?:alias |children \d)", text)[0].strip()
