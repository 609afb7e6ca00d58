// Accounts: an ed25519 public key, written as bech32m (BIP 350) with the prefix `witan`.

import { bech32m } from "@scure/base";
import { type Bytes, fixedBytes, shown } from "./bytes.js";
import type { Codec } from "./codec.js";

const PREFIX = "witan";

/** The address of a public key: `witan1...`. */
export function addressOf(publicKey: Bytes | string): string {
  return bech32m.encode(PREFIX, bech32m.toWords(fixedBytes(publicKey, 32, "public key")));
}

/** The public key of an address. Throws a `TypeError` for any text that is not exactly the address of a key. */
export function publicKeyOf(address: string): Bytes {
  let key: Bytes;
  try {
    const { prefix, words } = bech32m.decode(address as `witan1${string}`);
    key = prefix === PREFIX ? bech32m.fromWords(words) : new Uint8Array();
  } catch (error) {
    throw new TypeError(`${shown(address)} is no account address (witan1...): ${(error as Error).message}`);
  }
  // Capitals, another prefix, and other values of the bits that a key leaves over are all told by this.
  if (key.length !== 32 || addressOf(key) !== address) {
    throw new TypeError(`${shown(address)} is no account address: expected witan1 and what stands for 32 bytes`);
  }
  return key;
}

/** An account on the wire: its 32 bytes; here: its address. */
export const account: Codec<string> = {
  write: (to, value) => to.raw(publicKeyOf(value)),
  read: (from) => addressOf(from.take(32)),
};
