"""Which modules of the core are mutated, and which tests ought to notice."""

CORE = "libs/mm_core"
# Run for every module, after its own tests: what plain Python does in seconds. Properties of books and operators take
# minutes there, those of nodes too.
COMMON = (
    "tests/unit/core",
    *(f"tests/property/test_{name}.py" for name in ("accounting", "exchange", "extremes", "ledger", "quoter", "risk")),
)
NODES = tuple(f"tests/unit/nodes/test_{name}.py" for name in ("market_nodes", "exchange_times", "venue_time"))
# Paths below CORE: the tests that are most likely to notice, first.
MODULES: dict[str, tuple[str, ...]] = {
    "accounting/account.py": ("tests/unit/core/test_accounting.py", "tests/property/test_accounting.py"),
    "accounting/drawdown.py": ("tests/unit/test_ratios.py",),
    "accounting/money.py": ("tests/property/test_ledger.py",),
    "book/book.py": ("tests/unit/core/test_book.py",),
    "book/ids.py": NODES,
    "book/window.py": ("tests/unit/core/test_book.py",),
    "exchange/admit.py": ("tests/unit/core/test_filters.py",),
    "exchange/answers.py": ("tests/unit/core/test_exchange.py", *NODES),
    "exchange/clock.py": NODES,
    "exchange/handlers.py": NODES,
    "exchange/market.py": ("tests/unit/core/test_exchange.py", *NODES),
    "exchange/matching.py": ("tests/unit/core/test_exchange.py", *NODES),
    "exchange/queue.py": ("tests/unit/core/test_queue.py",),
    "exchange/requests.py": ("tests/unit/core/test_exchange.py", *NODES),
    "exchange/venue.py": ("tests/unit/core/test_exchange.py", *NODES),
    "filters.py": ("tests/unit/core/test_filters.py",),
    "messages.py": (),
    "quoting/avellaneda_stoikov.py": ("tests/unit/core/test_quotes.py",),
    "quoting/fixed_spread.py": ("tests/unit/core/test_quotes.py",),
    "quoting/quoter.py": ("tests/unit/core/test_quoter.py",),
    "quoting/refusals.py": ("tests/unit/core/test_refusals.py",),
    "quoting/terms.py": ("tests/unit/core/test_quotes.py",),
    "risk/gate.py": ("tests/unit/core/test_risk.py",),
    "risk/risk.py": ("tests/unit/core/test_risk.py", "tests/property/test_risk.py"),
    "stamper.py": ("tests/unit/test_stamper.py",),
    "signals/builder.py": ("tests/unit/core/test_builder.py", "tests/unit/nodes/test_market_nodes.py"),
    "signals/executable.py": ("tests/unit/core/test_signals.py",),
    "signals/flow.py": ("tests/unit/core/test_signals.py",),
    "signals/micro.py": ("tests/unit/core/test_signals.py",),
    "signals/touch.py": ("tests/unit/core/test_signals.py",),
    "signals/volatility.py": ("tests/unit/core/test_volatility.py", "tests/unit/core/test_signals.py"),
}
