"""What somebody who is not let in yet is told, in Arabic and English. Pure texts.

Rules
- How many wait and the odds, never an invented place in a line.
- Each answer says what is being done, when the page asks again, and the promise of the recording.
- Nobody is accused: what a network did, others behind the same address may have done.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from hiwar.admission.counted import Arabic, Counted, English, Said, join_sentences


class Refusal(StrEnum):
    """Why somebody is turned away."""

    FULL = "full"  # no seat is free, and a player alone cannot wait
    SIEGE = "siege"  # only who has a seat, a voucher, or comes back
    RECORD_ONLY = "record-only"  # nobody listens live
    TOO_MANY = "too-many"  # of this network, in a short time
    NOT_VALID = "not-valid"  # what they showed is no ticket


def tell_waiting(
    *, waiting: int, chance: float | None, retry_s: int, placed: bool = True, taken_back: bool = False
) -> Said:
    """The verdict to wait. `waiting`: requests that wait, theirs among them (at least 1); `chance` of a seat
    within the next minute, 0..1 (None: cannot be told yet); the page asks again in `retry_s` seconds. Not
    `placed`: they have no place in the waiting room. `taken_back`: they had a seat, which was, and come
    first."""
    drawn = (DRAWN,) if placed else ()
    return join_sentences(*_standing(waiting, chance, placed, taken_back), *drawn, AGAIN.say(retry_s), CLAIM)


def tell_challenge(
    *, waiting: int, chance: float | None, retry_s: int, placed: bool = True, taken_back: bool = False
) -> Said:
    """The verdict to solve a puzzle first; as for `tell_waiting`, with the odds of who has not solved it."""
    standing = _standing(waiting, chance, placed, taken_back)
    return join_sentences(*standing, PUZZLE, AGAIN_SOLVED.say(retry_s), CLAIM)


def _standing(waiting: int, chance: float | None, placed: bool, taken_back: bool) -> tuple[Said, ...]:
    """How it stands with somebody: among how many, and with which odds."""
    why = (TAKEN_BACK,) if taken_back else ()
    return (*why, WAITING.say(max(1, waiting)), _odds(chance)) if placed else (*why, NO_PLACE)


def tell_refusal(reason: Refusal, *, retry_s: int, claim: bool = True) -> Said:
    """The verdict to refuse, with its reason. `claim`: one is given with it (not where it would open what
    they may not hear)."""
    parts = [REASONS[reason], AGAIN.say(retry_s)]
    return join_sentences(*parts, CLAIM) if claim else join_sentences(*parts)


def _odds(chance: float | None) -> Said:
    if chance is None:
        return ODDS_UNKNOWN
    if chance < 0.01:
        return ODDS_LEAST
    if chance > 0.99:
        return ODDS_MOST
    percent = round(chance * 100)
    return Said(ODDS.arabic.format(p=percent), ODDS.english.format(p=percent))


WAITING = Counted(
    Arabic(
        zero="لا ينتظر الآن أي طلب.",
        one="طلبك هو الطلب الوحيد الذي ينتظر الآن.",
        two="ينتظر الآن طلبان، وطلبك أحدهما.",
        few="تنتظر الآن {n} طلبات، وطلبك منها.",
        many="ينتظر الآن {n} طلبًا، وطلبك منها.",
        other="ينتظر الآن {n} طلب، وطلبك منها.",
    ),
    English(
        zero="No request is waiting now.",
        one="Only 1 request is waiting now, yours.",
        other="{n} requests are waiting now, yours among them.",
    ),
)

ODDS = Said(
    "احتمال الحصول على مكان خلال الدقيقة القادمة نحو {p} من 100.",
    "The chance of a place within the next minute is about {p} in 100.",
)
ODDS_LEAST = Said(
    "احتمال الحصول على مكان خلال الدقيقة القادمة أقل من 1 من 100.",
    "The chance of a place within the next minute is less than 1 in 100.",
)
ODDS_MOST = Said(
    "احتمال الحصول على مكان خلال الدقيقة القادمة أكثر من 99 من 100.",
    "The chance of a place within the next minute is more than 99 in 100.",
)
ODDS_UNKNOWN = Said(
    "لا يمكن بعدُ تقدير احتمال الحصول على مكان خلال الدقيقة القادمة.",
    "The chance of a place within the next minute cannot be told yet.",
)

DRAWN = Said(
    "تخلو الأماكن كلما غادر أحد المستمعين، وتُجرى القرعة بين المنتظرين كل ثانية.",
    "Places become free as listeners leave, and are drawn among those waiting every second.",
)

PUZZLE = Said(
    "قبل القرعة يحل المتصفح لغزًا صغيرًا بنفسه، وقد يستغرق ثوانيَ قليلة. اللغز يجعل تكرار الطلب آلاف المرات "
    "مكلفًا، ولا يسأل عن أي معلومة شخصية.",
    "Before the draw the browser solves a small puzzle by itself, which may take a few seconds. The puzzle "
    "makes it costly to ask thousands of times, and asks for nothing personal.",
)

AGAIN = Counted(
    Arabic(
        zero="تسأل هذه الصفحة من جديد الآن تلقائيًا.",
        one="تسأل هذه الصفحة من جديد تلقائيًا بعد ثانية واحدة.",
        two="تسأل هذه الصفحة من جديد تلقائيًا بعد ثانيتين.",
        few="تسأل هذه الصفحة من جديد تلقائيًا بعد {n} ثوانٍ.",
        many="تسأل هذه الصفحة من جديد تلقائيًا بعد {n} ثانية.",
        other="تسأل هذه الصفحة من جديد تلقائيًا بعد {n} ثانية.",
    ),
    English(
        zero="This page asks again by itself right now.",
        one="This page asks again by itself in 1 second.",
        other="This page asks again by itself in {n} seconds.",
    ),
)

AGAIN_SOLVED = Counted(
    Arabic(
        zero="ثم تسأل هذه الصفحة من جديد تلقائيًا في الحال.",
        one="ثم تسأل هذه الصفحة من جديد تلقائيًا بعد ثانية واحدة.",
        two="ثم تسأل هذه الصفحة من جديد تلقائيًا بعد ثانيتين.",
        few="ثم تسأل هذه الصفحة من جديد تلقائيًا بعد {n} ثوانٍ.",
        many="ثم تسأل هذه الصفحة من جديد تلقائيًا بعد {n} ثانية.",
        other="ثم تسأل هذه الصفحة من جديد تلقائيًا بعد {n} ثانية.",
    ),
    English(
        zero="This page then asks again by itself at once.",
        one="This page then asks again by itself in 1 second.",
        other="This page then asks again by itself in {n} seconds.",
    ),
)

TAKEN_BACK = Said(
    "لم يعد الموقع قادرًا على حمل كل الأماكن، فسُحب هذا المكان. عند العودة تكون الأولوية لمن سُحب مكانه.",
    "The site could no longer carry every place, and this one was taken back. Those whose place was taken "
    "back come first when places are free.",
)

NO_PLACE = Said(
    "غرفة الانتظار ممتلئة الآن، أو ممتلئ منها ما يخص شبكتك. تخلو فيها أماكن باستمرار، ومن له مكان فيها يدخل "
    "كل قرعة.",
    "The waiting room is full now, or the part of it that is for your network. Places in it come free all "
    "the time, and whoever has one takes part in every draw.",
)

CLAIM = Said(
    "ومهما حدث فلن يضيع شيء: مع هذا الرد وعد موقَّع يفتح تسجيل الحوار كاملًا، دون تعديل، فور انتهائه.",
    "Whatever happens, nothing is lost: with this answer comes a signed promise that opens the recording of "
    "the whole conversation, unedited, as soon as it ends.",
)

REASONS: Mapping[Refusal, Said] = MappingProxyType(
    {
        Refusal.FULL: Said(
            "المقاعد كلها مشغولة في هذه اللحظة، والمشغّل وحده لا يستطيع الانتظار. افتح صفحة الحوار: فهي تنتظر "
            "عنك وتبدأ حالما يخلو مكان.",
            "Every place is taken at this moment, and a player alone cannot wait. Open the page of the "
            "conversation: it waits for you and begins as soon as a place is free.",
        ),
        Refusal.SIEGE: Said(
            "الضغط على الموقع الآن يفوق ما يستطيع حمله، ويقتصر الدخول مؤقتًا على من له مكان، ومن لديه دعوة، "
            "ومن يعود إلى مكانه. يُفتح الباب من جديد حالما يخف الضغط.",
            "The load on the site is more than it can carry now, and for the time being only those who have "
            "a place or an invitation, or who come back to their place, can enter. The door opens again as "
            "soon as the load eases.",
        ),
        Refusal.RECORD_ONLY: Said(
            "أوقفنا الاستماع المباشر مؤقتًا حفاظًا على صوت المتحدثين وعلى التسجيل. يعود الاستماع حالما "
            "يستقر الصوت.",
            "We have stopped live listening for the time being, to protect the speakers' sound and the "
            "recording. It comes back as soon as the sound is steady.",
        ),
        Refusal.TOO_MANY: Said(
            "وصلت من هذه الشبكة طلبات كثيرة في وقت قصير، وقد يكون أرسلها آخرون يستخدمون العنوان نفسه. "
            "تُقبل الطلبات منها من جديد بعد قليل.",
            "Many requests came from this network in a short time; others who use the same address may have "
            "sent them. Requests from it are taken again in a little while.",
        ),
        Refusal.NOT_VALID: Said(
            "التذكرة التي وصلت مع هذا الطلب غير صالحة. تطلب الصفحة تذكرة جديدة.",
            "The ticket that came with this request is not valid. The page asks for a new one.",
        ),
    }
)
