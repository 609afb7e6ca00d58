// Bytes, their hex, and SHA-256.

import { sha256 as digest } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, isBytes } from "@noble/hashes/utils.js";

export { isBytes };

/** Bytes that someone else owns: never changed here. */
export type Bytes = Uint8Array;

const HEX = /^0x(?:[0-9a-f]{2})*$/;

/** Bytes as lowercase `0x` hex. */
export function toHex(bytes: Bytes): string {
  return `0x${bytesToHex(bytes)}`;
}

/** The bytes of lowercase `0x` hex; `what` names them in the error. */
export function fromHex(text: string, what = "value"): Bytes {
  if (typeof text !== "string" || !HEX.test(text)) {
    throw new TypeError(`${what}: expected lowercase 0x hex, got ${shown(text)}`);
  }
  return hexToBytes(text.slice(2));
}

/** Exactly `length` bytes, given as such or as `0x` hex. */
export function fixedBytes(value: Bytes | string, length: number, what: string): Bytes {
  const bytes = typeof value === "string" ? fromHex(value, what) : value;
  if (!isBytes(bytes) || bytes.length !== length) {
    throw new TypeError(`${what}: expected ${length} bytes, got ${shown(value)}`);
  }
  return bytes;
}

/** Text as UTF-8; bytes as they are. */
export function textBytes(value: string | Bytes): Bytes {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}

/** UTF-8 as text; nothing if it is none. */
export function utf8(bytes: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** SHA-256 over all parts in a row; text stands for its UTF-8. */
export function sha256(...parts: (Bytes | string)[]): Bytes {
  return digest(concat(...parts));
}

/** All parts in a row. */
export function concat(...parts: (Bytes | string)[]): Bytes {
  return concatBytes(...parts.map(textBytes));
}

/** Whether both are the same bytes. */
export function equal(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** A value's start, for an error to show. */
export function shown(value: unknown): string {
  const text = isBytes(value) ? `${value.length} bytes` : String(JSON.stringify(value) ?? value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
