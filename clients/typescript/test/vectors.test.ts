// The known answers of the Rust crates, read from their place in the repository.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { type Codec, MalformedError, decode, encode } from "../dist/codec.js";
import {
  SecretKey,
  addressOf,
  decodeSigned,
  publicKeyOf,
  sign,
  signedWith,
  toHex,
  transaction,
  transactionId,
  transactionSigningBytes,
  verifySignature,
} from "../dist/index.js";
import { sha256 } from "../dist/bytes.js";
import { listRoot, payloadRoot, rootOfListProof } from "../dist/merkle.js";
import * as wire from "../dist/wire.js";

const FOLDER = new URL("../../../types/vectors/", import.meta.url);
const read = new Set<string>();

function vector(name: string): Uint8Array {
  read.add(`${name}.hex`);
  const lines = readFileSync(new URL(`${name}.hex`, FOLDER), "utf8").split("\n");
  return Uint8Array.from(Buffer.from(lines.filter((line) => !line.startsWith("#")).join(""), "hex"));
}

const same = (found: Uint8Array, name: string) => assert.equal(toHex(found), toHex(vector(name)), name);
const secret = (byte: number) => new SecretKey(new Uint8Array(32).fill(byte));
const hashOf = (text: string) => sha256(text);

/** What the file says, after reading it and writing it back. */
function decoded<T>(name: string, codec: Codec<T>, limit: number): T {
  const bytes = vector(name);
  const value = decode(codec, bytes, limit);
  assert.equal(toHex(encode(codec, value)), toHex(bytes), `${name} written back`);
  assert.throws(
    () => decode(codec, Buffer.concat([bytes, Buffer.of(0)]), limit + 1),
    MalformedError,
    `${name} with a byte too many`,
  );
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(
      () => decode(codec, bytes.subarray(0, length), limit),
      MalformedError,
      `${name} cut to ${length} bytes`,
    );
  }
  assert.throws(() => decode(codec, bytes, bytes.length - 1), MalformedError, `${name} above a limit`);
  return value;
}

/** The transaction of the vectors, as a user would build it: every check and every op once. */
function built() {
  const key = secret(11);
  return transaction({
    chain: vector("chain-id"),
    signer: key.address,
    salt: 7,
    expiresAtMs: 1_700_000_060_000,
    checks: [
      { check: "absent", key: "color" },
      { check: "exists", key: "shape" },
      { check: "value", key: "shape", value: "round" },
      { check: "version", key: "shape", version: (1n << 96n) | (9n << 32n) | 2n },
      { check: "balance", account: key.address, atLeast: 500 },
    ],
    ops: [
      { op: "put", key: "color", value: "blue" },
      { op: "append", key: "log", value: "painted" },
      { op: "add", key: "count", delta: -3 },
      { op: "transfer", to: secret(12).address, amount: "250" },
      { op: "get", key: "count" },
      { op: "delete", key: "color" },
    ],
  });
}

test("a transaction built here is the one of the vectors, byte for byte", () => {
  same(encode(wire.transaction, built()), "transaction");
  same(transactionSigningBytes(built()), "transaction-signing-bytes");
  assert.equal(transactionId(built()), toHex(vector("transaction-id")));
  const signed = sign(built(), secret(11));
  assert.equal(signed.tx, toHex(vector("signed-transaction")));
  assert.equal(signed.txId, toHex(vector("transaction-id")));
  assert.deepEqual(signedWith(built(), vector("transaction-signature")), signed);
  assert.deepEqual(decodeSigned(signed.tx).transaction, built());
  decoded("signed-transaction", wire.signedTransaction, wire.LIMITS.signedTransaction);
});

test("addresses are those of the vectors", () => {
  same(secret(11).publicKey, "public-key");
  const address = Buffer.from(vector("account")).toString();
  assert.equal(addressOf(vector("public-key")), address);
  assert.equal(toHex(publicKeyOf(address)), toHex(vector("public-key")));
});

test("an approval of a change is the one of the vectors", () => {
  const change = decoded("change", wire.change, 8 + 1 + 4 + 32 * 64 + 2);
  decoded("change-operators", wire.change, 8 + 1 + 4 + 32 * 64 + 2);
  same(wire.changeHash(change), "change-hash");
  const approval = transaction({
    chain: vector("chain-id"),
    signer: secret(11).address,
    salt: 7n,
    expiresAtMs: "1700000060000",
    ops: [{ op: "approve", change }],
  });
  same(encode(wire.transaction, approval), "approval");
});

test("blocks, payloads and envelopes read and hash as in the vectors", () => {
  const batch = decoded("batch", wire.batch, wire.LIMITS.payload);
  same(wire.batchDigest(batch), "batch-digest");
  const envelope = decoded("envelope", wire.envelope, wire.LIMITS.envelope);
  same(wire.outboxLeaf(decoded("contents", wire.contents, wire.LIMITS.contents)), "outbox-leaf");
  const proved = rootOfListProof(envelope.proof, wire.outboxLeaf(envelope.contents));
  assert.equal(toHex(proved ?? new Uint8Array()), toHex(envelope.seal.outcome.outboxRoot));
  same(payloadRoot(decoded("payload", wire.payload, wire.LIMITS.payload)), "payload-root");
  same(wire.blockId(decoded("header", wire.header, wire.LIMITS.header)), "block-id");
  decoded("block", wire.block, wire.LIMITS.block);
  decoded("sealed-header", wire.sealedHeader, wire.LIMITS.sealedHeader);
  decoded("sealed-block", wire.sealedBlock, wire.LIMITS.sealedBlock);
});

test("the base block follows from genesis as in the vectors", () => {
  const genesis = decoded("genesis", wire.genesis, 1024 * 1024);
  same(wire.chainOf(genesis), "chain-id");
  const base = {
    chain: vector("chain-id"),
    group: 1,
    epoch: 1n,
    height: 0n,
    tag: 0n,
    parent: new Uint8Array(32),
    proposer: 0,
    timeMs: genesis.timeMs,
    payloadRoot: payloadRoot({ batches: [], envelopes: [] }),
  };
  same(wire.blockId(base), "base-block-id");
});

test("what validators sign to seal is as in the vectors, and their signatures count", () => {
  const outcome = decoded("outcome", wire.outcome, 320);
  const where = { chain: outcome.chain, group: outcome.group, epoch: outcome.epoch, role: "seal" } as const;
  const message = wire.signingBytes(where, wire.outcome, outcome);
  same(message, "outcome-signing-bytes");
  const share = decoded("seal-share", wire.sealShare, 400);
  assert.ok(verifySignature(secret(1).publicKey, message, share.signature));
  assert.equal(decoded("quorum-signatures", wire.quorumSignatures, 16 + 4 + 64 * 128).signers, 0b1011n);
  assert.deepEqual(decoded("seal", wire.seal, wire.LIMITS.seal).outcome, outcome);
});

test("a signature on an engine's message verifies, though clients make none", () => {
  const message = vector("domain-signing-bytes");
  assert.equal(toHex(message.slice(8, 8 + vector("domain").length)), toHex(vector("domain")));
  assert.ok(verifySignature(secret(1).publicKey, message, vector("domain-signature")));
});

test("a batch's name is for members alone: signed as in the vectors, and no block for a client", () => {
  const name = vector("batch-name");
  same(name.slice(0, 32), "batch-digest");
  const held = vector("held-batch");
  assert.equal(toHex(held.slice(0, name.length)), toHex(name));
  const { signers, signatures } = decode(wire.quorumSignatures, held.slice(name.length), held.length);
  assert.equal(signers, 0b1011n);
  const first = signatures[0] ?? assert.fail();
  assert.ok(verifySignature(secret(1).publicKey, vector("batch-signing-bytes"), first));
  assert.throws(() => decode(wire.batch, vector("batch-named"), wire.LIMITS.payload), MalformedError);
});

test("a list's root and proof are as in the vectors", () => {
  const leaves = ["a", "b", "c", "d", "e"].map(hashOf);
  same(listRoot(leaves), "list-root");
  const proof = decoded("list-proof", wire.listProof, wire.LIMITS.listProof);
  const third = leaves[2] ?? assert.fail();
  same(rootOfListProof(proof, third) ?? new Uint8Array(), "list-root");
  assert.notEqual(
    toHex(rootOfListProof({ ...proof, index: 3n }, third) ?? new Uint8Array()),
    toHex(vector("list-root")),
  );
  assert.equal(rootOfListProof({ ...proof, index: 5n }, third), undefined);
  assert.equal(rootOfListProof({ ...proof, siblings: proof.siblings.slice(1) }, third), undefined);
  assert.equal(rootOfListProof({ ...proof, siblings: [...proof.siblings, third] }, third), undefined);
  assert.equal(rootOfListProof({ index: 0n, length: (1n << 64n) - 1n, siblings: [] }, third), undefined);
});

test("every file of the folder is read by these tests", () => {
  assert.deepEqual(
    readdirSync(FOLDER).filter((name) => !read.has(name)),
    [],
  );
});
