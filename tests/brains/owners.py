"""Numbers of brains that no other test of the process uses."""

import itertools

# A sandbox is shared by tests, and remembers for a while whose run it lost.
OWNERS = itertools.count(1000)
