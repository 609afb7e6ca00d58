// Signatures are judged by ZIP-215, as types/tests/laws/zip215.rs has it: the same cases get the same verdict.

import { ed25519 } from "@noble/curves/ed25519.js";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { SecretKey, verifySignature } from "../dist/index.js";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, place) => Number((value >> BigInt(8 * place)) & 0xffn));
}

const numberOf = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** The 8 points of small order: multiples of one of order 8, found by clearing the large part of any point's order. */
function torsion() {
  for (let y = 2n; ; y++) {
    try {
      const candidate = Point.fromBytes(littleEndian(y))
        .multiplyUnsafe(ORDER - 1n)
        .add(Point.fromBytes(littleEndian(y)));
      if (!candidate.double().double().is0()) {
        return Array.from({ length: 8 }, (_, times) =>
          times === 0 ? Point.ZERO : candidate.multiplyUnsafe(BigInt(times)),
        );
      }
    } catch {
      // No point has this y.
    }
  }
}

/** Every encoding of a point of small order: the 8 canonical ones, then 6 that RFC 8032 refuses. */
function smallOrderEncodings(): Uint8Array[] {
  const number = (first: number, last: number) => Uint8Array.of(first, ...new Uint8Array(30).fill(0xff), last);
  const oneWithSign = new Uint8Array(32);
  [oneWithSign[0], oneWithSign[31]] = [1, 0x80];
  const odd = [
    oneWithSign,
    number(0xec, 0xff),
    number(0xed, 0x7f),
    number(0xed, 0xff),
    number(0xee, 0x7f),
    number(0xee, 0xff),
  ];
  return [...torsion().map((point) => point.toBytes()), ...odd];
}

const joined = (r: Uint8Array, s: Uint8Array) => Buffer.concat([r, s]);

test("all 196 cases of small order are accepted", () => {
  const encodings = smallOrderEncodings();
  assert.equal(new Set(encodings.map((bytes) => Buffer.from(bytes).toString("hex"))).size, 14);
  for (const key of encodings) {
    for (const r of encodings) {
      assert.ok(verifySignature(key, Buffer.from("Zcash"), joined(r, new Uint8Array(32))));
    }
  }
});

test("signatures that are right only with the cofactor are accepted", () => {
  const [secret, nonce] = [0x1234_5678_9abc_def0n, 0x0fed_cba9_8765_4321n];
  const message = Buffer.from("moved by a point of small order");
  for (const keyTorsion of torsion()) {
    for (const commitmentTorsion of torsion()) {
      const key = Point.BASE.multiply(secret).add(keyTorsion).toBytes();
      const commitment = Point.BASE.multiply(nonce).add(commitmentTorsion).toBytes();
      const digest = createHash("sha512").update(commitment).update(key).update(message).digest();
      const s = (nonce + (numberOf(digest) % ORDER) * secret) % ORDER;
      assert.ok(verifySignature(key, message, joined(commitment, littleEndian(s))));
      assert.ok(!verifySignature(key, message, joined(commitment, littleEndian((s + 1n) % ORDER))));
    }
  }
});

const key = new SecretKey(new Uint8Array(32).fill(9));
const message = Buffer.from("a message");
const signature = key.sign(message);

test("an s of the order or above is refused", () => {
  const [r, s] = [signature.slice(0, 32), signature.slice(32)];
  assert.ok(verifySignature(key.publicKey, message, signature));
  assert.ok(!verifySignature(key.publicKey, message, joined(r, littleEndian(numberOf(s) + ORDER))));
  const identity = Point.ZERO.toBytes();
  assert.ok(!verifySignature(identity, message, joined(identity, littleEndian(ORDER))));
});

test("bytes that are no point are refused as key and as commitment", () => {
  const isPoint = (bytes: Uint8Array) => {
    try {
      return Point.fromBytes(bytes, true) !== undefined;
    } catch {
      return false;
    }
  };
  const none = [2n, 3n, 4n, 5n, 6n, 7n, 8n].map(littleEndian).find((bytes) => !isPoint(bytes)) ?? assert.fail();
  assert.ok(!verifySignature(none, message, signature));
  assert.ok(!verifySignature(key.publicKey, message, joined(none, signature.slice(32))));
});

test("a signature with any bit changed, of another message or key is refused", () => {
  signature.forEach((byte, place) => {
    const flipped = signature.slice();
    flipped[place] = byte ^ (1 << (place % 8));
    assert.ok(!verifySignature(key.publicKey, message, flipped), `byte ${place}`);
  });
  assert.ok(!verifySignature(key.publicKey, Buffer.from("another"), signature));
  assert.ok(!verifySignature(SecretKey.random().publicKey, message, signature));
});
