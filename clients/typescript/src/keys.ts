// Signatures: made by RFC 8032, judged by ZIP-215 (https://zips.z.cash/zip-0215), as every node does.

import { ed25519 } from "@noble/curves/ed25519.js";
import { addressOf } from "./account.js";
import { type Bytes, fixedBytes } from "./bytes.js";

/** Signs with the key of a 32-byte ed25519 seed. The seed stays in this object and is never shown. */
export class SecretKey {
  readonly #seed: Bytes;
  /** The public key. */
  readonly publicKey: Bytes;
  /** Its account: `witan1...`. */
  readonly address: string;

  /** From the seed's 32 bytes or their `0x` hex. */
  constructor(seed: Bytes | string) {
    this.#seed = fixedBytes(seed, 32, "secret").slice();
    this.publicKey = ed25519.getPublicKey(this.#seed);
    this.address = addressOf(this.publicKey);
  }

  /** A new key, from the platform's secure randomness. */
  static random(): SecretKey {
    return new SecretKey(crypto.getRandomValues(new Uint8Array(32)));
  }

  /** The signature of `message`: 64 bytes. */
  sign(message: Bytes): Bytes {
    return ed25519.sign(message, this.#seed);
  }
}

/** Whether `signature` is `publicKey`'s on `message`, by ZIP-215. */
export function verifySignature(publicKey: Bytes, message: Bytes, signature: Bytes): boolean {
  return ed25519.verify(signature, message, publicKey, { zip215: true });
}
