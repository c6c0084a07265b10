"""The drawdown: how far the result is below its peak, which starts at 0, the result of a session without fills.

In 1e-9 of the quote, after fees, seen at every mark and every fill; separate from the account, which risk has too.
"""

import numpy as np

from mm_core.accounting.account import ACCOUNT, result_e9
from mm_core.accounting.money import sum_product
from mm_core.compiled import Record, compiled

DRAWDOWN = np.dtype([("peak_e9", "i8"), ("drawdown_e9", "i8"), ("drawdown_max_e9", "i8")])
# What the accountant holds.
ACCOUNTANT = np.dtype([("account", ACCOUNT), ("drawdown", DRAWDOWN)])


@compiled
def update_drawdown(drawdown: Record, account: Record, value_num: int, value_den: int) -> None:
    """Take the account as it is; one tick x one lot is value_num / value_den of 1e-9 quote."""
    now_e9 = result_e9(account, value_num, value_den)
    drawdown.peak_e9 = max(drawdown.peak_e9, now_e9)
    drawdown.drawdown_e9 = sum_product(drawdown.peak_e9, -1, now_e9)
    drawdown.drawdown_max_e9 = max(drawdown.drawdown_max_e9, drawdown.drawdown_e9)
