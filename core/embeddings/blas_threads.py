"""One thread for numpy's matrix products."""

import os
from typing import Final

VARIABLES: Final = ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")  #: of the libraries in numpy's wheels


def limit_blas_threads() -> None:
    """Let numpy use one thread, unless the environment says otherwise; call it before numpy is loaded.

    OpenBLAS's threads spin while they wait for each other: on a busy machine a question that costs 5 ms
    of CPU with one thread costs 15 to 120 with two (measured). The products here are too small to gain.
    """
    for name in VARIABLES:
        os.environ.setdefault(name, "1")
