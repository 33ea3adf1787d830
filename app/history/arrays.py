"""numpy, loaded when something is computed with it.

It takes 16 MiB, and a web process that shows no chart and judges no look does without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Floats", "Integers", "np"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:

    class _Numpy:
        """Stands for the module; each name is looked up once."""

        def __getattr__(self, name: str) -> Any:
            found = getattr(import_module("numpy"), name)
            setattr(self, name, found)
            return found

    np = _Numpy()

Floats: TypeAlias = "NDArray[np.float64]"
Integers: TypeAlias = "NDArray[np.int64]"
