"""What the report says, in Arabic and English: names of acts, of what had to be reached, of roles and rungs.

Digits are Latin in both languages, as everywhere in Hiwar.
"""

from collections.abc import Mapping
from types import MappingProxyType

from hiwar.admission.counted import Said

LANGUAGES = ("ar", "en")

ACTS: Mapping[str, Said] = MappingProxyType(
    {
        "calm": Said("هدوء", "Calm"),
        "storm": Said("تدفق مفاجئ", "A rush"),
        "connections": Said("فيضان اتصالات", "Connection flood"),
        "pages": Said("فيضان على الصفحات", "Page flood"),
        "huge": Said("طلبات ضخمة", "Huge requests"),
        "slow": Said("اتصالات بطيئة", "Slow connections"),
        "logins": Said("تجريب كلمات السر", "Login stuffing"),
        "events": Said("فيضان أحداث", "Event flood"),
        "playlists": Said("فيضان قوائم HLS", "Playlist flood"),
        "forgery": Said("تذاكر مزوَّرة ومكررة", "Forged and replayed tickets"),
        "tables": Said("شبكات لا تنتهي", "Ever new networks"),
        "worker": Said("قتل عملية الباب", "A worker is killed"),
        "hoarders": Said("احتكار الأماكن", "Hoarders"),
        "bots": Said("آلات بعشرة أمثال الناس", "Ten bots for each person"),
        "full": Said("آلات وأماكن قليلة", "Bots, and few seats"),
        "answers": Said("أجوبة ألغاز مكررة", "Replayed answers"),
        "inflation": Said("تصعيب الألغاز", "Puzzle inflation"),
        "handshakes": Said("فيضان مصافحات TLS", "TLS handshake flood"),
    }
)

ABOUT: Mapping[str, Said] = MappingProxyType(
    {
        "calm": Said("لا هجوم: للمقارنة.", "No attack: what the others are compared with."),
        "storm": Said(
            "يأتي جمهور كبير من الناس في ثانيتين.", "A large honest crowd comes within two seconds."
        ),
        "connections": Said(
            "اتصالات تُفتح وتُغلق بأسرع ما يمكن.", "Connections opened and closed as fast as can be."
        ),
        "pages": Said(
            "طلبات على أغلى الصفحات، لا يغني فيها المخزون.",
            "Requests for the costliest pages, which no cache can answer.",
        ),
        "huge": Said("ترويسات من 256 KiB وأجسام من 8 MiB.", "Heads of 256 KiB and bodies of 8 MiB."),
        "slow": Said(
            "اتصالات صامتة أو تقطر حرفًا حرفًا أو لا تقرأ.",
            "Connections that are silent, drip letter by letter, or do not read.",
        ),
        "logins": Said("كلمات سر مسروقة، واحدة بعد أخرى.", "Stolen passwords, one after the other."),
        "events": Said("آلاف تيارات الأحداث.", "Thousands of event streams."),
        "playlists": Said(
            "قوائم تشغيل تُطلب بلا توقف.", "Playlists, asked for without end, also those still to come."
        ),
        "forgery": Said(
            "تذاكر لم يعطها أحد، وتذكرة صحيحة تُعرض من كل مكان.",
            "Tickets that nobody gave, and one good ticket shown from everywhere.",
        ),
        "tables": Said(
            "عنوان جديد من ‎/48‎ جديدة مع كل طلب.", "A new address from a new /48 with each request."
        ),
        "worker": Said(
            "تُقتل عملية من عمليات الباب أثناء الهجوم.",
            "A process of the front door is killed during a flood.",
        ),
        "hoarders": Said("آلات تأخذ الأماكن ولا تغادر.", "Machines that take seats and never leave."),
        "bots": Said(
            "والأماكن متوفرة، ومعها 200 شخص خلف عنوان واحد.",
            "While seats are free; and 200 people behind one address.",
        ),
        "full": Said(
            "أماكن قليلة تزيد شيئًا فشيئًا: قرعة.", "Few seats, and a few more each second: a lottery."
        ),
        "answers": Said("جواب واحد يقدمه كثيرون.", "One answer, brought by very many."),
        "inflation": Said("طابور طويل يجعل الألغاز أصعب.", "A long queue, to make puzzles harder."),
        "handshakes": Said(
            "مصافحات تتم وتُرمى، وأخرى لا تتم.", "Handshakes made and thrown away, and some never finished."
        ),
    }
)

FINDINGS: Mapping[str, Said] = MappingProxyType(
    {
        "late beyond control": Said(
            "تأخر إطار المتحدثين (p99.9) فوق المقارنة", "Speakers' frame lateness (p99.9) beyond the control"
        ),
        "frames skipped": Said("إطارات ضائعة من البرنامج", "Frames of the program skipped"),
        "recorder dropped": Said("ما أسقطه التسجيل", "Dropped by the recorder"),
        "packets missing": Said("حزم للمتحدثين ليست في التسجيل", "Speakers' packets not in the recording"),
        "thrown out": Said("من أُخرج من الجالسين", "Seated listeners thrown out"),
        "longest gap": Said("أطول انقطاع عند الجالسين", "Longest gap of the seated"),
        "gap in intervals": Said("وبفترات الكتابة", "The same in write intervals"),
        "back after the kill": Said("عودة المستمعين بعد القتل", "Listeners back after the kill"),
        "first answer": Said("أول رد على القادمين (p95)", "Newcomers' first answer (p95)"),
        "newcomers seated": Said("من جلس من القادمين", "Newcomers seated"),
        "invited seated": Said("من جلس من المدعوين", "Invited people seated"),
        "odds kept": Said("الفرق بين الاحتمال المعلن وما حدث", "Between the odds told and what came of them"),
        "odds of a minute kept": Said(
            "الفرق بين احتمال الدقيقة المعلن وما حدث", "The same of the odds within a minute"
        ),
        "record-only": Said("مدة «التسجيل فقط»", "Time on record-only"),
        "verified": Said("ما وجده فحص التسجيل", "Found by verifying the recording"),
        "journal gaps": Said("ثغرات في يومية التسجيل", "Gaps in the recording's journal"),
    }
)

RUNGS: Mapping[str, Said] = MappingProxyType(
    {
        "open": Said("مفتوح", "open"),
        "busy": Said("مزدحم", "busy"),
        "limited": Said("محدود", "limited"),
        "siege": Said("حصار", "siege"),
        "record-only": Said("تسجيل فقط", "record-only"),
    }
)

BOUNDS: Mapping[str, Said] = MappingProxyType(
    {
        "processor": Said("المعالج", "processor"),
        "egress": Said("الخط", "the line"),
        "descriptors": Said("الواصفات", "descriptors"),
        "memory": Said("الذاكرة", "memory"),
        "setting": Said("الإعداد", "the setting"),
    }
)

UNITS: Mapping[str, Said] = MappingProxyType(
    {
        "ms": Said("م‌ث", "ms"),
        "s": Said("ث", "s"),
        "frames": Said("إطار", "frames"),
        "packets": Said("حزمة", "packets"),
        "people": Said("شخص", "people"),
        "intervals": Said("فترة", "intervals"),
        "share": Said("", ""),
        "": Said("", ""),
    }
)

TEXT: Mapping[str, Said] = MappingProxyType(
    {
        "title": Said("تقرير البروفة", "The rehearsal's report"),
        "all met": Said("صمد كل ما يجب أن يصمد", "Everything that has to hold, held"),
        "missed": Said("لم يُبلغ {n} من {all} هدفًا", "{n} of {all} goals were not reached"),
        "unknown": Said("تعذّر قياس {n}", "{n} could not be measured"),
        "quick": Said(
            "بروفة سريعة بقوة قليلة: تُظهر أن كل شيء يعمل، وأرقامها ليست وعدًا.",
            "A quick rehearsal with little force: it shows that all works; its figures are no promise.",
        ),
        "same machine": Said(
            "كان الجمهور والمهاجمون على الجهاز نفسه، فشاركوا حوار معالجه: الأرقام هي ما بقي له. والخط إلى "
            "الخارج لم يُختبر.",
            "Crowd and attackers were on the same machine and shared its processor with Hiwar: the figures "
            "are what was left. The line to the outside was not tried.",
        ),
        "when": Said("متى", "When"),
        "lasted": Said("المدة", "Lasted"),
        "machine": Said("الجهاز", "Machine"),
        "listeners": Said("الجالسون طوال الوقت", "Seated throughout"),
        "seats": Said("كم مستمعًا يحمل هذا الجهاز", "How many listeners this machine seats"),
        "seats about": Said(
            "قيس ما يكلفه المستمع عند كل فترة كتابة، والباقي حساب: 60 من 100 من نواة لكل عامل، والواصفات "
            "والذاكرة والخط.",
            "What a listener costs was measured at each write interval; the rest is arithmetic: 60 % of a "
            "core for each worker, descriptors, memory, the line.",
        ),
        "interval": Said("فترة الكتابة", "Write interval"),
        "micros": Said("معالج لكل مستمع في الثانية", "Processor per listener and second"),
        "bound by": Said("يحدّه", "Bound by"),
        "course": Said("ما حدث عند الباب", "What happened at the door"),
        "course about": Said(
            "المستمعون والمنتظرون والأماكن، فوق درجات السلم.",
            "Listeners, people waiting and seats, over the rungs of the ladder.",
        ),
        "seated": Said("الجالسون", "Seated"),
        "capacity": Said("الأماكن", "Seats"),
        "waiting": Said("المنتظرون", "Waiting"),
        "lateness": Said("هل تأخر صوت المتحدثين", "Were the speakers late"),
        "lateness about": Said(
            "تأخر بداية إطار 20 م‌ث (p99.9) بجانب عملية لا تفعل إلا النوم، على النوى نفسها.",
            "How late 20 ms frames began (p99.9), beside a process on the same cores that only sleeps.",
        ),
        "stage": Said("المتحدثون", "speakers"),
        "control": Said("المقارنة", "control"),
        "fate": Said("ما حلّ بالقادمين", "What became of newcomers"),
        "fate about": Said(
            "من الناس الصادقين الذين جاؤوا أثناء كل فصل.", "Honest people who came during each act."
        ),
        "got seat": Said("جلسوا", "seated"),
        "still waiting": Said("ينتظرون", "waiting or turned away"),
        "no answer": Said("بلا رد", "not answered"),
        "acts": Said("الفصول", "The acts"),
        "goal": Said("الهدف", "Goal"),
        "measured": Said("المقيس", "Measured"),
        "met": Said("تحقق", "met"),
        "not met": Said("لم يتحقق", "missed"),
        "not told": Said("لم يُقس", "not measured"),
        "at most": Said("حتى {x}", "≤ {x}"),  # signs of order are mirrored in Arabic, and then misread
        "at least": Said("{x} فأكثر", "≥ {x}"),
        "details": Said("التفاصيل", "Details"),
        "attack": Said("الهجوم", "The attack"),
        "verdicts": Said("الأحكام", "Verdicts"),
        "processes": Said("العمليات", "Processes"),
        "process": Said("العملية", "Process"),
        "cpu": Said("من نواة", "of a core"),
        "descriptors": Said("واصفات", "descriptors"),
        "memory": Said("ذاكرة", "memory"),
        "spoken": Said("حزم المتحدثين", "Speakers' packets"),
        "spoken text": Said(
            "أُرسل {sent}، وصل {received}، ضاع من المسموع {lost}، غاب عن التسجيل {missing}",
            "{sent} sent, {received} received, {lost} lost on the way back, {missing} not in the recording",
        ),
        "rungs": Said("الدرجات", "Rungs"),
        "hall": Said("200 شخص خلف عنوان واحد", "People behind one address"),
        "people": Said(
            "جاء {came}، جلس {seated}، أُجيب {answered}", "{came} came, {answered} answered, {seated} seated"
        ),
        "kept": Said("أبقى الباب الاتصالات البطيئة", "Slow connections were kept for"),
        "recording": Said("التسجيل", "The recording"),
        "recording text": Said(
            "{seconds} ث، {packets} حزمة، {findings} ملاحظة",
            "{seconds} s, {packets} packets, {findings} findings",
        ),
        "inattention": Said(
            "لم ينظر الجمهور نفسه في {percent} من الوقت",
            "The crowd itself did not look in {percent} of the time",
        ),
        "not shown": Said("لا شيء", "nothing"),
        "over 20 ms": Said("أكثر من 20 م‌ث", "over 20 ms"),
        "settings": Said("الإعدادات", "Settings"),
        "made by": Said("صنعه", "Made by"),
        "whole": Said("عموم البروفة", "The rehearsal as a whole"),
    }
)


def text(language: str, said: Said) -> str:
    """In one of LANGUAGES."""
    return said.arabic if language == "ar" else said.english


def of(words: Mapping[str, Said], name: str, language: str) -> str:
    """A word of one of the tables; the name itself where it has none."""
    return text(language, words[name]) if name in words else name
