"""Writes an .npz file with arrays that have one row a sample.

usage: write_npz.py FILE
"""

import sys

import numpy as np

np.savez(
    sys.argv[1],
    image=np.arange(5 * 2 * 3, dtype="f4").reshape(5, 2, 3),
    mask=np.arange(20).reshape(5, 4) % 3 == 0,
    wide=np.arange(5 * 7, dtype=">i8").reshape(5, 7) - 2**40,
)
