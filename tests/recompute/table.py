"""What was compared: how often it was equal, how often not, and the first difference."""

from typing import Any


class Table:
    """One row a name."""

    def __init__(self) -> None:
        self.equal: dict[str, int] = {}
        self.different: dict[str, int] = {}
        self.first: dict[str, str] = {}

    def compare(self, name: str, ours: Any, theirs: Any, where: str = "") -> bool:
        """Count a comparison of the recomputed with the session's; whether they are equal."""
        is_equal = bool(ours == theirs)
        counts = self.equal if is_equal else self.different
        counts[name] = counts.get(name, 0) + 1
        if not is_equal and name not in self.first:
            self.first[name] = f"{where}recomputed {ours}, session {theirs}"
        return is_equal

    def count(self, name: str, found: list[str]) -> None:
        """What must not be there at all."""
        self.compare(name, 0, len(found), f"{found[0]}: " if found else "")

    @property
    def exit_code(self) -> int:
        """1 if anything differs, or nothing was compared."""
        return 1 if self.different or not self.equal else 0

    def text(self) -> str:
        """The table."""
        names = list(self.equal | self.different)
        width = max((len(name) for name in names), default=0)
        lines = [f"{'':{width}}  equal  different"]
        for name in names:
            row = f"{name:{width}}  {self.equal.get(name, 0):>5}  {self.different.get(name, 0):>9}"
            lines.append(f"{row}  {self.first.get(name, '')}".rstrip())
        return "\n".join(lines) + "\n"
