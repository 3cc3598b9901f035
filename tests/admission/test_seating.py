"""Gates, house, seat table and waiting room together, whatever happens in whatever order the sockets allow.

What must hold is checked where it could break: at each verdict of a gate, each message that the owner hears,
each tick.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hiwar.admission import former as former_module
from hiwar.admission import house as house_module
from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import Orders
from hiwar.admission.ladder import RECORD_ONLY_DWELL_S_MAX, Hold
from hiwar.admission.pools import Waiter
from hiwar.admission.rungs import RULES, Rung
from hiwar.admission.seat_rows import Row, State
from hiwar.admission.seats import GRACE_S, LEASE_S, RESERVED_S
from hiwar.admission.shares import decide_room_for, decide_site_cap
from hiwar.admission.verdicts import Admit, Refuse, Verdict
from hiwar.admission.waiting import ASK_AGAIN_S
from tests.admission.house_world import AT_EASE, FAILING, PRESSED, RUSH
from tests.admission.seating_world import (
    CLAIMS,
    INVITED_FROM,
    PLACES,
    Connect,
    Disconnect,
    Dismiss,
    Give,
    Person,
    Renew,
    Up,
    Worker,
    World,
)

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
SITES = range(4, 10)
HELD_S, EMPTIED_MAX, HELD_TOLD_MAX = 3.0, 2, 2  # instead of minutes, and of a thousand
CHOICES = st.integers(0, 119)
READINGS = st.sampled_from([AT_EASE, AT_EASE, AT_EASE, FAILING, PRESSED, PRESSED, RUSH])


class Seating(RuleBasedStateMachine):
    workers, seats, joins, people_count = 3, 12, 9, 21

    def __init__(self) -> None:
        super().__init__()
        self.usual = former_module.HELD_S, house_module.EMPTIED_MAX, house_module.HELD_TOLD_MAX
        former_module.HELD_S, house_module.EMPTIED_MAX = HELD_S, EMPTIED_MAX
        house_module.HELD_TOLD_MAX = HELD_TOLD_MAX
        self.world = World(workers=self.workers, seats=self.seats, joins=self.joins)
        self.people = [Person(site=self.site_of(number)) for number in range(self.people_count)]
        self.people += [Person(site=4, voucher=INVITED_FROM + number) for number in range(3)]
        self.latest: dict[int, tuple[Worker, int] | None] = {}  # who sits, by what the owner heard
        self.quota_told: dict[tuple[Worker, int], int] = {}  # the most that was told in an epoch
        self.gave: Counter[tuple[Worker, int]] = Counter()  # fresh seats in an epoch
        self.word: dict[tuple[Worker, int], int] = {}  # epoch in which a worker gave a seat, and stands by it
        self.began: dict[int, float] = {}  # since when seats are held
        self.earned: set[int] = set()  # serials that may claim
        self.full: set[int] = set()  # sites that had no room in the last draw
        self.spared = self.eased = False  # no record-only, no pressure yet: both take long

    def teardown(self) -> None:
        former_module.HELD_S, house_module.EMPTIED_MAX, house_module.HELD_TOLD_MAX = self.usual

    # People.

    def site_of(self, number: int) -> int:
        return SITES[number % len(SITES)]

    def person(self, choice: int) -> Person:
        return self.people[choice % len(self.people)]

    def worker(self, choice: int) -> Worker:
        return self.world.workers[choice % self.workers]

    @rule(who=CHOICES, where=CHOICES, solved=st.booleans())
    def ask(self, who: int, where: int, solved: bool) -> None:
        person, worker = self.person(who), self.worker(where)
        seat = self.seat_of(person)
        self.check_verdict(person, worker, seat, self.world.ask(person, worker, solved=solved))

    @rule(who=CHOICES, where=CHOICES)
    def listen(self, who: int, where: int) -> None:
        person, worker = self.person(who), self.worker(where)
        seat = self.seat_of(person)
        self.check_verdict(person, worker, seat, self.world.listen(person, worker))

    @rule(who=CHOICES, where=CHOICES)
    def play(self, who: int, where: int) -> None:
        person, worker = self.person(who), self.worker(where)
        seat = self.seat_of(person)
        self.check_verdict(person, worker, seat, self.world.play(person, worker))

    @rule(who=CHOICES, where=CHOICES)
    def sit(self, who: int, where: int) -> None:
        """Ask and listen at the same worker in one breath: the owner has heard of neither."""
        self.ask(who, where, solved=False)
        if self.person(who).ticket is not None:
            self.listen(who, where)

    @rule(first=CHOICES, count=st.integers(1, 12), solved=st.booleans(), prompt=st.booleans())
    def crowd(self, first: int, count: int, solved: bool, prompt: bool) -> None:
        """Several come, one after the other; `prompt`: the owner hears of each before the next."""
        for who in range(first, first + count):
            self.ask(who, who, solved)
            if self.person(who).ticket is not None:
                self.listen(who, who + prompt)
            if prompt:
                self.settle()

    @rule(where=CHOICES, which=CHOICES)
    def hang_up(self, where: int, which: int) -> None:
        worker = self.worker(where)
        if worker.open:
            self.world.hang_up(worker, list(worker.open)[which % len(worker.open)])

    @rule(who=CHOICES)
    def forget(self, who: int) -> None:
        """Somebody else sits down at the same device."""
        person = self.person(who)
        person.ticket = person.token = None

    def seat_of(self, person: Person) -> Row | None:
        return self.world.view.find(person.shown()[0])

    def check_verdict(self, person: Person, worker: Worker, seat: Row | None, verdict: Verdict) -> None:
        posture, serial = worker.gate.posture, person.shown()[0]
        if isinstance(verdict, Admit):
            assert posture.seated
            serial = verdict.serial
        stands = posture.epoch - self.word.get((worker, serial), -9) in (0, 1)
        if seat is not None and posture.seated:
            assert verdict == Admit(seat.serial, seat.listener_class, fresh=False)
        elif seat is not None:
            assert verdict == Refuse(Refusal.RECORD_ONLY, posture.refused_again_s)
        elif not (isinstance(verdict, Admit) and verdict.fresh):
            assert isinstance(verdict, Admit) is (stands and posture.seated)
        else:
            assert not stands
            self.word[worker, verdict.serial] = posture.epoch
            self.gave[worker, posture.epoch] += 1
            assert self.gave[worker, posture.epoch] <= self.quota_told[worker, posture.epoch]
        if person.voucher and person.ticket is not None:
            assert person.ticket[0] == person.voucher

    # Messages.

    @rule(where=CHOICES, count=st.integers(1, 4))
    def some_arrive(self, where: int, count: int) -> None:
        for _ in range(count):
            self.hear(where)
            self.tell(where)

    @rule(where=CHOICES)
    def hear(self, where: int) -> None:
        worker = self.worker(where)
        if worker.up:
            before = self.world.rows()
            message = self.world.hear(worker)
            self.check_heard(worker, message, before)

    @rule(where=CHOICES)
    def tell(self, where: int) -> None:
        worker = self.worker(where)
        if worker.down:
            message = self.world.tell(worker)
            if isinstance(message, Dismiss) and not message.displaced:
                self.word.pop((worker, message.serial), None)
            posture = worker.gate.posture
            most = self.quota_told.get((worker, posture.epoch), 0)
            self.quota_told[worker, posture.epoch] = max(most, posture.quota)

    @rule()
    def settle(self) -> None:
        """All that is on its way arrives, in turns; then who is connected is who sits."""
        while any(each.up or each.down for each in self.world.workers):
            for number in range(self.workers):
                self.hear(number)
                self.tell(number)
        self.check_settled()

    def check_settled(self) -> None:
        rows = self.world.rows()
        sitting = {serial: row.worker for serial, row in rows.items() if row.state is State.SEATED}
        connected = [(serial, worker.number) for worker in self.world.workers for serial in worker.open]
        assert dict(connected) == sitting
        assert len(connected) == len(sitting)
        for serial in sitting:
            holder = self.latest[serial]
            assert holder is not None
            worker, mark = holder
            assert worker.open[serial] == worker.marks[serial] == mark
            assert worker.generations[mark] == (serial, rows[serial].generation)
        for worker in self.world.workers:
            assert set(worker.marks) == set(worker.open)
            assert set(worker.generations) == set(worker.open.values())

    def check_heard(self, worker: Worker, message: Up, before: dict[int, Row]) -> None:
        after = self.world.rows()
        touched = getattr(message, "serial", None)
        if isinstance(message, Disconnect):
            touched = self.check_goodbye(worker, message.mark, before, after)
        assert {key: row for key, row in before.items() if key != touched} == {
            key: row for key, row in after.items() if key != touched
        }
        old, new = before.get(touched), after.get(touched)
        match message:
            case Give(serial) if old is not None:
                assert new == old
            case Give(serial) if new is not None:
                assert len(after) <= self.world.orders.capacity.seats
                assert RULES[self.world.house.ladder.rung].seated
                assert (new.state, new.until) == (State.GIVEN, self.world.now + RESERVED_S)
                self.check_site(message)
                self.earned.discard(serial)
            case Connect(serial, mark) if old is not None and new is not None:
                assert (new.state, new.worker) == (State.SEATED, worker.number)
                assert new.generation == old.generation + 1
                self.latest[serial] = (worker, mark)
                self.began.setdefault(serial, self.world.now)
            case Renew(serial) if old is not None and new is not None:
                assert (new.state, new.until) == (State.LEASE, self.world.now + LEASE_S)
                self.latest[serial] = None
                self.began.setdefault(serial, self.world.now)
            case _:
                assert new == old or isinstance(message, Disconnect)

    def check_goodbye(
        self, worker: Worker, mark: int, before: dict[int, Row], after: dict[int, Row]
    ) -> int | None:
        """A late one changes nothing; else the seat is kept for its grace. Whose seat may have changed."""
        for serial, holder in self.latest.items():
            row = before.get(serial)
            if holder == (worker, mark) and row is not None and row.state is State.SEATED:
                assert after[serial].state is State.GRACE
                assert after[serial].until == self.world.now + GRACE_S
                return serial
        return None

    def check_site(self, message: Give) -> None:
        """Only where what is told is known to arrive in time; see `Promptly`."""

    # Time.

    @rule()
    def tick(self) -> None:
        world, house = self.world, self.world.house
        before, waiting = world.rows(), dict(house.room._waiters)
        classes = {name: waiter.listener_class for name, waiter in waiting.items()}
        epoch = world.orders.posture.epoch
        orders = world.tick()
        after = world.rows()
        self.check_gone(orders, before, after)
        drawn = {serial: row for serial, row in after.items() if serial not in before}
        drawn |= {serial: None for serial, _ in orders.taken_back if serial not in before}
        self.check_drawn(orders, before, drawn, classes)
        if orders.posture.epoch != epoch:
            self.full = {site for site in SITES if world.held(site) >= self.cap_in_draw(orders, before)}
        self.check_posture(orders)
        self.check_room()

    @rule(ticks=st.integers(1, 24), reading=READINGS)
    def seconds_pass(self, ticks: int, reading: object) -> None:
        """Time passes, and all that is told arrives in time; who waits asks again."""
        self.read(0, reading)
        for number in range(ticks):
            if number % 20 == 0:
                self.ask_again()
            self.settle()
            self.tick()

    def ask_again(self) -> None:
        for number, person in enumerate(self.people):
            if person.ticket is None and (person.token or person.voucher):
                self.ask(number, number, solved=False)

    def cap_in_draw(self, orders: Orders, before: dict[int, Row]) -> int:
        """What a site could hold at the time of the draw: after expiry, before the seats of the draw."""
        free = max(0, orders.capacity.seats - len(self.left(before)))
        return decide_site_cap(orders.capacity.seats, free, self.world.house.strained)

    def check_gone(self, orders: Orders, before: dict[int, Row], after: dict[int, Row]) -> None:
        """Nobody loses a seat but by its own deadline, and by the cuts."""
        taken = [serial for serial, _ in orders.taken_back]
        for serial, row in before.items():
            if serial in after:
                assert after[serial] == row
                continue
            held_s = self.world.now - self.began.pop(serial, self.world.now)
            if serial not in taken:
                assert row.state is not State.SEATED
                assert row.until <= self.world.now
            if serial in taken or held_s >= HELD_S:
                self.earned.add(serial)
        for serial, number in orders.taken_back:
            row = before.get(serial)
            seated = row is not None and row.state is State.SEATED
            assert number == (row.worker if row is not None and seated else None)
        if not RULES[self.world.house.ladder.rung].seated:
            assert len(taken) == min(EMPTIED_MAX, len(after) + len(taken))
            return
        assert len(taken) <= orders.cuts.take_back
        if taken:
            assert not orders.cuts.admitting
            held = [serial for serial in before if serial in after or serial in taken]
            order = sorted(held, key=lambda serial: before[serial].order)
            others = [each for each in order if before[each].listener_class is not INVITED]
            invited = [each for each in order if before[each].listener_class is INVITED]
            if len(taken) <= len(others):
                assert set(taken) <= set(others[-2 * len(taken) :])
            else:
                assert set(taken) == set(others) | set(invited[len(others) - len(taken) :])

    def check_drawn(
        self,
        orders: Orders,
        before: dict[int, Row],
        drawn: dict[int, Row | None],
        classes: dict[str, ListenerClass],
    ) -> None:
        """Who was drawn had waited, might come, and is held against what the site may hold."""
        if not drawn:
            return
        rung, house = self.world.house.ladder.rung, self.world.house
        assert orders.cuts.admitting
        assert RULES[rung].seated
        assert self.world.table.taken + len(orders.taken_back) <= orders.capacity.seats
        came = {serial: classes[f"{serial:016x}{1:016x}"] for serial in drawn}
        assert set(came.values()) <= RULES[rung].comers
        self.check_shares(orders, before, list(came.values()), set(classes.values()))
        for serial, listener_class in came.items():
            assert listener_class is not RETURNING or serial in self.earned or serial >= INVITED_FROM
            self.earned.discard(serial)
        for serial, _ in orders.taken_back:
            self.earned |= {serial} if serial in drawn else set()
        if set(came.values()) - {RETURNING}:
            assert house.room.waiting(RETURNING) == 0
        for row in drawn.values():
            if row is not None:
                assert row.state is State.GIVEN
                assert row.until == self.world.now + RESERVED_S + ASK_AGAIN_S
                if row.listener_class >= SOLVED:
                    assert self.world.held(row.site) <= self.cap_in_draw(orders, before)

    def check_shares(
        self,
        orders: Orders,
        before: dict[int, Row],
        came: list[ListenerClass],
        waited: set[ListenerClass],
    ) -> None:
        """Where newcomers wait alone they are drawn for no more than their classes may hold."""
        held = Counter(row.listener_class for row in self.left(before))
        by_class = [held[each] for each in ListenerClass]
        if waited <= {SOLVED, STRANGER}:
            assert len(came) <= decide_room_for(SOLVED, orders.capacity.seats, by_class)
        if waited == {STRANGER}:
            assert len(came) <= decide_room_for(STRANGER, orders.capacity.seats, by_class)

    def left(self, before: dict[int, Row]) -> list[Row]:
        """The seats that were still held when it was drawn: deadlines are kept to a quarter of a second."""
        now = self.world.now
        return [row for row in before.values() if row.state is State.SEATED or row.until > now - 0.25]

    def check_posture(self, orders: Orders) -> None:
        posture, table, rung = orders.posture, self.world.table, self.world.house.ladder.rung
        free = orders.capacity.seats - table.taken
        assert posture.quota * self.workers <= max(0, free)
        for each in ListenerClass:
            room = decide_room_for(each, orders.capacity.seats, table.held_by_class)
            assert posture.room_for[each] * self.workers <= room
        if posture.quota:
            assert orders.cuts.admitting
            assert rung in (Rung.OPEN, Rung.BUSY)
            assert not any(map(self.could_be_drawn, self.world.house.room._waiters.values()))

    def could_be_drawn(self, waiter: Waiter) -> bool:
        capacity, table = self.world.orders.capacity, self.world.table
        if not decide_room_for(waiter.listener_class, capacity.seats, table.held_by_class):
            return False
        return waiter.listener_class < SOLVED or waiter.site not in self.full

    def check_room(self) -> None:
        house = self.world.house
        comers = RULES[house.ladder.rung].comers
        assert len(house.room) <= PLACES
        for waiter in house.room._waiters.values():
            denied = waiter.listener_class is SOLVED and house.room.counts.denied
            assert waiter.listener_class in comers or denied

    # What happens to the machine, and what the host wishes.

    @rule(where=CHOICES, reading=READINGS)
    def read(self, where: int, reading: object) -> None:
        self.world.readings[where % self.workers] = reading  # type: ignore[call-overload]

    @rule(where=CHOICES)
    def die(self, where: int) -> None:
        number = where % self.workers
        before = self.world.rows()
        self.world.die(number)
        after = self.world.rows()
        assert set(before) == set(after)
        for serial, row in after.items():
            mine = before[serial].state is State.SEATED and before[serial].worker == number
            assert row.state is State.GRACE if mine else row == before[serial]

    @rule(seats=st.none() | st.integers(1, 24), more=st.integers(0, 1), fewer=st.integers(0, 1))
    def wish(self, seats: int | None, more: int, fewer: int) -> None:
        self.world.house.wish_seats(seats, more, fewer, lambda seats: 4)

    @rule(seats=st.integers(1, 6), first=CHOICES)
    def seats_are_cut_while_some_are_on_their_way(self, seats: int, first: int) -> None:
        for who in range(first, first + 6):
            self.forget(who)
            self.listen(who, who)
        self.wish(seats, 0, 0)
        self.tick()
        self.settle()

    @rule(rung=st.sampled_from([None, None, Rung.BUSY, Rung.LIMITED, Rung.SIEGE]))
    def hold(self, rung: Rung | None) -> None:
        self.world.house.hold(Hold(rung) if rung else None)
        self.world.house.let_in(self.world.now)

    @precondition(lambda self: self.world.table.taken >= 4 and not self.eased)
    @rule()
    def the_seated_are_more_than_is_carried(self) -> None:
        """The host lowers the seats while those who listen fill the core, until some are taken back."""
        self.eased = True
        self.wish(max(1, self.world.table.taken - 3), 0, 0)
        self.seconds_pass(80, PRESSED)

    @precondition(lambda self: self.world.table.taken >= 4 and not self.spared)
    @rule()
    def nobody_listens_any_more_and_then_they_come_back(self) -> None:
        """The speakers' health fails until everybody is out; whoever had a seat has one again first."""
        self.spared = True
        self.wish(None, 0, 0)
        self.hold(None)
        self.settle()
        for who in range(70):
            self.read(0, FAILING)
            self.listen(who, who)
            for number in range(1, self.workers):  # the first one is told nothing for a while
                self.hear(number)
                self.tell(number)
            self.tick()
        assert self.world.house.ladder.rung is Rung.RECORD_ONLY
        assert self.world.table.taken == 0
        for who in range(6):
            self.listen(who, 0)
        self.settle()
        assert self.world.table.taken == 0
        for number in range(self.workers):
            self.read(number, AT_EASE)
        for _ in range(round(RECORD_ONLY_DWELL_S_MAX) + 2):
            self.seconds_pass(4, AT_EASE)
            if RULES[self.world.house.ladder.rung].seated:
                break
        assert RULES[self.world.house.ladder.rung].seated
        self.seconds_pass(80, AT_EASE)

    @invariant()
    def no_table_is_beyond_its_bound(self) -> None:
        house = self.world.house
        assert len(house.former) <= CLAIMS
        assert house.former._began.keys() == self.began.keys() <= self.world.rows().keys()
        if not house.former.forgotten:
            assert house.former._claims.keys() == self.earned
        for worker in self.world.workers:
            gate = worker.gate
            most = self.quota_told.get((worker, gate._epoch), 0)
            assert sum(gate._given_at.values()) <= gate._given <= most
            assert len(gate._lately) <= gate._given
            assert len(gate._before) <= self.quota_told.get((worker, gate._epoch - 1), 0)

    @invariant()
    def a_voucher_is_one_seat(self) -> None:
        invited = [serial for serial in self.world.rows() if serial >= INVITED_FROM and serial < 1 << 41]
        assert len(invited) <= 3


class Promptly(Seating):
    """What is told arrives before the next tick, as it does while a machine is not held up: then what a site
    holds passes its cap by no more than the quotas that were told since. Half of the people are of one."""

    workers, seats, joins, people_count = 2, 24, 2, 44

    def __init__(self) -> None:
        super().__init__()
        posture = self.world.orders.posture  # cap and quotas of the last two
        self.told = [(posture.site_cap, posture.quota * self.workers)] * 2

    def site_of(self, number: int) -> int:
        return SITES[0] if number % 2 else super().site_of(number)

    @rule()
    def tick(self) -> None:
        self.settle()
        super().tick()
        posture = self.world.orders.posture
        self.told = [self.told[1], (posture.site_cap, posture.quota * self.workers)]

    @rule(seconds=st.integers(1, 9))
    def players_of_one_network_come(self, seconds: int) -> None:
        """Two a second, who cannot wait: what they do not get they do not keep others from."""
        for _ in range(seconds):
            for number in range(2):
                player = Person(site=SITES[0])
                self.people.append(player)
                self.listen(len(self.people) - 1, number)
            self.seconds_pass(4, AT_EASE)

    def check_site(self, message: Give) -> None:
        if message.capped:
            cap = max(cap for cap, _ in self.told)
            assert self.world.held(message.site) <= cap + sum(quotas for _, quotas in self.told)


Seating.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
Promptly.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestSeating = Seating.TestCase
TestPromptly = Promptly.TestCase
