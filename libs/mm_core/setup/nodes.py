"""The nodes of one instrument, made from the initial records: live, in replay and in verification it is these."""

from functools import partial

import msgspec

from mm_core.accounting.node import accountant_node
from mm_core.exchange.node import exchange_node
from mm_core.node import Node, Setter, only_of
from mm_core.quoting.node import quoter_node
from mm_core.risk.node import risk_node
from mm_core.setup.core import Core
from mm_core.setup.filters import filters_on
from mm_core.setup.settings import QUOTER, RISK
from mm_core.signals.node import builder_node
from mm_core.types import InputError


def new_nodes(core: Core, instrument_id: str) -> list[Node]:
    """The five nodes of one instrument, from the initial records."""
    limits = core.risk["limits"][0]
    filters = partial(filters_on, core.units)
    nodes = [
        exchange_node(instrument_id, core.venue, core.builder["book"], filters, uses_top=core.uses_top),
        builder_node(instrument_id, core.builder, core.decide_on),
        quoter_node(instrument_id, core.quoter, core.strategy, _setter(core, QUOTER), filters, core.risk["filters"]),
        risk_node(instrument_id, core.risk, _setter(core, RISK), filters),
        accountant_node(instrument_id, core.account, int(limits["value_num"]), int(limits["value_den"])),
    ]
    return [msgspec.structs.replace(node, step=only_of(instrument_id, node.step)) for node in nodes]


def _setter(core: Core, node: str) -> Setter:
    """What a SET changes in one node. A SET that is not acceptable changes nothing: its sender checks it before."""

    def setting(key: str, value: str) -> tuple[str, int | float] | None:
        try:
            found = core.to_setting(key, value)
        except InputError:
            return None
        return (found.path, found.value) if found.node == node else None

    return setting
