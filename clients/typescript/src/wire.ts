// What is hashed, signed and sent, as docs/protocol.md describes it. Each limit has the name it has in the Rust crates.

import { account } from "./account.js";
import { type Bytes, concat, sha256 } from "./bytes.js";
import {
  type Codec,
  type ValueOf,
  bool,
  bytes,
  choice,
  encode,
  fixed,
  i128,
  list,
  oneOf,
  option,
  struct,
  text,
  u16,
  u32,
  u64,
  u128,
} from "./codec.js";

export const MAX_KEY_BYTES = 256;
export const MAX_VALUE_BYTES = 64 * 1024;
export const MAX_OPS = 128;
export const MAX_CHECKS = 128;
export const MAX_TRANSACTION_BYTES = 128 * 1024;
export const MAX_VALIDATORS = 128;
export const MAX_GROUPS = 65;
export const MAX_OPERATORS = 64;
const MAX_LIST_ITEMS = 16_384;
const MAX_RECORD_BYTES = 768 * 1024;
const MAX_PROOF_STEPS = 32;
const MAX_SLOT_SIBLINGS = 13;
const MAX_DEPTH = 256;
const MAX_SLOT_ENTRIES = 4096;
const MAX_SLOT_BYTES = 1024 * 1024;
const MAX_LINKS = 128;
export const MAX_NAME_BYTES = 64;
const MAX_PAYLOAD_BYTES = 2 * 1024 * 1024;
const MAX_BATCH_TRANSACTIONS = 16_384;
const MAX_BATCHES = 256;
const MAX_ENVELOPES = 1024;
const MAX_ENVELOPE_MESSAGES = 4096;
const MAX_MESSAGE_BYTES = 320 * 1024;
const MAX_CONTENTS_BYTES = 640 * 1024;
const MAX_FOLLOWERS = 1024;

/** The most bytes that an encoding of each kind may have. */
export const LIMITS = (() => {
  const header = 256;
  const seal = 320 + 32 + 64 * MAX_VALIDATORS;
  const sealedHeader = header + seal;
  const listProof = 8 + 8 + 4 + 32 * MAX_PROOF_STEPS;
  const stateProof = 6 + (4 + 32 * MAX_SLOT_SIBLINGS) + (4 + 32 * MAX_DEPTH) + 65;
  const entry = MAX_RECORD_BYTES + 32;
  const block = MAX_PAYLOAD_BYTES + header;
  const portableStateProof = sealedHeader + (4 + MAX_KEY_BYTES) + (1 + entry) + stateProof;
  const portableReceipt = sealedHeader + 1024 * 1024 + listProof;
  const portablePart = sealedHeader + 64 + stateProof;
  const member = 2 + 32 + 32 + 4 + MAX_NAME_BYTES;
  const epochRecord = 4 + 8 + 1 + (4 + MAX_VALIDATORS * member) + (1 + 8 + 32);
  const epochLink = sealedHeader + epochRecord;
  return {
    header,
    seal,
    sealedHeader,
    listProof,
    block,
    signedTransaction: MAX_TRANSACTION_BYTES,
    payload: MAX_PAYLOAD_BYTES,
    sealedBlock: block + seal,
    contents: MAX_CONTENTS_BYTES,
    envelope: seal + MAX_CONTENTS_BYTES + listProof,
    portableStateProof,
    portableReceipt,
    portableSlotProof: sealedHeader + 2 + 4 + MAX_SLOT_BYTES + (5 + 4 + 32 * MAX_SLOT_SIBLINGS),
    portableOutcome: 1 + MAX_TRANSACTION_BYTES + portableReceipt + (4 + MAX_GROUPS * portablePart),
    incoming: 16,
    epochRecord,
    epochLink,
    portableEpoch: 4 + MAX_LINKS * epochLink + portableStateProof,
  };
})();

export const hash = fixed(32);
export const signature = fixed(64);
export const key = bytes(MAX_KEY_BYTES);
const value = bytes(MAX_VALUE_BYTES);

export const parameters = struct({
  blockTimeMs: u64,
  idleIntervalMs: u64,
  baseTimeoutMs: u64,
  maxTimeoutMs: u64,
  maxTxLifetimeMs: u64,
  maxDriftMs: u64,
  maxBlockBytes: u64,
  prepareTimeoutMs: u64,
  readTimeoutMs: u64,
});
export const operators = struct({ accounts: list(account, MAX_OPERATORS), threshold: u16 });
export const change = struct({
  version: u64,
  kind: choice("kind", { parameters: { parameters }, operators: { operators } }),
});

export const check = choice("check", {
  absent: { key },
  exists: { key },
  value: { key, value },
  version: { key, version: u128 },
  balance: { account, atLeast: u128 },
});
export const op = choice("op", {
  put: { key, value },
  delete: { key },
  append: { key, value },
  add: { key, delta: i128 },
  transfer: { to: account, amount: u128 },
  get: { key },
  approve: { change },
});
export const transaction = struct({
  chain: hash,
  signer: account,
  salt: u64,
  expiresAtMs: u64,
  checks: list(check, MAX_CHECKS),
  ops: list(op, MAX_OPS),
});
export const signedTransaction = struct({ transaction, signature });

export const header = struct({
  chain: hash,
  group: u32,
  epoch: u64,
  height: u64,
  tag: u64,
  parent: hash,
  proposer: u16,
  timeMs: u64,
  payloadRoot: hash,
});
export const outcome = struct({
  chain: hash,
  group: u32,
  epoch: u64,
  height: u64,
  blockId: hash,
  stateRoot: hash,
  receiptsRoot: hash,
  outboxRoot: hash,
  nextEpoch: option(hash),
});
export const quorumSignatures = struct({ signers: u128, signatures: list(signature, MAX_VALIDATORS) });
export const seal = struct({ outcome, signatures: quorumSignatures });
export const sealShare = struct({ outcome, validator: u16, signature });
export const sealedHeader = struct({ header, seal });

export const listProof = struct({ index: u64, length: u64, siblings: list(hash, MAX_PROOF_STEPS) });
export const contents = struct({
  destination: u32,
  first: u64,
  consumed: u64,
  messages: list(bytes(MAX_MESSAGE_BYTES), MAX_ENVELOPE_MESSAGES),
});
export const envelope = struct({ seal, contents, proof: listProof });
const transactions = list(signedTransaction, MAX_BATCH_TRANSACTIONS);
export const batch = choice("batch", { inline: { transactions } });
export const payload = struct({ batches: list(batch, MAX_BATCHES), envelopes: list(envelope, MAX_ENVELOPES) });
export const block = struct({ header, payload });
export const sealedBlock = struct({ block, seal });

export const entry = struct({
  value: choice("type", {
    bytes: { value },
    list: { value: list(value, MAX_LIST_ITEMS) },
    counter: { value: i128 },
    balance: { value: u128 },
    record: { value: bytes(MAX_RECORD_BYTES) },
  }),
  version: u128,
});

const failure = oneOf(
  "CHECK_FAILED",
  "INSUFFICIENT_BALANCE",
  "WRONG_TYPE",
  "OVERFLOW",
  "READ_TOO_LARGE",
  "FORBIDDEN_KEY",
  "NOT_AN_OPERATOR",
  "STALE_VERSION",
  "BAD_CHANGE",
);
const given = oneOf("CONFLICT", "DEADLINE", "failed there");
/** Why a transaction was aborted; a reason for which it would have failed in another group stands for itself. */
const abort: Codec<"CONFLICT" | "DEADLINE" | ValueOf<typeof failure>> = {
  write(to, reason) {
    if (reason === "CONFLICT" || reason === "DEADLINE") {
      given.write(to, reason);
    } else {
      given.write(to, "failed there");
      failure.write(to, reason);
    }
  },
  read(from) {
    const reason = given.read(from);
    return reason === "failed there" ? failure.read(from) : reason;
  },
};
export const receipt = struct({
  id: hash,
  expiresAtMs: u64,
  index: u32,
  outcome: choice("status", {
    applied: { reads: list(struct({ key, entry: option(entry) }), MAX_OPS) },
    failed: { reason: failure },
    aborted: { reason: abort },
  }),
  told: list(struct({ group: u32, place: u64 }), MAX_GROUPS),
});

const marker = struct({ incarnation: u32, state: oneOf("serving", "frozen") });
export const stateProof = struct({
  marker: option(marker),
  slotSiblings: list(hash, MAX_SLOT_SIBLINGS),
  siblings: list(hash, MAX_DEPTH),
  other: option(struct({ path: hash, entry: hash })),
});
export const portableStateProof = struct({ header: sealedHeader, key, entry: option(entry), proof: stateProof });
export const portableReceipt = struct({ header: sealedHeader, receipt, proof: listProof });
export const portableSlotProof = struct({
  header: sealedHeader,
  slot: u16,
  entries: list(struct({ key, entry }), MAX_SLOT_ENTRIES),
  proof: struct({ marker, siblings: list(hash, MAX_SLOT_SIBLINGS) }),
});
export const portableOutcome = struct({
  transaction: option(signedTransaction),
  receipt: portableReceipt,
  parts: list(struct({ header: sealedHeader, cursor: entry, proof: stateProof }), MAX_GROUPS),
});
/** What a group remembers of the channel from another. */
export const incoming = struct({ consumed: u64, told: u64 });

export const engine = oneOf("hotstuff", "pbft", "raft");
export const epochRecord = struct({
  group: u32,
  epoch: u64,
  engine,
  members: list(struct({ place: u16, key: hash, node: hash, name: bytes(MAX_NAME_BYTES) }), MAX_VALIDATORS),
  closed: option(struct({ height: u64, id: hash })),
});
export const epochLink = struct({ closing: sealedHeader, record: epochRecord });
export const portableEpoch = struct({ links: list(epochLink, MAX_LINKS), record: portableStateProof });
const name = text(1024 * 1024);
export const genesis = struct({
  name,
  timeMs: u64,
  devnet: bool,
  permissioned: bool,
  validators: list(struct({ name, key: hash, node: hash }), MAX_VALIDATORS),
  followers: list(hash, MAX_FOLLOWERS),
  operators,
  groups: list(struct({ id: u32, engine, members: option(list(u16, MAX_VALIDATORS)) }), MAX_GROUPS),
  balances: list(struct({ account, balance: u128 }), 0xffff_ffff),
  parameters,
});

export type Transaction = ValueOf<typeof transaction>;
export type SignedTransaction = ValueOf<typeof signedTransaction>;
export type Check = ValueOf<typeof check>;
export type Op = ValueOf<typeof op>;
export type Change = ValueOf<typeof change>;
export type Header = ValueOf<typeof header>;
export type Outcome = ValueOf<typeof outcome>;
export type Seal = ValueOf<typeof seal>;
export type SealedHeader = ValueOf<typeof sealedHeader>;
export type SealedBlock = ValueOf<typeof sealedBlock>;
export type Payload = ValueOf<typeof payload>;
export type Entry = ValueOf<typeof entry>;
export type Receipt = ValueOf<typeof receipt>;
export type ListProof = ValueOf<typeof listProof>;
export type StateProof = ValueOf<typeof stateProof>;
export type PortableStateProof = ValueOf<typeof portableStateProof>;
export type PortableReceipt = ValueOf<typeof portableReceipt>;
export type PortableSlotProof = ValueOf<typeof portableSlotProof>;
export type SlotEntry = PortableSlotProof["entries"][number];
export type PortableOutcome = ValueOf<typeof portableOutcome>;
export type EpochRecord = ValueOf<typeof epochRecord>;
export type EpochLink = ValueOf<typeof epochLink>;

const SIGNING_PREFIX = "witan\0v1";

/** Where a signature counts. Engine messages are not for clients, and have no role here. */
const domain = struct({ chain: hash, group: u32, epoch: u64, role: oneOf("transaction", "seal") });

/** The bytes that are signed for a statement: prefix, domain, statement. */
export function signingBytes<T>(where: ValueOf<typeof domain>, codec: Codec<T>, statement: T): Bytes {
  return concat(SIGNING_PREFIX, encode(domain, where), encode(codec, statement));
}

/** `hash(tag | encoding)`: what stands for a value in a tree or a chain. */
function tagged<T>(tag: string, codec: Codec<T>): (value: T) => Bytes {
  return (value) => sha256(tag, encode(codec, value));
}

export const blockId = tagged("witan block", header);
export const entryHash = tagged("witan entry", entry);
export const receiptHash = tagged("witan receipt", receipt);
export const changeHash = tagged("witan change", change);
export const chainOf = tagged("witan genesis", genesis);
export const envelopeHash = tagged("witan envelope", envelope);
export const outboxLeaf = tagged("witan outbox", contents);
const openedHash = tagged("witan epoch", epochRecord);
/** Of the record as the epoch opens: it stays the same when the epoch closes. */
export const epochHash = (record: EpochRecord): Bytes => openedHash({ ...record, closed: null });
const transactionsDigest = tagged("witan batch", transactions);
export const batchDigest = (one: ValueOf<typeof batch>): Bytes => transactionsDigest(one.transactions);
