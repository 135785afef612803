"""What the ledger should do, in plain sets and dicts: no SQL, one program and one number at a time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

CLAIMING_STATES = ("scheduled", "launching", "live", "launch_failed")


@dataclass
class Row:
    state: str
    purpose: int
    flag: str = ""  # leaving: to be removed at the carrier; wait: of a revision that waits for a launch


@dataclass
class Plan:
    """An accepted submission."""

    numbers: dict
    replace: bool
    reassign: bool
    start: datetime
    end: datetime


@dataclass
class Program:
    key: tuple
    order: int
    state: str = "scheduled"
    revision: int = 0
    live: bool = False
    at_carrier: bool = False
    cancelled: bool = False
    start: datetime = None
    end: datetime = None
    late_from: datetime = None
    rows: dict = field(default_factory=dict)
    waiting: list = field(default_factory=list)
    reserved: set = field(default_factory=set)  # numbers claimed for waiting revisions

    @property
    def over(self):
        return self.cancelled or self.state in ("ended", "cancelled")


class Model:
    def __init__(self, allowed_delay: timedelta):
        self.allowed_delay = allowed_delay
        self.programs = {}
        self.claims = {}  # number: key of the program that has claimed it
        self.takeovers = set()  # (taker, giver)

    def conflicts(self, key, numbers, reassign):
        """Those of the numbers that judging must reject."""
        held = {n: self.claims[n] for n in numbers if self.claims.get(n, key) != key}
        return {n for n, holder in held.items() if holder[0] != key[0] or not reassign}

    def accept(self, key, plan, now):
        p = self.programs.get(key)
        if p is None:
            p = self.programs[key] = Program(key=key, order=len(self.programs))
        if p.state == "launching":
            p.waiting.append(plan)
            for n, purpose in plan.numbers.items():
                if not self._is_present(p, n) and not (n in p.rows and p.rows[n].flag == "wait"):
                    self._claim(p, n)
                    p.reserved.add(n)
                    if n not in p.rows:
                        p.rows[n] = Row("pending", purpose, "wait")
            return
        self._revise(p, plan, now)

    def cancel(self, key, now):
        p = self.programs[key]
        p.cancelled = True
        if p.at_carrier:
            p.end = now
        else:
            p.state = "cancelled"
            self._free(p, removed=True)

    def miss(self, now):
        """Late programs are missed together, so that none of them claims a number that another one frees."""
        missed = [p for p in self._by_order() if self._is_missed(p, now)]
        for p in missed:
            p.state = "missed"
        for p in missed:
            self._free(p, removed=False)

    def _is_missed(self, p, now):
        late = p.late_from < now - self.allowed_delay
        return p.state == "scheduled" and not p.at_carrier and (late or p.end <= now)

    def due(self, now):
        """Keys of the programs that can be claimed. No numbers may move between them and one that is launching."""
        return [
            p.key
            for p in self._by_order()
            if p.state == "scheduled"
            and p.start <= now < p.end
            and (p.at_carrier or p.late_from >= now - self.allowed_delay)
            and not any(p.key in pair and self._any_launching(set(pair) - {p.key}) for pair in self.takeovers)
        ]

    def claim(self, key):
        p = self.programs[key]
        p.state, p.at_carrier = "launching", True
        if not any(taker == key for taker, _ in self.takeovers):
            return
        for n in sorted(p.rows):
            row = p.rows[n]
            if row.state != "pending" or row.flag or self.claims.get(n) == key:
                continue
            holder = self.claims.get(n)
            if holder is not None and holder[0] != key[0]:
                row.state = "refused"
                continue
            if holder is not None:
                self.programs[holder].rows[n] = Row("reassigned", self.programs[holder].rows[n].purpose)
                self.takeovers |= {(taker, key) for taker, giver in self.takeovers if giver == holder and taker != key}
            self.claims[n] = key
        self.takeovers = {(taker, giver) for taker, giver in self.takeovers if taker != key}

    def remove_numbers(self, key, numbers):
        """The carrier has removed these numbers. They are free now, unless a waiting revision has them."""
        p = self.programs[key]
        for n in numbers:
            if n in p.rows and p.rows[n].flag == "leaving":
                p.rows[n] = Row("removed", p.rows[n].purpose)
                if n not in p.reserved:
                    self._unclaim(p, n)

    def finish(self, key, now):
        p = self.programs[key]
        self.remove_numbers(key, list(p.rows))
        for row in p.rows.values():
            if row.state == "pending" and not row.flag:
                row.state = "live"
        p.state, p.live = "live", True
        self._hand_over(p)
        self._make_waiting_revisions(p, now)

    def fail(self, key, now):
        self.programs[key].state = "launch_failed"
        self._make_waiting_revisions(self.programs[key], now)

    def retry(self, key, now):
        p = self.programs[key]
        if p.state == "missed":
            self._reclaim(p)
        p.state, p.late_from = "scheduled", now

    def ending(self, now):
        return [p.key for p in self._by_order() if p.at_carrier and p.end <= now]

    def finish_end(self, key):
        p = self.programs[key]
        p.state, p.live, p.at_carrier, p.waiting = "ended", False, False, []
        p.reserved.clear()
        self._free(p, removed=True)

    def _revise(self, p, plan, now):
        if p.state == "missed":
            self._reclaim(p)
        before = {n for n in p.rows if self._is_present(p, n)}
        for n, purpose in plan.numbers.items():
            if n in before:
                p.rows[n].purpose = purpose
                continue
            self._claim(p, n)
            live = n in p.rows and p.rows[n].state == "live"
            p.rows[n] = Row("live" if live else "pending", purpose)
        if plan.replace:
            self._replace(p, before, plan)
        p.revision += 1
        p.state = "scheduled"
        p.start = p.start if p.live else plan.start
        p.end, p.late_from = plan.end, max(p.start, now)

    def _replace(self, p, before, plan):
        for n in set(p.rows) - set(plan.numbers):
            row, mine = p.rows[n], self.claims.get(n) == p.key
            if n in before and p.at_carrier and mine:
                row.flag = "leaving"
            elif n in before or row.state == "refused":
                p.rows[n] = Row("removed", row.purpose)
                self._unclaim(p, n)
        self._hand_over(p)

    def _reclaim(self, p):
        for n in sorted(p.rows):
            row, holder = p.rows[n], self.claims.get(n)
            if row.state != "pending" or row.flag or holder == p.key:
                continue
            if holder is None:
                self.claims[n] = p.key
            elif holder[0] != p.key[0] or (p.key, holder) not in self.takeovers:
                row.state = "refused"

    def _free(self, p, *, removed):
        for n, row in p.rows.items():
            if removed:
                p.rows[n] = Row("removed" if row.state in ("pending", "live") else row.state, row.purpose)
            self._unclaim(p, n)
        if removed:
            self.takeovers = {(taker, giver) for taker, giver in self.takeovers if taker != p.key}
        self._hand_over(p)

    def _hand_over(self, giver):
        for p in self._by_order():
            if (p.key, giver.key) in self.takeovers and p.state in CLAIMING_STATES:
                for n, row in p.rows.items():
                    if row.state == "pending" and row.flag in ("", "wait"):
                        self.claims.setdefault(n, p.key)

    def _make_waiting_revisions(self, p, now):
        waiting, p.waiting = p.waiting, []
        p.reserved.clear()
        for plan in waiting if not p.over else ():
            self._revise(p, plan, now)

    def _claim(self, p, n):
        holder = self.claims.setdefault(n, p.key)
        if holder != p.key and holder[0] == p.key[0]:
            self.takeovers.add((p.key, holder))

    def _unclaim(self, p, n):
        if self.claims.get(n) == p.key:
            del self.claims[n]

    def _is_present(self, p, n):
        return n in p.rows and p.rows[n].state in ("pending", "live") and not p.rows[n].flag

    def _any_launching(self, keys):
        return any(self.programs[key].state == "launching" for key in keys)

    def _by_order(self):
        return sorted(self.programs.values(), key=lambda p: p.order)
