import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";
import { type Config, SetupError } from "../config.ts";
import type { Logger } from "../logs/logger.ts";
import type { Secret, SecretStore } from "../secrets/store.ts";

/** A private key that signs entries. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** A key's name in entries: the first 16 hexadecimal digits of SHA-256 of its public half's DER (SPKI). */
export function keyId(publicKey: KeyObject): string {
  return hash("sha256", publicKey.export({ type: "spki", format: "der" })).slice(0, 16);
}

/** The secret `audit_signing_key`, an Ed25519 key; in development one is made if it is not there. */
export function openSigningKey(config: Config, secrets: SecretStore, log: Logger): Secret<SigningKey> {
  if (config.ENVIRONMENT !== "development" || secrets.has("audit_signing_key")) {
    return secrets.open("audit_signing_key", parse);
  }
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const made = { kid: keyId(publicKey), privateKey };
  const pem = publicKey.export({ type: "spki", format: "pem" });
  log.warn("no secret audit_signing_key: one is made for this process", { kid: made.kid, public_key: pem });
  return () => made;
}

function parse(pem: string): SigningKey {
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType === "ed25519") {
      return { kid: keyId(createPublicKey(privateKey)), privateKey };
    }
  } catch {
    // Not a key: it comes to the same.
  }
  throw new SetupError("a private key as `openssl genpkey -algorithm ed25519` makes it");
}

/**
 * HMAC-SHA-256 of a text in hexadecimal: shows later that an entry speaks of this very text, and tells nothing any
 * more once the key is erased.
 */
export function digest(key: string, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}
