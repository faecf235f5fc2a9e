import { after, before, type Detector, matchesAt, scan, valueAt } from "./scan.ts";

const isDigit = (value: number) => value >= 0 && value <= 9;

const CARD_START = new RegExp(String.raw`${before(".")}[2-9](?=[\d -]{12})`, "g");
const CARD_END = new RegExp(after("."), "y");
const CARD_DIGITS = { min: 13, max: 19 };
// Cards are printed in groups of three digits or more; lists of numbers often have shorter ones.
const CARD_GROUP = 3;

/**
 * Payment cards: 13 to 19 digits whose check digit is right (ISO/IEC 7812), plain or in groups. None begins with 0 or
 * 1, as many times of day in milliseconds do.
 */
export const card: Detector = (text) =>
  scan(text, CARD_START, (_text, start) => {
    const digits: number[] = [];
    let end: number | undefined;
    let group = 0;
    for (let index = start; digits.length < CARD_DIGITS.max; index += 1) {
      const value = valueAt(text, index);
      if (isDigit(value)) {
        digits.push(value);
        group += 1;
        const whole = digits.length >= CARD_DIGITS.min && group >= CARD_GROUP && matchesAt(CARD_END, text, index + 1);
        end = whole && hasLuhnCheckDigit(digits) ? index + 1 : end;
      } else if (group >= CARD_GROUP && (text[index] === " " || text[index] === "-")) {
        group = 0;
      } else {
        break;
      }
    }
    return end;
  });

function hasLuhnCheckDigit(digits: readonly number[]): boolean {
  let sum = 0;
  for (let place = 1; place <= digits.length; place += 1) {
    const value = (digits.at(-place) ?? 0) * (place % 2 === 0 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

// The countries of the IBAN registry (ISO 13616) and how long an IBAN is in each.
const IBAN_LENGTHS = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24
  FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32
  LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24
  RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
const IBAN_START = new RegExp(String.raw`${before("-")}[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z\d])`, "g");
const IBAN_END = new RegExp(after("-"), "y");

/** Bank accounts whose check digits are right (ISO 13616), plain or in groups. */
export const iban: Detector = (text) =>
  scan(text, IBAN_START, (_text, start, match) => {
    const length = IBAN_LENGTHS.get(match.slice(0, 2).toUpperCase()) ?? 0;
    const account: number[] = [];
    let index = start;
    for (; account.length < length; index += 1) {
      const value = valueAt(text, index);
      if (value >= 0) {
        account.push(value);
      } else if (valueAt(text, index - 1) < 0 || (text[index] !== " " && text[index] !== "-")) {
        return undefined;
      }
    }
    return length > 0 && hasIbanCheckDigits(account) && matchesAt(IBAN_END, text, index) ? index : undefined;
  });

/** Modulo 97 of the number that the values spell once the first four have gone to the end (ISO 7064). */
function hasIbanCheckDigits(account: readonly number[]): boolean {
  let rest = 0;
  for (let index = 0; index < account.length; index += 1) {
    const value = account[(index + 4) % account.length] ?? 0;
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

const SSN = new RegExp(
  String.raw`${before(".-")}(?!000|666|9)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}${after(".-")}`,
  "g",
);

/** US social security numbers in their three groups, of which none is all zeros, and the first neither 666 nor 9xx. */
export const ssn: Detector = (text) => scan(text, SSN);

const NATIONAL = new RegExp(
  `${before(".-")}(?:${[
    // North America, with a dialling prefix or without.
    String.raw`(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-])\d{3}[ .-]\d{4}`,
    // A trunk prefix, an area and a number, as in most of Europe.
    String.raw`0[1-9]\d{1,3}[ /-]\d{3,4}[ -]?\d{3,4}`,
    // Pairs, as in France.
    String.raw`0[1-9]([ .-])\d{2}\1\d{2}\1\d{2}\1\d{2}`,
  ].join("|")})${after(".-")}`,
  "g",
);
const INTERNATIONAL_START = /\+(?=[1-9][\d ()./-]{6})/g;
const SEPARATOR = /[ ()./-]/y;
const GROUP_END = new RegExp(after(""), "y");
// Of E.164; no country has numbers so short that fewer digits were one.
const PHONE_DIGITS = { min: 8, max: 15 };
const NORTH_AMERICAN_DIGITS = 11;
const MAX_SEPARATORS = 3;

/**
 * Phone numbers: international ones (E.164), which end with the last group that fits or with a group as long as a whole
 * number, and national ones in groups that little else has.
 */
export const phone: Detector = (text) => [
  ...scan(text, NATIONAL),
  ...scan(text, INTERNATIONAL_START, internationalEnd),
];

function internationalEnd(text: string, start: number): number | undefined {
  const most = text[start + 1] === "1" ? NORTH_AMERICAN_DIGITS : PHONE_DIGITS.max;
  let end: number | undefined;
  let digits = 0;
  let group = 0;
  let separators = 0;
  for (let index = start + 1; digits <= most && separators <= MAX_SEPARATORS; index += 1) {
    if (isDigit(valueAt(text, index))) {
      digits += 1;
      group += 1;
      separators = 0;
      const whole = digits >= PHONE_DIGITS.min && digits <= most;
      end = whole && matchesAt(GROUP_END, text, index + 1) ? index + 1 : end;
    } else if (matchesAt(SEPARATOR, text, index) && group < PHONE_DIGITS.min) {
      separators += 1;
      group = 0;
    } else {
      break;
    }
  }
  return end;
}
