/* Numbers, times and counted texts as people read them: Latin digits in both languages. Pure but for Intl. */

/** The locale for Intl: Arabic with Latin digits, English with the day first. */
export function locale(language) { return language === "ar" ? "ar-u-nu-latn" : "en-GB"; }

/** Seconds as h:mm:ss or m:ss. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** One of `forms` (a text per CLDR plural category) with {n} put in. */
export function counted(forms, n, language) {
  const category = new Intl.PluralRules(locale(language)).select(n);
  return (forms[category] ?? forms.other).replace("{n}", new Intl.NumberFormat(locale(language)).format(n));
}

/** A moment in the visitor's zone and language, e.g. "Saturday 3 May 2031, 20:30". */
export function moment(date, language, zone = undefined) {
  const day = new Intl.DateTimeFormat(locale(language), { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: zone });
  const hour = new Intl.DateTimeFormat(locale(language), { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone });
  return `${day.format(date)} · ${hour.format(date)}`;
}

/** A short moment for lists: of today only the hour, of this year no year. */
export function shortMoment(date, language, now, zone = undefined) {
  const part = (options) => new Intl.DateTimeFormat(locale(language), { ...options, timeZone: zone });
  const hour = part({ hour: "2-digit", minute: "2-digit", hour12: false }), day = part({ day: "numeric", month: "long", year: "numeric" });
  if (day.format(date) === day.format(now)) return hour.format(date);
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return `${part({ day: "numeric", month: "long", year }).format(date)} · ${hour.format(date)}`;
}

/** The first letter of a name (after the Arabic article), for the round sign beside it. */
export function initial(name) {
  const bare = name.trim().replace(/^ال(?=..)/, "");
  return [...bare].find((char) => /[\p{L}\p{N}]/u.test(char))?.toUpperCase() ?? "•";
}

/** A level in dBFS as 0 (silent, -60 and below) to 1 (full scale). */
export function meterLevel(dbfs) { return Math.min(1, Math.max(0, (dbfs + 60) / 60)); }
