"""The mutator makes each change once, and nothing else."""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.mutants.mutate import mutants

SOURCE = '''
"""A module."""
LIMIT = 1


@compiled
def step(state: int, other: float = 0.0) -> int:
    """One."""
    if state < 3 and not other:
        state += 1
    best = max(state, -other)
    state[0].lots = best - 1
    send(state)
    return state
'''
CHANGES = {
    (9, "state < 3 and (not other)", "state < 3 or not other"),
    (9, "state < 3", "state <= 3"),
    (9, "3", "4"),
    (9, "not other", "not not other"),
    (10, "state += 1", "pass"),
    (10, "state += 1", "state -= 1"),
    (10, "1", "0"),
    (11, "max", "min"),
    (11, "-other", "+other"),
    (12, "state[0].lots = best - 1", "pass"),
    (12, "0", "1"),
    (12, "best - 1", "best + 1"),
    (12, "1", "0"),
    (13, "send(state)", "pass"),
}


def test_every_change_of_a_function_is_made_once() -> None:
    made = [(each.line, each.before, each.after) for each in mutants(SOURCE)]
    assert set(made) == CHANGES
    assert len(made) == len(CHANGES)


def test_each_mutant_is_the_module_with_one_change() -> None:
    plain = ast.unparse(ast.parse(SOURCE)).splitlines()
    for each in mutants(SOURCE):
        lines = each.source.splitlines()
        assert len(lines) == len(plain)
        changed = [new for old, new in zip(plain, lines, strict=True) if old != new]
        assert len(changed) == 1
        assert each.after in changed[0]
