"""Claims to come back: what earns one, what uses it up, and the bounds."""

from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.former import CLAIMS_MAX, HELD_S, SITE_CLAIMS_MAX, FormerSeats
from hiwar.admission.waiting import WAITING_MAX
from hiwar.admission.wins import FORGIVEN_S


def test_a_seat_held_for_minutes_leaves_a_claim_and_a_shorter_visit_none() -> None:
    former = FormerSeats()
    former.began(1, 7, 10.0)
    former.began(2, 7, 10.0 + 1e-3)
    assert (former.is_held(1), former.may_claim(1)) == (True, False)
    former.ended(1, 10.0 + HELD_S)
    former.ended(2, 10.0 + HELD_S)
    assert (former.may_claim(1), former.may_claim(2), len(former)) == (True, False, 1)
    assert not former.is_held(1)


def test_a_seat_is_held_since_its_first_connection_whatever_was_lost_between() -> None:
    former = FormerSeats()
    former.began(1, 7, 0.0)
    former.began(1, 7, HELD_S - 1)
    former.ended(1, HELD_S)
    assert former.may_claim(1)


def test_a_seat_that_was_given_and_never_taken_leaves_no_claim() -> None:
    former = FormerSeats()
    former.ended(1, 1e6)
    assert not former.may_claim(1)


def test_a_seat_that_was_taken_back_leaves_a_claim_however_short_it_was_held() -> None:
    former = FormerSeats()
    former.began(1, 7, 0.0)
    former.taken_back(1, 7)
    former.taken_back(2, 7)  # had been given, and nobody had come yet
    assert (former.may_claim(1), former.may_claim(2), former.is_held(1)) == (True, True, False)


def test_it_is_known_of_whom_a_seat_was_taken_back_until_they_have_another() -> None:
    former = FormerSeats(claims_max=2)
    former.began(1, 7, 0.0)
    former.ended(1, 1e6)
    former.taken_back(2, 7)
    assert [former.was_taken_back(serial) for serial in (1, 2, 3)] == [False, True, False]
    former.taken_back(3, 7)
    former.taken_back(4, 7)
    assert [former.was_taken_back(serial) for serial in (2, 3, 4)] == [False, True, True], "as the claims go"
    former.given(3)
    assert not former.was_taken_back(3)


def test_the_next_seat_uses_the_claim_up_and_has_to_earn_another() -> None:
    former = FormerSeats()
    former.taken_back(1, 7)
    former.given(1)
    assert (former.may_claim(1), len(former)) == (False, 0)
    former.began(1, 7, 50.0)
    former.ended(1, 51.0)
    assert not former.may_claim(1)


def test_a_network_that_has_all_the_claims_it_may_loses_its_own_oldest() -> None:
    former = FormerSeats(claims_max=10, site_claims_max=2)
    former.taken_back(9, 8)
    for serial in (1, 2, 1, 3):
        former.taken_back(serial, 7)
    assert [former.may_claim(serial) for serial in (1, 2, 3, 9)] == [True, False, True, True]
    assert former.forgotten == 1


def test_when_all_claims_are_taken_the_oldest_goes() -> None:
    former = FormerSeats(claims_max=2, site_claims_max=2)
    for serial in (1, 2, 3):
        former.taken_back(serial, serial)
    assert [former.may_claim(serial) for serial in (1, 2, 3)] == [False, True, True]
    assert former.forgotten == 1


def test_claims_fill_no_more_than_half_of_the_waiting_room_and_cost_more_than_a_win_is_remembered() -> None:
    assert CLAIMS_MAX <= WAITING_MAX // 2
    assert SITE_CLAIMS_MAX <= CLAIMS_MAX
    assert HELD_S > FORGIVEN_S


@given(st.lists(st.tuples(st.sampled_from(["took", "gave"]), st.integers(1, 6), st.integers(0, 2))))
def test_no_bound_is_passed_and_what_is_kept_by_network_is_what_is_kept(
    steps: list[tuple[str, int, int]],
) -> None:
    former = FormerSeats(claims_max=4, site_claims_max=2)
    for step, serial, site in steps:
        if step == "took":
            former.taken_back(serial, site)
            assert former.may_claim(serial)
        else:
            former.given(serial)
            assert not former.may_claim(serial)
        assert len(former) <= 4
        assert all(0 < len(there) <= 2 for there in former._of_site.values())
        assert {(each, at) for each, at in former._claims.items()} == {
            (each, at) for at, there in former._of_site.items() for each in there
        }
