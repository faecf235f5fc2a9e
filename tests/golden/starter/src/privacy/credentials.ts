import { after, before, type Detector, scan } from "./scan.ts";

// Each with the prefix by which its issuer lets it be found.
const KEY = new RegExp(
  String.raw`${before("")}(?:${[
    String.raw`(?:AKIA|ASIA|ABIA|ACCA)[A-Z\d]{16}${after("")}`,
    String.raw`AIza[\w-]{35}`,
    String.raw`ya29\.[\w-]{20}`,
    String.raw`gh[oprsu]_[a-zA-Z\d]{36}`,
    String.raw`github_pat_\w{22}`,
    String.raw`gl(?:pat|dt|rt|ptt)-[\w-]{20}`,
    String.raw`xox[abeoprs]-[\w-]{10}`,
    String.raw`xapp-[\w-]{10}`,
    String.raw`(?:[rs]k_(?:live|test)|whsec)_[a-zA-Z\d]{16}`,
    // Without the digit it would be any long word with hyphens.
    String.raw`sk-(?=[\w-]{0,64}\d)[\w-]{20}`,
    String.raw`(?:npm|hf)_[a-zA-Z\d]{34}`,
    String.raw`pypi-[\w-]{32}`,
    String.raw`SG\.[\w-]{16,64}\.[\w-]{16}`,
  ].join("|")})[\w-]*`,
  "g",
);
const JWT = new RegExp(String.raw`(?<!-)${before("")}eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?:\.[\w-]*\.[\w-]*)?`, "g");
const BEARER = /(?<=\bbearer {1,4})[\w.~+/-]{16,}={0,2}/gi;
const LONG_TOKEN = 32;
const ARMOUR = String.raw`[A-Z\d ]{0,40}PRIVATE KEY(?: BLOCK)?-----`;
const PRIVATE_KEY = new RegExp(`-----BEGIN ${ARMOUR}`, "g");
const PRIVATE_KEY_END = new RegExp(`-----END ${ARMOUR}`, "g");

/** API keys of known shapes, JSON web tokens (RFC 7519), bearer tokens (RFC 6750) and private keys in PEM (RFC 7468). */
export const secret: Detector = (text) => [
  ...scan(text, KEY),
  ...scan(text, JWT),
  // A word may follow `bearer` as well, but few are that long, and none has digits.
  ...scan(text, BEARER, (_text, start, match) =>
    match.length >= LONG_TOKEN || /\d/.test(match) ? start + match.length : undefined,
  ),
  ...scan(text, PRIVATE_KEY, (_text, start, match) => {
    PRIVATE_KEY_END.lastIndex = start + match.length;
    // Half a key is still a secret.
    return PRIVATE_KEY_END.test(text) ? PRIVATE_KEY_END.lastIndex : text.length;
  }),
];
