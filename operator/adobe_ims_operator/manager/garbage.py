"""How often Python looks for cycles among its objects, which costs CPU in proportion to how many there are.

Objects in cycles are the only ones that wait for it; all others go at once.
"""

import gc

NEW = 5000
"""New objects after which it looks among those. It is 700 if left alone, and most of so few are still in use."""


def spare_the_collector() -> None:
    """Have it pass over all that is there now, as modules and classes stay, and look less often at what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW, *gc.get_threshold()[1:])
