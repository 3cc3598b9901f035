"""The operator's way: first password, forms, links, hiding; and nobody else's."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from hiwar.web import installation
from hiwar.web.accounts.attempts import ATTEMPTS_MAX, WINDOW_SECONDS, Attempts
from hiwar.web.accounts.models import User
from hiwar.web.accounts.services import OPERATOR, ensure_operator, reset_operator
from hiwar.web.conversations.fields import CountField, LocalTimeField, western_digits
from hiwar.web.conversations.models import Conversation
from hiwar.web.ids import ImmutableField

FORM = {
    "title": "On water",
    "description": "",
    "people": "one\ntwo",
    "language": "en",
    "planned": "2031-05-03T20:30",
    "time_zone": "Asia/Damascus",
    "visibility": "public",
    "cohosts": "٢",
    "guests": "۳",
}


def test_the_operator_is_made_once_with_a_password_shown_once() -> None:
    name, password = ensure_operator()
    assert name == OPERATOR
    assert password is not None
    assert ensure_operator() == (OPERATOR, None)
    assert reset_operator()[1] != password


def test_the_first_password_must_be_changed_before_anything_else(client: Client) -> None:
    name, password = ensure_operator()
    assert client.post("/login", {"username": name, "password": password})["Location"] == "/manage"
    assert client.get("/manage")["Location"] == "/account/password"
    chosen = {"new_password1": "my own long one", "new_password2": "my own long one"}
    assert client.post("/account/password", chosen)["Location"] == "/manage"
    assert client.get("/manage").status_code == 200


def test_wrong_passwords_are_told_and_after_some_made_to_wait(client: Client) -> None:
    ensure_operator()
    wrong = {"username": "operator-at-test", "password": "x"}
    answers = [client.post("/login", wrong, headers={"x-hiwar-client": "192.0.2.9"}) for _ in range(12)]
    assert answers[0].status_code == 422
    assert "do not match" in answers[0].content.decode()
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "300"


def test_attempts_are_forgotten_after_their_window_and_after_success() -> None:
    attempts = Attempts()
    for _ in range(ATTEMPTS_MAX):
        attempts.failed("a", 0.0)
    assert not attempts.allows("a", 1.0)
    assert attempts.allows("b", 1.0)
    assert attempts.allows("a", WINDOW_SECONDS + 1)
    attempts.succeeded("a")
    assert attempts.allows("a", 1.0)
    attempts.failed("a", 2.0)
    attempts.failed("b", 2.0 + WINDOW_SECONDS)
    assert list(attempts._failures) == ["b"]  # an address is not kept for longer than it is needed


@pytest.mark.parametrize("path", ["/new", "/manage", "/manage/abc1234567"])
def test_strangers_are_led_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"].startswith("/login?next=")


def test_an_account_without_the_right_is_told_so(client: Client) -> None:
    client.force_login(User.objects.create_user("reader", "a long password"))
    assert client.get("/manage").status_code == 403


def test_the_form_makes_a_conversation_and_shows_its_links(operator: Client) -> None:
    answer = operator.post("/new", FORM)
    made = Conversation.objects.get()
    assert answer["Location"] == f"/manage/{made.id}"
    assert made.planned is not None
    assert made.planned.isoformat() == "2031-05-03T17:30:00+00:00"
    assert len(installation.directory().read_links(made.id)) == 1 + 2 + 3
    body = operator.get(answer["Location"]).content.decode()
    assert f"http://talk.test/c/{made.id}" in body
    assert body.count('class="qr"') == 7
    assert " style=" not in body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("guests", "१"),
        ("guests", "-1"),
        ("guests", "99"),
        ("planned", "tomorrow"),
        ("planned", "2031-02-30T10:00"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "Mars/Base"),
    ],
)
def test_a_bad_field_is_refused_and_nothing_is_made(operator: Client, field: str, value: str) -> None:
    answer = operator.post("/new", FORM | {field: value})
    assert answer.status_code == 422
    assert 'data-invalid="true"' in answer.content.decode()
    assert not Conversation.objects.exists()


def test_editing_writes_the_specification(operator: Client) -> None:
    operator.post("/new", FORM)
    made = Conversation.objects.get()
    operator.post(f"/manage/{made.id}", FORM | {"title": "On rivers"})
    written = installation.directory().read_specification(made.id)
    assert written is not None
    assert written.title == "On rivers"


def test_the_operator_hides_and_shows_again(operator: Client) -> None:
    operator.post("/new", FORM)
    made = Conversation.objects.get()
    operator.post(f"/manage/{made.id}/visibility", {"hidden": "yes"})
    assert Client().get(f"/c/{made.id}").status_code == 404
    operator.post(f"/manage/{made.id}/visibility", {"hidden": "no"})
    assert Client().get(f"/c/{made.id}").status_code == 200
    assert operator.get(f"/manage/{made.id}/visibility").status_code == 405


def test_a_form_without_its_token_is_refused_with_a_page() -> None:
    visitor = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    answer = visitor.post("/login", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "The form is out of date" in answer.content.decode()


def test_digits_of_arabic_keyboards_are_read_and_others_refused() -> None:
    assert western_digits("٣۴5") == "345"
    assert CountField().clean("١٢") == 12
    with pytest.raises(ValidationError):
        CountField().clean("१२")
    assert str(LocalTimeField().clean("٢٠٣١-٠٥-٠٣T٢٠:٣٠")) == "2031-05-03 20:30:00"


def test_a_persons_public_id_never_changes() -> None:
    person = User.objects.create_user("one", "a long password")
    person.public_id = "other"
    with pytest.raises(ImmutableField):
        person.save()


def test_passwords_are_kept_as_argon2id_of_bounded_cost() -> None:
    assert User.objects.create_user("one", "a long password").password.startswith(
        "argon2$argon2id$v=19$m=19456,t=2,p=1$"
    )
