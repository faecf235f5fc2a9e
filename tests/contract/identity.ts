import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const ISSUER = "https://identity.example";
export const AUDIENCE = "agents";

/** How a token can be signed; `HS256` and `none` are what an attacker tries. */
export type Algorithm = "RS256" | "ES256" | "EdDSA";

/** A key of the identity provider. */
export interface IdentityKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly private: KeyObject;
  readonly public: KeyObject;
}

const GENERATE = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

export function newKey(algorithm: Algorithm, kid: string): IdentityKey {
  const { privateKey, publicKey } = GENERATE[algorithm]();
  return { kid, algorithm, private: privateKey, public: publicKey };
}

/** The keys as a set that may be published. */
export function jwks(...keys: IdentityKey[]): string {
  const entry = ({ kid, algorithm, public: key }: IdentityKey) => ({
    ...key.export({ format: "jwk" }),
    kid,
    alg: algorithm,
    use: "sig",
  });
  return JSON.stringify({ keys: keys.map(entry) });
}

/** Claims of a tenant's token that is good for a minute; undefined leaves a claim out. */
export function claims(tenant: string, other: Readonly<Record<string, unknown>> = {}): object {
  const now = Math.floor(Date.now() / 1_000);
  return { iss: ISSUER, aud: AUDIENCE, sub: "someone", iat: now, exp: now + 60, tenant, ...other };
}

/** A token as its key signs it. */
export function token(key: IdentityKey, payload: object, header: object = {}): string {
  const signed = parts({ alg: key.algorithm, kid: key.kid, typ: "JWT", ...header }, payload);
  const hash = key.algorithm === "EdDSA" ? null : "sha256";
  const signature = sign(hash, Buffer.from(signed), { key: key.private, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

/** A token that nobody signed. */
export function unsigned(payload: object, alg = "none"): string {
  return `${parts({ alg, typ: "JWT" }, payload)}.`;
}

/** A token signed with a public key, as if that were a shared secret. */
export function confused(key: IdentityKey, payload: object): string {
  const signed = parts({ alg: "HS256", kid: key.kid, typ: "JWT" }, payload);
  const secret = key.public.export({ type: "spki", format: "pem" });
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function parts(header: object, payload: object): string {
  return [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}

/** Publishes a key set. */
export class KeyServer {
  keys = jwks();
  asked = 0;
  readonly #server = createServer((_, response) => {
    this.asked++;
    response.writeHead(200, { "content-type": "application/json" }).end(this.keys);
  });

  static async start(): Promise<KeyServer> {
    const server = new KeyServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
