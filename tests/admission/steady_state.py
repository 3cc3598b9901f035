"""What theory says of a lottery that has been besieged for long: the seats given are the seats there are."""

import math

from hiwar.admission.lottery import SHARES_PERCENT, STRANGER, WEIGHT_BASE, site_weight
from hiwar.admission.waiting import ABSENT_S
from tests.admission.lottery_world import ASK_S, PATIENCE_S

PERSON_WEIGHT = site_weight(solved=1, wins=0)


def steady_share(*, arrivals_per_s: float, seats_per_s: float, farm_sites: int, solve_s: float) -> float:
    """The share of the honest who are seated after having solved, each from a site of their own, where a farm
    that has used up its head start always waits at `farm_sites` sites. Strangers are honest only.

    With x the chance of a weight of 1 in a second, the honest take `arrivals * (1 - (1 - 2x)^t)` seats, the
    farm x for each site, and together they take what there is: x by bisection. t is the time that a person
    stays in the draw: their patience after solving, and the time until the absent are forgotten.
    """
    strangers_per_s = seats_per_s * SHARES_PERCENT[STRANGER] / 100
    patience_s = PATIENCE_S - solve_s
    present_s = patience_s + ABSENT_S - ASK_S / 2
    low, high = 0.0, 1 / PERSON_WEIGHT
    for _ in range(50):
        x = (low + high) / 2
        honest = (arrivals_per_s - strangers_per_s) * (1 - math.pow(1 - PERSON_WEIGHT * x, present_s))
        taken = honest + farm_sites * WEIGHT_BASE * x
        low, high = (low, x) if taken > seats_per_s - strangers_per_s else (x, high)
    return 1 - math.pow(1 - PERSON_WEIGHT * low, patience_s)
