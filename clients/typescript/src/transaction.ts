// Transactions: built, judged in form, and signed here, so that no node is trusted with what is signed.

import { publicKeyOf } from "./account.js";
import { type Bytes, equal, fixedBytes, fromHex, isBytes, sha256, shown, textBytes, toHex, utf8 } from "./bytes.js";
import { decode, encode } from "./codec.js";
import { type SecretKey, verifySignature } from "./keys.js";
import {
  type Check,
  type Change,
  LIMITS,
  MAX_CHECKS,
  MAX_KEY_BYTES,
  MAX_OPS,
  MAX_TRANSACTION_BYTES,
  MAX_VALUE_BYTES,
  type Op,
  type SignedTransaction,
  type Transaction,
  signedTransaction,
  signingBytes,
  transaction as wire,
} from "./wire.js";

/** A key or value: text stands for its UTF-8. */
export type Text = string | Bytes;
/** A whole number; one that may be above 2^53 as a `bigint` or as decimal text. */
export type Whole = number | bigint | string;

/** A condition on the state before the transaction. */
export type CheckInput =
  | { check: "absent" | "exists"; key: Text }
  | { check: "value"; key: Text; value: Text }
  | { check: "version"; key: Text; version: Whole }
  | { check: "balance"; account: string; atLeast: Whole };

/** One step of a transaction. */
export type OpInput =
  | { op: "put" | "append"; key: Text; value: Text }
  | { op: "delete" | "get"; key: Text }
  | { op: "add"; key: Text; delta: Whole }
  | { op: "transfer"; to: string; amount: Whole }
  | { op: "approve"; change: Change };

/** What is wanted, before it is signed. */
export interface TransactionInput {
  /** The network: `chain` of chain_getGenesis, or better of a genesis file. */
  chain: string | Bytes;
  /** The account that signs: `witan1...`. */
  signer: string;
  /** What is done, in order; all of it or nothing. */
  ops: OpInput[];
  /** What must hold before. */
  checks?: CheckInput[];
  /** Void in blocks whose time is above this, Unix milliseconds; a minute from now if absent. */
  expiresAtMs?: Whole;
  /** Tells apart two transactions that want the same; drawn at random if absent. */
  salt?: Whole;
}

/** Until when a transaction holds that does not say. */
const DEFAULT_LIFETIME_MS = 60_000;

/** A transaction ready to be signed. Throws a `TypeError` or `RangeError` that says which rule it breaks. */
export function transaction(input: TransactionInput): Transaction {
  const built: Transaction = {
    chain: fixedBytes(input.chain, 32, "chain"),
    signer: input.signer,
    salt: whole(input.salt ?? randomSalt(), "salt"),
    expiresAtMs: whole(input.expiresAtMs ?? Date.now() + DEFAULT_LIFETIME_MS, "expiresAtMs"),
    checks: (input.checks ?? []).map(buildCheck),
    ops: input.ops.map(buildOp),
  };
  publicKeyOf(input.signer);
  checkForm(built);
  return built;
}

function randomSalt(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
}

function whole(value: Whole, what: string): bigint {
  const isWhole =
    typeof value === "string" ? /^-?[0-9]+$/.test(value) : typeof value === "bigint" || Number.isSafeInteger(value);
  if (!isWhole) {
    throw new TypeError(
      `${what}: expected a whole number, above 2^53 as a bigint or decimal text, got ${shown(value)}`,
    );
  }
  return BigInt(value);
}

function buildCheck(input: CheckInput): Check {
  switch (input.check) {
    case "absent":
    case "exists":
      return { check: input.check, key: textBytes(input.key) };
    case "value":
      return { check: input.check, key: textBytes(input.key), value: textBytes(input.value) };
    case "version":
      return { check: input.check, key: textBytes(input.key), version: whole(input.version, "version") };
    case "balance":
      return { check: input.check, account: input.account, atLeast: whole(input.atLeast, "atLeast") };
    default:
      throw new TypeError(`there is no such check: ${shown(input)}`);
  }
}

function buildOp(input: OpInput): Op {
  switch (input.op) {
    case "put":
    case "append":
      return { op: input.op, key: textBytes(input.key), value: textBytes(input.value) };
    case "delete":
    case "get":
      return { op: input.op, key: textBytes(input.key) };
    case "add":
      return { op: input.op, key: textBytes(input.key), delta: whole(input.delta, "delta") };
    case "transfer":
      return { op: input.op, to: input.to, amount: whole(input.amount, "amount") };
    case "approve":
      return input;
    default:
      throw new TypeError(`there is no such op: ${shown(input)}`);
  }
}

/** Judges everything but signature, chain and time, by the rules that nodes go by. */
function checkForm(built: Transaction): void {
  const { checks, ops, signer } = built;
  if (ops.length < 1 || ops.length > MAX_OPS || checks.length > MAX_CHECKS) {
    throw new RangeError(
      `a transaction has 1 to ${MAX_OPS} ops and at most ${MAX_CHECKS} checks, not ${ops.length} and ${checks.length}`,
    );
  }
  if (ops.some(({ op }) => op === "approve") && ops.length + checks.length > 1) {
    throw new RangeError("an approval of a change is the only op of its transaction, which has no checks");
  }
  for (const part of [...checks, ...ops]) {
    if ("key" in part) {
      checkKey(part.key);
    }
    if ("value" in part && part.value.length > MAX_VALUE_BYTES) {
      throw new RangeError(`a value has ${part.value.length} bytes, above the limit of ${MAX_VALUE_BYTES}`);
    }
    if ("op" in part && "key" in part && part.op !== "get") {
      checkWrite(part.key, signer);
    }
  }
  const size = encode(wire, built).length + 64;
  if (size > MAX_TRANSACTION_BYTES) {
    throw new RangeError(`the transaction has ${size} bytes, above the limit of ${MAX_TRANSACTION_BYTES}`);
  }
}

function checkKey(key: Bytes): void {
  if (!isBytes(key) || key.length < 1 || key.length > MAX_KEY_BYTES) {
    throw new RangeError(`a key is ${shown(key)}; keys have 1 to ${MAX_KEY_BYTES} bytes`);
  }
  if (key[0] === 0) {
    throw new RangeError(`key ${toHex(key)} is reserved: no transaction uses keys that start with a zero byte`);
  }
}

/** A key under `@<account>/` is written by that account alone, and a balance by transfers alone. */
function checkWrite(key: Bytes, signer: string): void {
  const own = textBytes(`@${signer}/`);
  const isOwn = equal(key.slice(0, own.length), own) && !equal(key, textBytes(`@${signer}/balance`));
  if (key[0] === 0x40 && !isOwn) {
    throw new RangeError(
      `key ${shown(utf8(key) ?? toHex(key))} may not be written by ${signer}: keys under @<account>/ are written by that ` +
        "account, balances by transfer",
    );
  }
}

const domainOf = ({ chain }: Transaction) => ({ chain, group: 0, epoch: 0n, role: "transaction" }) as const;

/** The bytes that the signer signs. */
export function transactionSigningBytes(built: Transaction): Bytes {
  return signingBytes(domainOf(built), wire, built);
}

/** The transaction's id: the hash of what is signed, as `0x` hex. The signature is no part of it. */
export function transactionId(built: Transaction): string {
  return toHex(sha256(transactionSigningBytes(built)));
}

/** A signed transaction: its id, and the bytes to submit, as often as needed. */
export interface Signed {
  /** The transaction's id. */
  txId: string;
  /** The signed bytes as `0x` hex: `tx` of tx_submit. */
  tx: string;
  /** When it expires, Unix milliseconds. */
  expiresAtMs: number;
}

/** Signs a transaction. Throws a `TypeError` if the key is not the signer's. */
export function sign(built: Transaction, key: SecretKey): Signed {
  if (key.address !== built.signer) {
    throw new TypeError(`the transaction names ${built.signer} as its signer, and the key is ${key.address}'s`);
  }
  return signedWith(built, key.sign(transactionSigningBytes(built)));
}

/** Puts a signature that was made elsewhere, such as in a wallet, to a transaction. Throws a `TypeError` if it is wrong. */
export function signedWith(built: Transaction, signature: Bytes): Signed {
  const message = transactionSigningBytes(built);
  if (!verifySignature(publicKeyOf(built.signer), message, fixedBytes(signature, 64, "signature"))) {
    throw new TypeError(`the signature is not ${built.signer}'s`);
  }
  const tx = toHex(encode(signedTransaction, { transaction: built, signature }));
  return { txId: toHex(sha256(message)), tx, expiresAtMs: Number(built.expiresAtMs) };
}

/** Reads signed bytes, e.g. to see what somebody hands over. Throws a `MalformedError`. */
export function decodeSigned(tx: Bytes | string): SignedTransaction {
  return decode(signedTransaction, typeof tx === "string" ? fromHex(tx, "tx") : tx, LIMITS.signedTransaction);
}
