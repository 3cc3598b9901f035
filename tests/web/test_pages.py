"""What visitors get: states, languages, headers, what may be cached, who is kept out."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from hiwar.assets.visitors import LANGUAGE_COOKIE
from hiwar.ops.clock import wallclock
from hiwar.relay.records import Person, Phase, Role, Standing, Visibility
from hiwar.tokens.access import check_listening
from hiwar.tokens.token import Kind, Token, parse_token, render_token
from hiwar.web import installation
from hiwar.web.accounts.models import User
from hiwar.web.conversations import access, services
from hiwar.web.conversations.models import Conversation
from hiwar.web.middleware import CACHED

PEOPLE = (Person(id="h1", name="المضيف", role=Role.HOST), Person(id="g1", name="guest", role=Role.GUEST))
ARABIC_INDIC = re.compile("[٠-٩۰-۹]")


def conversation(phase: Phase = Phase.ANNOUNCED, **fields: Any) -> Conversation:
    made = services.create_conversation(title="A <b>title</b>", **fields)
    if phase is not Phase.ANNOUNCED:
        standing = Standing(
            phase=phase, opened_wallclock=1.9e9, ended_wallclock=1.9e9, duration=96_000, people=PEOPLE
        )
        installation.directory().write_standing(made.specification.id, standing)
    found = services.find(made.specification.id)
    assert found is not None
    return found


def page_data(body: str) -> Any:
    match = re.search(r'<script id="page-data" type="application/json">(.*?)</script>', body, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_an_empty_site_says_so(client: Client) -> None:
    assert "Nothing is announced yet" in client.get("/").content.decode()


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("language", ["ar", "en"])
def test_every_phase_has_its_page_in_both_languages(client: Client, phase: Phase, language: str) -> None:
    found = conversation(phase)
    answer = client.get(f"/c/{found.id}", headers={"accept-language": language})
    body = answer.content.decode()
    assert answer.status_code == 200
    assert answer["Content-Language"] == language
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in body
    assert page_data(body)["phase"] == phase.value
    assert "A &lt;b&gt;title" in body
    assert not ARABIC_INDIC.search(body)


def test_the_first_page_sorts_by_what_is_on_air_announced_and_over(client: Client) -> None:
    for phase in (Phase.LIVE, Phase.ANNOUNCED, Phase.ENDED):
        conversation(phase)
    body = client.get("/").content.decode()
    assert body.index("On air now") < body.index("Coming up") < body.index('id="replays"')


def test_hidden_and_link_only_conversations_are_not_on_the_first_page(client: Client) -> None:
    services.set_hidden(conversation(Phase.LIVE), True)
    conversation(Phase.LIVE, visibility=Visibility.LINK)
    assert "Nothing is announced yet" in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["/c/zzzzzzzzzz", "/c/%2e%2e", "/c/ABC", "/c/" + "a" * 99, "/nothing"])
def test_an_unknown_address_is_a_page_of_its_own(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


def test_a_hidden_conversation_is_gone_and_says_why(client: Client) -> None:
    found = conversation(Phase.LIVE)
    services.set_hidden(found, True)
    answer = client.get(f"/c/{found.id}")
    assert answer.status_code == 404
    assert "hidden by moderation" in answer.content.decode()
    assert client.get(f"/c/{found.id}/status").status_code == 404


def test_a_link_only_page_without_its_link_is_refused_and_with_it_gets_a_proof(client: Client) -> None:
    found = conversation(Phase.LIVE, visibility=Visibility.LINK)
    assert client.get(f"/c/{found.id}").status_code == 403
    assert client.get(f"/c/{found.id}?v=nonsense").status_code == 403
    answer = client.get(services.listen_address(found).removeprefix("http://talk.test"))
    proof = page_proof_in(answer)
    key = installation.secrets().token_key
    check_listening(
        conversation=found.id, public=False, hidden=False, proof=proof, key=key, wallclock=wallclock()
    )
    assert "no-store" in answer["Cache-Control"]
    assert client.get(f"/c/{found.id}/status?t={proof}").json()["phase"] == "live"
    assert client.get(f"/c/{found.id}/status").status_code == 403


def test_another_conversations_voucher_opens_nothing(client: Client) -> None:
    one = conversation(visibility=Visibility.LINK)
    other = conversation(visibility=Visibility.LINK)
    voucher = services.listen_address(one).partition("?v=")[2]
    assert client.get(f"/c/{other.id}?v={voucher}").status_code == 403


def page_proof_in(answer: Any) -> str:
    suffix: str = page_data(answer.content.decode())["suffix"]
    return suffix.removeprefix("?t=")


def read_voucher(found: Conversation, proof: str) -> Token:
    key = installation.secrets().token_key
    return parse_token(proof, key, kind=Kind.VOUCHER, conversation=found.id, wallclock=wallclock())


def personal_voucher(found: Conversation, **changes: Any) -> str:
    fields = {"conversation": found.id, "subject": "press-7", "role": "p", **changes}
    return render_token(Token(Kind.VOUCHER, **fields), installation.secrets().token_key)


def test_whoever_has_only_the_link_gets_a_voucher_that_says_nothing_of_them(client: Client) -> None:
    found = conversation(Phase.LIVE, visibility=Visibility.LINK)
    answer = client.get(services.listen_address(found).removeprefix("http://talk.test"))
    token = read_voucher(found, page_proof_in(answer))
    assert (token.subject, token.role) == ("link", "")
    assert 0 < token.expires - wallclock() <= access.PROOF_SECONDS
    assert page_data(answer.content.decode())["personal"] is False


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("role", ["p", "a"])
def test_a_personal_voucher_goes_on_with_the_page(client: Client, visibility: Visibility, role: str) -> None:
    found = conversation(Phase.LIVE, visibility=visibility)
    voucher = personal_voucher(found, role=role)
    answer = client.get(f"/c/{found.id}?v={voucher}")
    assert page_proof_in(answer) == voucher
    assert page_data(answer.content.decode())["personal"] is True
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "changes", [{"role": ""}, {"conversation": "other12345"}, {"expires": 1}, {"subject": ""}]
)
def test_of_a_public_page_what_is_no_good_personal_voucher_is_left_out(
    client: Client, changes: dict[str, Any]
) -> None:
    found = conversation(Phase.LIVE)
    voucher = personal_voucher(found, **changes)
    if not changes.get("subject", "x"):
        voucher = f"{voucher[:-2]}AA"
    answer = client.get(f"/c/{found.id}?v={voucher}")
    assert page_data(answer.content.decode())["suffix"] == ""
    assert answer["Cache-Control"] == CACHED


@pytest.mark.parametrize("visibility", list(Visibility))
def test_whoever_is_signed_in_has_one_voucher_of_their_own(operator: Client, visibility: Visibility) -> None:
    found = conversation(Phase.LIVE, visibility=visibility)
    address = services.listen_address(found).removeprefix("http://talk.test")
    tokens = [read_voucher(found, page_proof_in(operator.get(address))) for _ in range(2)]
    user = User.objects.get()
    assert {(token.subject, token.role) for token in tokens} == {(f"a{user.pk}", "a")}
    assert tokens[0].expires > wallclock()
    assert "no-store" in operator.get(address)["Cache-Control"]


def test_a_session_that_is_over_is_nobody(client: Client) -> None:
    found = conversation(Phase.LIVE)
    client.cookies["hiwar_session"] = "long-gone"
    assert page_data(_body(client, found))["suffix"] == ""


def test_a_page_may_start_workers_of_this_site(client: Client) -> None:
    assert "worker-src 'self'" in client.get("/")["Content-Security-Policy"]


def test_a_public_page_may_be_shared_by_everybody_of_a_language(client: Client) -> None:
    found = conversation(Phase.LIVE)
    for path in ("/", f"/c/{found.id}", f"/c/{found.id}/status"):
        answer = client.get(path)
        assert answer["Cache-Control"] == CACHED
        assert "cookie" not in answer["Vary"].lower()
        assert not answer.cookies
        assert "csrfmiddlewaretoken" not in answer.content.decode()


def test_pages_of_someone_signed_in_are_theirs_alone(operator: Client) -> None:
    for path in ("/", "/new", "/manage"):
        assert "no-store" in operator.get(path)["Cache-Control"]


def test_nothing_with_a_form_is_shared(client: Client) -> None:
    assert "no-store" in client.get("/login")["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/login", "/nothing"])
def test_no_page_allows_a_script_or_style_of_its_own(client: Client, path: str) -> None:
    answer = client.get(path)
    policy, body = answer["Content-Security-Policy"], answer.content.decode()
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*(src=|application/json))", body)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", body)


def test_the_script_data_cannot_break_out_of_its_element(client: Client) -> None:
    made = services.create_conversation(title="</script><script>alert(1)</script>")
    body = client.get(f"/c/{made.specification.id}").content.decode()
    assert "<script>alert" not in body


def test_without_scripts_there_is_a_plain_player(client: Client) -> None:
    live, over = conversation(Phase.LIVE), conversation(Phase.ENDED)
    assert f'<audio controls preload="none" src="/c/{live.id}/live.mp3">' in _body(client, live)
    assert "reload this page to ask again" in _body(client, live)
    assert f'src="/c/{over.id}/archive/mp3.mp3"' in _body(client, over)


def test_a_replay_names_who_was_there_and_offers_what_is_on_disk(client: Client) -> None:
    found = conversation(Phase.ENDED)
    recording = installation.directory().recording(found.id)
    recording.mkdir(parents=True)
    (recording / "mp3.mp3").write_bytes(b"x" * 2_500_000)
    body = _body(client, found)
    assert "<bdi>المضيف</bdi>" in body
    assert "download.mp3" in body
    assert "2.5 MB" in body
    assert "download.m4a" not in body


def test_choosing_a_language_sets_a_cookie_and_goes_on_to_the_same_page(client: Client) -> None:
    answer = client.get("/c/abc1234567?v=x.y&lang=ar")
    assert (answer.status_code, answer["Location"]) == (302, "/c/abc1234567?v=x.y")
    assert answer.cookies[LANGUAGE_COOKIE].value == "ar"
    assert "no-store" in answer["Cache-Control"]
    assert client.get("/")["Content-Language"] == "ar"


def test_choosing_a_language_never_leads_to_another_site(client: Client) -> None:
    answer = client.get("/", {"lang": "ar"}, PATH_INFO="//evil.test/")
    assert answer["Location"] == "/evil.test/"


def test_the_browsers_language_decides_and_the_setting_where_it_names_none() -> None:
    visitor = Client()
    assert (
        visitor.get("/", headers={"accept-language": "fr, ar-SY;q=0.8, en;q=0.3"})["Content-Language"] == "ar"
    )
    assert visitor.get("/")["Content-Language"] == "en"


def test_a_failure_of_ours_is_told_in_the_visitors_language(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(services, "sync_all", fail)
    answer = Client(raise_request_exception=False, headers={"accept-language": "ar"}).get("/")
    assert answer.status_code == 500
    assert "حدث خطأ من جانبنا" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def _body(client: Client, found: Conversation) -> str:
    return client.get(f"/c/{found.id}").content.decode()
