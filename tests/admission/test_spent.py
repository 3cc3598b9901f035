"""Answers that were used stay used, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.spent import SPENT_MAX, Spent, Standing

A, B, C = (bytes([letter]) * 16 for letter in b"abc")


def test_an_answer_is_free_once() -> None:
    spent = Spent()
    spent.turn(5)
    assert spent.look(A, 5) is Standing.FREE
    assert [spent.take(A, 5) for _ in range(2)] == [Standing.FREE, Standing.SPENT]
    assert spent.look(A, 5) is Standing.SPENT


def test_looking_takes_nothing() -> None:
    spent = Spent()
    assert [spent.look(A, 0) for _ in range(3)] == [Standing.FREE] * 3
    assert len(spent) == 0


def test_it_is_remembered_for_two_epochs_and_over_after_that() -> None:
    spent = Spent()
    spent.turn(5)
    spent.take(A, 5)
    spent.turn(6)
    assert spent.take(A, 5) is Standing.SPENT
    assert spent.take(B, 5) is Standing.FREE
    spent.turn(7)
    assert spent.take(A, 5) is Standing.OVER
    assert len(spent) == 0


@pytest.mark.parametrize("epoch", [3, 6, 100])
def test_an_epoch_that_is_over_or_has_not_begun_has_room_for_nobody(epoch: int) -> None:
    spent = Spent()
    spent.turn(5)
    assert spent.take(A, epoch) is Standing.OVER
    assert spent.is_full(epoch)


def test_a_leap_of_the_epoch_forgets_everything_and_a_step_back_nothing() -> None:
    spent = Spent()
    spent.turn(5)
    spent.take(A, 5)
    spent.turn(4)
    spent.turn(5)
    assert spent.take(A, 5) is Standing.SPENT
    spent.turn(50)
    assert len(spent) == 0
    assert spent.take(A, 5) is Standing.OVER


def test_a_full_epoch_refuses_the_rest_counts_them_and_forgets_nothing() -> None:
    spent = Spent(entries_max=2)
    assert [spent.take(each, 0) for each in (A, B, C, C, A)] == [
        Standing.FREE,
        Standing.FREE,
        Standing.FULL,
        Standing.FULL,
        Standing.SPENT,
    ]
    assert spent.overflows == 2
    assert spent.is_full(0)
    spent.turn(1)
    assert not spent.is_full(1)
    assert spent.take(C, 0) is Standing.FULL
    assert spent.take(C, 1) is Standing.FREE


def test_the_bound_is_by_default_what_the_module_says() -> None:
    spent = Spent()
    for number in range(SPENT_MAX):
        spent.take(number.to_bytes(16, "big"), 0)
    assert spent.take(A, 0) is Standing.FULL
    assert len(spent) == SPENT_MAX


@given(
    st.lists(
        st.tuples(st.sampled_from(["turn", "take", "look"]), st.integers(0, 8), st.integers(0, 9)),
        max_size=200,
    )
)
def test_it_stands_with_every_answer_as_with_a_memory_that_forgets_nothing(
    steps: list[tuple[str, int, int]],
) -> None:
    spent, current, refused = Spent(entries_max=3), 0, 0
    taken: dict[int, set[bytes]] = {epoch: set() for epoch in range(9)}
    for what, epoch, number in steps:
        answer = bytes([number]) * 16
        if what == "turn":
            spent.turn(epoch)
            current = max(current, epoch)
            continue
        if epoch not in (current, current - 1):
            expected = Standing.OVER
        elif answer in taken[epoch]:
            expected = Standing.SPENT
        else:
            expected = Standing.FREE if len(taken[epoch]) < 3 else Standing.FULL
        assert getattr(spent, what)(answer, epoch) is expected
        refused += expected is Standing.FULL
        if what == "take" and expected is Standing.FREE:
            taken[epoch].add(answer)
        assert len(spent) <= 6
    assert spent.overflows == refused
