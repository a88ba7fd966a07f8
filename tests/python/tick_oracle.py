"""Tick files and their features in plain NumPy, written from docs/ticks.md alone: what the library is compared with."""
import csv
import datetime
import gzip
import json

import numpy as np

GAP = 600 * 10**9  # ns without an event after which everything starts anew
FIELDS = ["time", "has_quote", "bid", "ask", "bid_size", "ask_size", "has_trade", "price", "size", "side"]


def text_of(path):
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt") as file:
        yield from file


def level1_event(row):
    first = lambda *names: next(row[name] for name in names if name in row)
    clock = first("action_time_ms", "time")
    if ":" in clock:
        hours, minutes, seconds = clock.split(":")
        clock = hours + minutes + format(round(float(seconds) * 1000), "05d")
    clock = int(clock)
    seconds = clock // 10**7 * 3600 + clock // 10**5 % 100 * 60 + clock // 1000 % 100
    day = datetime.datetime.strptime(first("action_date", "date"), "%Y%m%d") - datetime.datetime(1970, 1, 1)
    time = (day.days * 86400 + seconds - 8 * 3600) * 10**9 + clock % 1000 * 10**6
    number = lambda text: float(text) if text else np.nan
    bid, ask = number(first("bid1", "bidPrice1")), number(first("ask1", "askPrice1"))
    volume = number(first("volume", "lastVolume"))
    return (time, True, bid, ask, number(first("bid1_qty", "bidVolume1")), number(first("ask1_qty", "askVolume1")),
            volume > 0, number(first("last", "lastPrice")), volume, 0)


def binance_event(line):
    """The event's row, and (snapshot, previous id, id, bids, asks) or None."""
    receipt, message = line.split(" ", 1)
    message = json.loads(message)
    data = message.get("data", message)
    levels = lambda side: [(round(float(price) * 100), float(size)) for price, size in side]
    nothing = [int(receipt), False, np.nan, np.nan, 0, 0, False, np.nan, 0, 0]
    if "lastUpdateId" in data:
        return nothing, (True, 0, data["lastUpdateId"], levels(data["bids"]), levels(data["asks"]))
    kind = data.get("e", "bookTicker")
    if kind == "depthUpdate":
        return nothing, (False, data.get("pu", data["U"] - 1), data["u"], levels(data["b"]), levels(data["a"]))
    if kind == "trade":
        return nothing[:6] + [True, float(data["p"]), float(data["q"]), -1 if data["m"] else 1], None
    return nothing[:1] + [True, *(float(data[key]) for key in "baBA")] + nothing[6:], None


class Events:
    """Columns by name, one entry per event, and the depth messages."""

    def __init__(self, path):
        if ".jsonl" in str(path):
            rows, self.depth = zip(*(binance_event(line) for line in text_of(path)))
        else:
            rows = [level1_event(row) for row in csv.DictReader(text_of(path))]
            self.depth = [None] * len(rows)
        for name, column in zip(FIELDS, zip(*rows)):
            setattr(self, name, np.array(column))
        breaks = np.diff(self.time) > GAP
        self.sessions = np.split(np.arange(len(rows)), np.flatnonzero(breaks) + 1)


def before(values, counts, none=np.nan):
    """values[count - 1] for each count, `none` where the count is 0."""
    return np.where(counts > 0, np.append(values, none)[np.maximum(counts, 1) - 1 if len(values) else counts * 0], none)


class Session:
    """The events between two breaks: which are ticks, and the quote in force after each."""

    def __init__(self, events, index):
        for name in FIELDS:
            setattr(self, name, getattr(events, name)[index])
        self.tick = self.has_quote & (self.bid < self.ask) & (self.bid_size > 0) & (self.ask_size > 0)
        self.told = np.cumsum(self.has_quote)
        quotes = np.flatnonzero(self.has_quote)
        valid = self.tick[quotes]
        self.quoted = before(valid, self.told, False).astype(bool)
        self.followed = np.zeros(len(index), bool)  # a tick right behind another one
        self.followed[quotes[1:]] = valid[1:] & valid[:-1]
        self.count = np.cumsum(self.tick)
        self.mids = ((self.bid + self.ask) / 2)[self.tick]
        self.mid = np.where(self.quoted, before(self.mids, self.count), np.nan)

    def now(self, column):
        return np.where(self.quoted, before(column[self.tick], self.count), np.nan)

    def pairs(self, value):
        """value(previous, next) over the ticks that follow each other, as (values, count after each event)."""
        quotes = np.flatnonzero(self.has_quote)
        pairs = [(a, b) for a, b in zip(quotes, quotes[1:]) if self.followed[b]]
        return np.array([value(a, b) for a, b in pairs]), np.cumsum(self.followed)

    def rolling(self, values, counts, n):
        sums = np.array([values[max(k - n, 0):k].sum() if k >= n else np.nan for k in range(len(values) + 1)])
        return sums[counts]

    def signed_sizes(self):
        signs, move, last = np.zeros(len(self.time)), 0, None
        for i in np.flatnonzero(self.has_trade):
            price = self.price[i]
            if last is not None and price != last:
                move = np.sign(price - last)
            last = price
            if self.side[i]:
                signs[i] = self.side[i]
            elif i > 0 and self.quoted[i - 1]:
                signs[i] = np.sign(price - self.mid[i - 1]) or move
        return signs * np.where(self.has_trade, self.size, 0)


def spread(s):
    return s.now(s.ask) - s.now(s.bid)


def relative_spread(s):
    return spread(s) / s.mid


def imbalance(s):
    return (s.now(s.bid_size) - s.now(s.ask_size)) / (s.now(s.bid_size) + s.now(s.ask_size))


def microprice(s):
    bid, ask, bids, asks = s.now(s.bid), s.now(s.ask), s.now(s.bid_size), s.now(s.ask_size)
    return (bid * asks + ask * bids) / (bids + asks)


def microprice_offset(s):
    return microprice(s) / s.mid - 1


def order_flow_imbalance(s, n):
    def contribution(a, b):
        return (s.bid_size[b] * (s.bid[b] >= s.bid[a]) - s.bid_size[a] * (s.bid[b] <= s.bid[a])
                - s.ask_size[b] * (s.ask[b] <= s.ask[a]) + s.ask_size[a] * (s.ask[b] >= s.ask[a]))
    return s.rolling(*s.pairs(contribution), n)


def signed_volume(s, n):
    sizes = np.where(s.count > 0, s.signed_sizes(), 0)
    total = np.cumsum(sizes)
    ahead = (total - sizes)[s.tick]  # ahead of each tick's own trades
    return np.where(s.count >= n, total - before(ahead, s.count - n + 1, 0), np.nan)


def mid_return(s, n):
    moves = np.append(np.full(min(n, len(s.mids)), np.nan), s.mids[n:] / s.mids[:-n] - 1)
    return before(moves, s.count)


def realized_volatility(s, n):
    mid = (s.bid + s.ask) / 2
    squares, counts = s.pairs(lambda a, b: (mid[b] / mid[a] - 1) ** 2)
    return np.sqrt(s.rolling(squares, counts, n))


def time_since_trade(s):
    time = s.time - s.time[0]  # small enough for a double
    return (time - before(time[s.has_trade], np.cumsum(s.has_trade))) / 1e9


def trade_intensity(s, half_life_ms):
    half = half_life_ms / 1000
    rate, rates = 0.0, []
    for i, time in enumerate(s.time):
        rate *= 2.0 ** (-(time - s.time[max(i - 1, 0)]) / 1e9 / half)
        rate += np.log(2) / half * s.has_trade[i]
        rates.append(rate)
    return np.array(rates)


def feature(events, function, *arguments):
    """A function of a session, over all of them."""
    return np.concatenate([function(Session(events, index), *arguments) for index in events.sessions])


def books(events, levels):
    """After each event the best levels [levels, 2] of bids and of asks, or None."""
    state, bids, asks, last, early = None, {}, {}, None, []
    for message in events.depth:
        if message is not None:
            queue = [message]
            if message[0]:
                bids, asks, last = {}, {}, message[2]
                queue += [change for change in early if change[2] > last]
            elif last is None:
                early.append(message)
                queue = []
            for snapshot, previous, number, bid_levels, ask_levels in queue:
                assert snapshot or previous <= last <= number
                last = number
                for side, changes in ((bids, bid_levels), (asks, ask_levels)):
                    for price, size in changes:
                        side.pop(price, None)
                        if size:
                            side[price] = size
            if last is not None:
                state = (np.array([(p / 100, bids[p]) for p in sorted(bids, reverse=True)[:levels]]),
                         np.array([(p / 100, asks[p]) for p in sorted(asks)[:levels]]))
        yield state


def depth_features(events, levels):
    """depth_imbalance and book_slope."""
    rows = []
    for state in books(events, levels):
        if state is None or min(map(len, state)) < levels:
            rows.append((np.nan, np.nan))
            continue
        (bids, asks), mid = state, (state[0][0, 0] + state[1][0, 0]) / 2
        size = bids[:, 1].sum(), asks[:, 1].sum()
        rows.append(((size[0] - size[1]) / sum(size),
                     (size[0] / (mid - bids[-1, 0]) + size[1] / (asks[-1, 0] - mid)) / 2))
    return np.array(rows).T


def labels(events, ticks=None, seconds=None):
    """(positions of the ticks that have one, the labels, ticks without)."""
    rows, values, dropped = [], [], 0
    for index in events.sessions:
        s = Session(events, index)
        places = np.flatnonzero(s.tick)
        for k, place in enumerate(places):
            if ticks:
                target = k + ticks
            else:
                horizon = s.time[place] + round(seconds * 1e9)
                target = np.searchsorted(s.time[places], horizon, side="right") - 1
                target = target if s.time[-1] >= horizon else len(places)
            if target >= len(places):
                dropped += 1
                continue
            rows.append(index[place])
            values.append(s.mids[target] / s.mids[k] - 1)
    return np.array(rows), np.array(values), dropped
