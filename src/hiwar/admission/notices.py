"""What the public is told at each move of the ladder, in Arabic and English. Pure texts.

Rules
- What is known and no more: counts, what holds now, the promise of the recording. Why so many ask is not
  known while it happens, and no cause is named.
- A count is of requests where people cannot be told from programs.
- Every text stands alone: it is read on the conversation's page and in a post.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hiwar.admission.counted import Arabic, Counted, English, Said, join_sentences
from hiwar.admission.rungs import Rung, check_move


@dataclass(frozen=True, slots=True)
class Notice:
    """The text of a move from `origin` to `to`: a paragraph in each language."""

    origin: Rung
    to: Rung
    arabic: str
    english: str


def draft_notice(origin: Rung, to: Rung, *, asked: int, seated: int) -> Notice:
    """The public text of a move. `asked`: requests to listen in the last minute; `seated`: live listeners
    now.

    Raises:
        IllegalMove: the ladder has no such move.
    """
    check_move(origin, to)
    worse = to.severity > origin.severity
    now = (WORSE if worse else BETTER)[to]
    known = [ASKED.say(asked)]
    if to is not Rung.RECORD_ONLY:
        known.append(SEATED.say(seated))
    unsure = [UNKNOWN] if worse and to in (Rung.SIEGE, Rung.RECORD_ONLY) else []
    promise = PROMISE_AT_EASE if to in (Rung.OPEN, Rung.BUSY) else PROMISE
    said = join_sentences(now, *known, *unsure, promise)
    return Notice(origin, to, said.arabic, said.english)


ASKED = Counted(
    Arabic(
        zero="لم يصلنا خلال الدقيقة الأخيرة أي طلب للاستماع.",
        one="وصلنا خلال الدقيقة الأخيرة طلب واحد للاستماع.",
        two="وصلنا خلال الدقيقة الأخيرة طلبان للاستماع.",
        few="وصلتنا خلال الدقيقة الأخيرة {n} طلبات للاستماع.",
        many="وصلنا خلال الدقيقة الأخيرة {n} طلبًا للاستماع.",
        other="وصلنا خلال الدقيقة الأخيرة {n} طلب للاستماع.",
    ),
    English(
        zero="In the last minute there was no request to listen.",
        one="In the last minute there was 1 request to listen.",
        other="In the last minute there were {n} requests to listen.",
    ),
)

SEATED = Counted(
    Arabic(
        zero="ولا يستمع أحد مباشرةً في هذه اللحظة.",
        one="ويستمع مباشرةً في هذه اللحظة مستمع واحد.",
        two="ويستمع مباشرةً في هذه اللحظة مستمعان.",
        few="ويستمع مباشرةً في هذه اللحظة {n} مستمعين.",
        many="ويستمع مباشرةً في هذه اللحظة {n} مستمعًا.",
        other="ويستمع مباشرةً في هذه اللحظة {n} مستمع.",
    ),
    English(
        zero="Nobody is listening live at this moment.",
        one="At this moment 1 listener is listening live.",
        other="At this moment {n} listeners are listening live.",
    ),
)

UNKNOWN = Said(
    "لا نعرف السبب بعد، ولن نخمّن.",
    "We do not know the reason yet, and we will not guess.",
)

PROMISE = Said(
    "ومن لم يجد مكانًا الآن يحصل على وعد موقَّع بالتسجيل: سيكون الحوار كاملًا، دون تعديل، في هذا العنوان "
    "فور انتهائه.",
    "Whoever finds no place now gets a signed promise of the recording: the whole conversation, unedited, "
    "will be at this address as soon as it ends.",
)

PROMISE_AT_EASE = Said(
    "وسيكون الحوار كاملًا، دون تعديل، في هذا العنوان فور انتهائه.",
    "The whole conversation, unedited, will be at this address as soon as it ends.",
)

WORSE: Mapping[Rung, Said] = MappingProxyType(
    {
        Rung.BUSY: Said(
            "الإقبال على الموقع الآن أكبر من المعتاد. الدخول ما زال متاحًا لكل من يطلبه، وقد يصل الصوت متأخرًا "
            "قليلًا، وأوقفنا مؤقتًا الإعادات وبعض الخدمات الثانوية.",
            "The site is busier than usual now. Everybody who asks still gets in; the sound may come a "
            "little later, and replays and some secondary services are paused for the time being.",
        ),
        Rung.LIMITED: Said(
            "الطلبات الآن أكثر مما يمكن استقباله دفعة واحدة. تُوزَّع الأماكن الشاغرة بالقرعة، بقواعد واحدة "
            "للجميع، وقد يُطلب من المتصفح حل لغز صغير يحله بنفسه. ولا يلزم من يستمع الآن أن يفعل شيئًا.",
            "There are more requests now than can be taken in at once. Free places are drawn by lottery, by "
            "the same rules for everybody, and browsers may be asked to solve a small puzzle, which they do "
            "by themselves. Whoever is listening now need not do anything.",
        ),
        Rung.SIEGE: Said(
            "الضغط على الموقع الآن يفوق ما يستطيع حمله. يقتصر الدخول مؤقتًا على من له مكان، ومن لديه دعوة، "
            "ومن يعود إلى مكانه. ولا يلزم من يستمع الآن أن يفعل شيئًا.",
            "The load on the site is more than it can carry now. For the time being only those who have a "
            "place or an invitation, or who come back to their place, can enter. Whoever is listening now "
            "need not do anything.",
        ),
        Rung.RECORD_ONLY: Said(
            "حفاظًا على صوت المتحدثين وعلى التسجيل أوقفنا الاستماع المباشر مؤقتًا. التسجيل مستمر.",
            "To protect the speakers' sound and the recording, we have stopped live listening for the time "
            "being. The recording goes on.",
        ),
    }
)
"""What holds now, after a move to a more severe rung."""

BETTER: Mapping[Rung, Said] = MappingProxyType(
    {
        Rung.SIEGE: Said(
            "عاد الاستماع المباشر، ويقتصر مؤقتًا على من له مكان، ومن لديه دعوة، ومن يعود إلى مكانه.",
            "Live listening is back, for the time being for those who have a place or an invitation, or who "
            "come back to their place.",
        ),
        Rung.LIMITED: Said(
            "خفّ الضغط على الموقع، وعاد استقبال المستمعين الجدد. تُوزَّع الأماكن الشاغرة بالقرعة، بقواعد واحدة "
            "للجميع.",
            "The load on the site has eased, and new listeners are taken in again. Free places are drawn by "
            "lottery, by the same rules for everybody.",
        ),
        Rung.BUSY: Said(
            "عاد الدخول متاحًا لكل من يطلبه، دون قرعة. قد يصل الصوت متأخرًا قليلًا، وما زالت الإعادات وبعض "
            "الخدمات الثانوية متوقفة مؤقتًا.",
            "Everybody who asks gets in again, without a lottery. The sound may come a little later, and "
            "replays and some secondary services are still paused.",
        ),
        Rung.OPEN: Said(
            "عاد كل شيء إلى وضعه المعتاد: الدخول متاح لكل من يطلبه.",
            "Everything is as usual again: everybody who asks gets in.",
        ),
    }
)
"""What holds now, after a move to a less severe rung."""
