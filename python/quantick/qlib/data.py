"""Qlib's data folder: a calendar, instruments with the days on which they belong to a market, one file per field."""
from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class BinData:
    """Reads a folder as Qlib's dump_bin.py writes it.

    ``calendars/<freq>.txt`` has a date a line; ``instruments/<market>.txt`` has name, first and last day, split by
    tabs, a line per membership; ``features/<name>/<field>.<freq>.bin`` is float32, little endian: the place of the first
    value in the calendar, then the values.
    """

    def __init__(self, provider_uri: str | pathlib.Path, freq: str = "day") -> None:
        import pandas as pd
        self.folder = pathlib.Path(provider_uri).expanduser()
        self.freq = freq
        path = self.folder / "calendars" / f"{freq}.txt"
        if not path.is_file():
            raise FileNotFoundError(f"[qlib] calendar {path} is not there; expected a folder that dump_bin.py wrote")
        self.calendar: pd.DatetimeIndex = pd.DatetimeIndex(path.read_text().split("\n") if freq == "day" else
                                                           path.read_text().splitlines()).dropna()
        if not self.calendar.is_monotonic_increasing or self.calendar.has_duplicates:
            raise ValueError(f"[qlib] dates of {path}, expected ascending ones without repeats")
        self._fields: dict[tuple[str, str], NDArray[np.float32]] = {}
        self._ranges: dict[str, tuple[int, int]] = {}

    def memberships(self, market: str) -> dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]]:
        """Instrument to the spans of days (both ends inside) on which it belongs to the market."""
        import pandas as pd
        path = self.folder / "instruments" / f"{market}.txt"
        if not path.is_file():
            have = sorted(p.stem for p in path.parent.glob("*.txt"))
            raise FileNotFoundError(f"[qlib] market {market!r}, expected one of {', '.join(have) or 'none (no files)'}")
        spans: dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]] = {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip():
                continue
            parts = line.split("\t")
            if len(parts) != 3:
                raise ValueError(f"[qlib] {path}:{number}: {len(parts)} columns, expected name, first day, last day")
            spans.setdefault(parts[0].upper(), []).append((pd.Timestamp(parts[1]), pd.Timestamp(parts[2])))
        return spans

    def field(self, instrument: str, name: str) -> NDArray[np.float32]:
        """Values on the whole calendar, NaN outside the file and where the file is absent."""
        import numpy as np
        key = (instrument, name)
        if key in self._fields:
            return self._fields[key]
        out = np.full(len(self.calendar), np.nan, dtype=np.float32)
        path = self.folder / "features" / instrument.lower() / f"{name.lower()}.{self.freq}.bin"
        if path.is_file():
            raw = np.fromfile(path, dtype="<f4")
            if len(raw) > 0:
                start = float(raw[0])
                if not start.is_integer() or start < 0 or int(start) + len(raw) - 1 > len(self.calendar):
                    raise ValueError(f"[qlib] {path}: {len(raw) - 1} values from place {start:g}, expected to lie in a "
                                     f"calendar of {len(self.calendar)} days")
                out[int(start):int(start) + len(raw) - 1] = raw[1:]
        self._fields[key] = out
        return out

    def span(self, instrument: str) -> tuple[int, int]:
        """Places in the calendar, first and past the last, that any of the instrument's files covers; (0, 0): none."""
        import numpy as np
        if instrument not in self._ranges:
            first, past = len(self.calendar), 0
            for path in (self.folder / "features" / instrument.lower()).glob(f"*.{self.freq}.bin"):
                start = np.fromfile(path, dtype="<f4", count=1)
                if len(start) == 1:
                    first = min(first, int(start[0]))
                    past = max(past, int(start[0]) + path.stat().st_size // 4 - 1)
            self._ranges[instrument] = (first, past) if first < past else (0, 0)
        return self._ranges[instrument]

    def frame(self, instruments: list[str], name: str) -> pd.DataFrame:
        """One field: calendar by instruments, float64. Throws KeyError where no instrument has the field."""
        import numpy as np
        import pandas as pd
        columns = [self.field(instrument, name) for instrument in instruments]
        if instruments and all(np.isnan(c).all() for c in columns):
            have = sorted({p.name.split(".")[0] for i in instruments[:1]
                           for p in (self.folder / "features" / i.lower()).glob(f"*.{self.freq}.bin")})
            if name.lower() not in have:
                raise KeyError(f"[qlib] field ${name}, expected one of {', '.join('$' + h for h in have)}")
        values = np.column_stack(columns) if columns else np.empty((len(self.calendar), 0))
        return pd.DataFrame(values.astype(np.float64), index=self.calendar, columns=instruments)
