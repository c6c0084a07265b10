"""Mutate the core and see whether its tests notice: `make mutants`. A table on stdout, progress on stderr."""

import argparse
import ast
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from queue import SimpleQueue

import typer
from tests.mutants.modules import COMMON, CORE, MODULES
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.tree import PRELOADED, ROOT, Tree, TreeError, Verdict

PATIENCE = 5  # times as long as the tests of the plain module: an endless loop
PATIENCE_S = 30.0
PLAIN_S = 600.0


class Runner:
    """Trees to test in, one a job; whoever tests takes one and puts it back."""

    def __init__(self, context: ForkServerContext, folder: Path, jobs: int) -> None:
        self.context = context
        self.jobs = jobs
        self.trees: SimpleQueue[Tree] = SimpleQueue()
        for i in range(jobs):
            self.trees.put(Tree(folder / str(i)))

    def run(self, module: str, source: str, limit_s: float) -> Verdict:
        """Test one source of a module."""
        tree = self.trees.get()
        try:
            return tree.run(self.context, f"{CORE}/{module}", source, (*MODULES[module], *COMMON), limit_s)
        finally:
            self.trees.put(tree)

    def seconds(self, module: str) -> float:
        """How long the tests of a module take where it has no mutant; TreeError where they are not green."""
        begin_s = time.monotonic()
        plain = ast.unparse(ast.parse((ROOT / CORE / module).read_text()))
        if (verdict := self.run(module, plain, PLAIN_S)) is not Verdict.SURVIVED:
            last = self.trees.get().last_line()
            raise TreeError(f"{module}: {verdict.value} without a mutant; expected green tests: {last}")
        return time.monotonic() - begin_s

    def module(self, module: str, chosen: Sequence[Mutant]) -> Iterator[tuple[Mutant, Verdict]]:
        """Every chosen mutant of a module with its verdict, in order."""
        limit_s = PATIENCE_S + PATIENCE * self.seconds(module)
        with ThreadPoolExecutor(self.jobs) as pool:
            yield from zip(chosen, pool.map(lambda each: self.run(module, each.source, limit_s), chosen), strict=True)


def sample(module: str, count: int | None, seed: int) -> list[Mutant]:
    """All mutants of a module, or `count` of them, the same for the same seed and source; in the order of the text."""
    found = list(mutants((ROOT / CORE / module).read_text()))
    if count is None or count >= len(found):
        return found
    by_lot = sorted(range(len(found)), key=lambda i: sha256(f"{seed} {module} {i}".encode()).digest())
    return [found[i] for i in sorted(by_lot[:count])]


def tested(runner: Runner, modules: Sequence[str], count: int | None, seed: int) -> int:
    """Test the mutants of these modules and print the table and the survivors; returns how many survived."""
    counts: dict[str, Counter[Verdict]] = {}
    survivors: list[str] = []
    for module in modules:
        chosen = sample(module, count, seed)
        counts[module] = Counter()
        for mutant, verdict in runner.module(module, chosen):
            counts[module][verdict] += 1
            if verdict is Verdict.SURVIVED:
                survivors.append(f"{CORE}/{module}:{mutant.line}: {mutant.before}  ->  {mutant.after}")
                typer.echo(f"mutants: survived {survivors[-1]}", err=True)
        done = ", ".join(f"{verdict.value} {counts[module][verdict]}" for verdict in Verdict)
        typer.echo(f"mutants: {module} ({len(counts)} of {len(modules)}): {done}", err=True)
    echo_table(counts)
    typer.echo("\n".join(["", f"Survivors: {len(survivors)}", *survivors]))
    return len(survivors)


def echo_table(counts: dict[str, Counter[Verdict]]) -> None:
    """A row a module and one for all, in Markdown."""
    typer.echo("| module | mutants | killed | survived | timeout | noticed |\n|---|---|---|---|---|---|")
    total: Counter[Verdict] = sum(counts.values(), Counter())
    for name, row in [*counts.items(), ("all", total)]:
        noticed = 100 * (row.total() - row[Verdict.SURVIVED]) / max(row.total(), 1)
        verdicts = " | ".join(str(row[verdict]) for verdict in (Verdict.KILLED, Verdict.SURVIVED, Verdict.TIMEOUT))
        typer.echo(f"| {name} | {row.total()} | {verdicts} | {noticed:.0f} % |")


def main() -> int:
    """0 whatever survived; 2 where the tests could not be run."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--module", action="append", choices=MODULES, help="only this module; may be given again")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants of each module; default all")
    parser.add_argument("--seed", type=int, default=1, help="which ones a sample takes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="tests at a time")
    given = parser.parse_args()
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # a mutant would be compiled anew: a minute instead of a second
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        try:
            tested(Runner(context, Path(folder), given.jobs), given.module or list(MODULES), given.sample, given.seed)
        except TreeError as error:
            typer.echo(f"mutants: {error}", err=True)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
