"""Whether the rows of a batch are independent, and which axis of each array carries them: a reading of the trace."""

from .reading import require_rows, row_axes, rows_stand_alone
from .rows import Mixed, Rows

__all__ = ["Mixed", "Rows", "require_rows", "row_axes", "rows_stand_alone"]
