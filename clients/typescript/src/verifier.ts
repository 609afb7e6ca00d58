// Judges what nodes say by a genesis or a checkpoint alone, and trusts no node. The counterpart of light/src/lib.rs and
// light/src/proofs.rs.
//
// It rests on what the user brings, one of two: a genesis and the keys it names, and then everything here holds as long as no
// quorum of the keys of any epoch so far ever leaked; or a checkpoint, an epoch of the root group named by somebody whom the
// user believes, and then no key of before counts. It does not say that a result is the newest: each one names its height and
// block time.

import { publicKeyOf } from "./account.js";
import { type Bytes, equal, fixedBytes, fromHex, isBytes, sha256, shown, textBytes, toHex, utf8 } from "./bytes.js";
import { MalformedError, decode } from "./codec.js";
import { type Engine, Epochs, ROOT_GROUP, provedRecord } from "./epochs.js";
import { readGenesis } from "./genesis.js";
import { verifySignature } from "./keys.js";
import { payloadRoot, rootOfListProof, rootOfReservedProof, rootOfSlot, rootOfStateProof } from "./merkle.js";
import { exact, refuse } from "./proof-error.js";
import { type Text, transactionSigningBytes } from "./transaction.js";
import {
  type Entry,
  type EpochLink,
  type EpochRecord,
  LIMITS,
  type Outcome,
  type PortableOutcome,
  type PortableReceipt,
  type PortableSlotProof,
  type PortableStateProof,
  type Receipt,
  type Seal,
  type SealedBlock,
  type SealedHeader,
  type SignedTransaction,
  type SlotEntry,
  blockId,
  entryHash,
  epochHash,
  epochLink,
  epochRecord,
  incoming,
  portableEpoch,
  portableOutcome,
  portableReceipt,
  portableSlotProof,
  portableStateProof,
  receiptHash,
  seal as wireSeal,
  sealedBlock,
  sealedHeader,
} from "./wire.js";

const STATE_FORMAT = "witan-state-proof-1";
const SLOT_FORMAT = "witan-slot-proof-1";
const OUTCOME_FORMAT = "witan-outcome-proof-1";
const EPOCH_FORMAT = "witan-epoch-proof-1";

/** What a verified result rests on, beside what the verifier trusts. */
export interface Verified {
  /** The group whose block it is. */
  group: number;
  /** The group's epoch then. */
  epoch: number;
  /** The block's height. */
  height: number;
  /** The block's id. */
  blockId: string;
  /** The group's engine. */
  engine: Engine;
  /** Who signed, by place in the group, ascending: a quorum, and maybe more. Every signature was checked. */
  signers: number[];
  /**
   * `quorum`: it is so unless more members lie than the engine withstands. `members`: the engine withstands crashes only, so
   * it is so unless a single member lied. Of a result about several groups, as the weakest of them.
   */
  trust: "quorum" | "members";
}

/** A proved header. */
export interface VerifiedHeader extends Verified {
  /** The block's time, Unix milliseconds. */
  timeMs: number;
  /** The state root after the block. */
  stateRoot: string;
  /** The root of its receipts. */
  receiptsRoot: string;
}

/** A proved fact: after this block the key held this entry, or nothing. */
export interface VerifiedEntry extends VerifiedHeader {
  key: Bytes;
  /** What it held; `null` is proved absence. */
  entry: Entry | null;
}

/** A proved fact: all that the slot held after this block. What is not among the entries was absent. */
export interface VerifiedSlot extends VerifiedHeader {
  slot: number;
  /** Every key in it, ascending, with what it held. */
  entries: SlotEntry[];
}

/** A proved fact: so the transaction ended, in this block. */
export interface VerifiedReceipt extends VerifiedHeader {
  txId: string;
  receipt: Receipt;
}

/** A proved fact: so the transaction ended, and every group that it touches has heard so. */
export interface VerifiedOutcome extends VerifiedReceipt {
  /** The transaction, with its signer's signature checked; `null` if the proof does not show it. */
  transaction: SignedTransaction | null;
  /** For each other group a block by which it had obeyed: its part is visible after that block, or was dropped by then. */
  parts: VerifiedHeader[];
}

/** A proved epoch of a group: who runs it, how, and its last block if it was over then. */
export interface VerifiedEpoch {
  /** The block of the root group after which its record stood. */
  at: VerifiedHeader;
  record: EpochRecord;
}

/** A start to trust other than genesis: what chain_getEpoch answers about an epoch of the root group, or the same from elsewhere. */
export interface Checkpoint {
  /** The network. */
  chain: string;
  /** Which epoch of its root group. */
  epoch: number;
  /** The hash of its record. */
  hash: string;
  /** The record itself. */
  record: string;
}

/** A proof as methods with `prove` answer it. */
export type ProofInput = Bytes | string | { format: string; bytes: string };

const bytesOf = (value: Bytes | string, what: string): Bytes =>
  isBytes(value) ? value : fromHex(value, what);

/** What a verifier starts from, if it is no genesis. */
class Start {
  constructor(
    readonly chain: Bytes,
    readonly records: EpochRecord[],
  ) {}
}

/** Judges what nodes say by a genesis or a checkpoint, and by the epochs that were proved to it since. */
export class Verifier {
  /** The network it judges for: the hash of the genesis. */
  readonly chain: string;
  readonly #chain: Bytes;
  readonly #epochs: Epochs;

  /** From what stands in `genesis.json`, parsed. Throws a `GenesisError`. Take it from somebody you trust, not from a node. */
  constructor(genesis: unknown) {
    const { chain, records } = genesis instanceof Start ? genesis : readGenesis(genesis);
    [this.#chain, this.#epochs, this.chain] = [chain, new Epochs(records), toHex(chain)];
  }

  /**
   * A verifier that trusts no genesis: the epochs of all other groups, the first ones included, have to be proved to it by
   * `learnEpoch`. Take the checkpoint from somebody you trust: a false one can have anything believed. Throws a `ProofError` or
   * `MalformedError`.
   */
  static fromCheckpoint({ chain, epoch, hash, record: encoded }: Checkpoint): Verifier {
    const record = decode(epochRecord, bytesOf(encoded, "record"), LIMITS.epochRecord);
    const isNamed = record.group === ROOT_GROUP && record.epoch === BigInt(epoch);
    if (!isNamed || !equal(epochHash(record), fixedBytes(hash, 32, "hash"))) {
      refuse(
        "NOT_THE_CHECKPOINT",
        `the record of epoch ${record.epoch} of group ${record.group} is not the one that the checkpoint names`,
      );
    }
    // When an epoch closes is no part of the hash, so it is not believed.
    return new Verifier(new Start(fixedBytes(chain, 32, "chain"), [{ ...record, closed: null }]));
  }

  /** Checks that a quorum signed a result: `encoded` of chain_getSeal. Throws a `ProofError` or `MalformedError`. */
  verifySeal(encoded: Bytes | string): Verified & { outcome: Outcome } {
    const seal = decode(wireSeal, bytesOf(encoded, "seal"), LIMITS.seal);
    return { ...this.#seal(seal), outcome: seal.outcome };
  }

  /** Checks a header with its seal, as nodes exchange them. Throws a `ProofError` or `MalformedError`. */
  verifySealedHeader(encoded: Bytes | string): VerifiedHeader {
    return this.#header(decode(sealedHeader, bytesOf(encoded, "sealed header"), LIMITS.sealedHeader));
  }

  /** Checks a whole block: it is final, and its payload is the one agreed on. Throws a `ProofError` or `MalformedError`. */
  verifySealedBlock(encoded: Bytes | string): VerifiedHeader & { block: SealedBlock["block"] } {
    const { block, seal } = decode(sealedBlock, bytesOf(encoded, "sealed block"), LIMITS.sealedBlock);
    const verified = this.#header({ header: block.header, seal });
    if (!equal(payloadRoot(block.payload), block.header.payloadRoot)) {
      refuse("PAYLOAD_OF_ANOTHER_BLOCK", "the payload is not the one the header names");
    }
    return { ...verified, block };
  }

  /**
   * Checks what a group's state held at `key`: `proof` of state_get with `prove`. What the answer shows beside the proof is not
   * looked at: go by what this returns. Throws a `ProofError` or `MalformedError`.
   */
  verifyState(proof: ProofInput, key: Text): VerifiedEntry {
    const portable = decode(portableStateProof, proofBytes(proof, STATE_FORMAT), LIMITS.portableStateProof);
    if (!equal(portable.key, textBytes(key))) {
      refuse("ANOTHER_SUBJECT", `it is about key ${shown(utf8(portable.key) ?? toHex(portable.key))}, not ${shown(key)}`);
    }
    return this.#state(portable);
  }

  /**
   * Checks all that a group's state held in a slot: `proof` of state_getSlot with `prove`. The slot's tree is made again from the
   * entries, so none can be left out. Throws a `ProofError` or `MalformedError`.
   */
  verifySlot(proof: ProofInput, slot: number): VerifiedSlot {
    const portable = decode(portableSlotProof, proofBytes(proof, SLOT_FORMAT), LIMITS.portableSlotProof);
    if (portable.slot !== slot) {
      refuse("ANOTHER_SUBJECT", `it is about slot ${portable.slot}, not ${slot}`);
    }
    return this.#slot(portable);
  }

  /**
   * Checks how a transaction ended in every group that it touches: `proof` of tx_get with `prove`. Its coordinator's receipt says
   * how, and where in the channel to each other group the decision stands; each group's own state says that it consumed it, and to
   * consume a decision is to obey it. Throws a `ProofError` or `MalformedError`.
   */
  verifyOutcome(proof: ProofInput, txId: string): VerifiedOutcome {
    const portable = decode(portableOutcome, proofBytes(proof, OUTCOME_FORMAT), LIMITS.portableOutcome);
    checkAbout(portable.receipt.receipt, txId);
    return this.#outcome(portable);
  }

  /**
   * Checks who runs a group in an epoch, and takes it in: `proof` of chain_getEpoch with `prove`. The steps before a record that is
   * refused are known all the same, since they were proved. Throws a `ProofError` or `MalformedError`.
   */
  learnEpoch(proof: ProofInput): VerifiedEpoch {
    const portable = decode(portableEpoch, proofBytes(proof, EPOCH_FORMAT), LIMITS.portableEpoch);
    portable.links.forEach((link) => this.#step(link));
    const verified = this.#record(portable.record);
    const { group, epoch } = verified.record;
    if (group === ROOT_GROUP && epoch < this.#epochs.root.first) {
      refuse("BEFORE_THE_START", `epoch ${epoch} of the root group is older than the one that is trusted here`);
    }
    this.#epochs.learn(verified.record);
    return verified;
  }

  /**
   * Goes from the newest epoch of the root group that is known to the next: one of `epochs` of chain_getLightBlock. Throws a
   * `ProofError` or `MalformedError`.
   */
  learnRootEpoch(step: Bytes | string): void {
    this.#step(decode(epochLink, bytesOf(step, "step"), LIMITS.epochLink));
  }

  /** Checks a block without its payload, over the epochs that lead to it: what chain_getLightBlock answers. Throws likewise. */
  verifyLightBlock({ encoded, epochs }: { encoded: string; epochs: string[] }): VerifiedHeader {
    epochs.forEach((step) => this.learnRootEpoch(step));
    return this.verifySealedHeader(encoded);
  }

  /** Checks how a transaction ended. Throws a `ProofError` or `MalformedError`. */
  verifyReceipt(encoded: Bytes | string, txId: string): VerifiedReceipt {
    const portable = decode(portableReceipt, bytesOf(encoded, "receipt"), LIMITS.portableReceipt);
    checkAbout(portable.receipt, txId);
    return this.#receipt(portable);
  }

  #seal(seal: Seal): Verified {
    const { outcome } = seal;
    if (!equal(outcome.chain, this.#chain)) {
      refuse("WRONG_CHAIN", `it is about chain ${toHex(outcome.chain)}, and what is trusted is of chain ${this.chain}`);
    }
    const { engine, signers } = this.#epochs.verify(seal);
    return {
      group: outcome.group,
      epoch: exact(outcome.epoch, "epoch"),
      height: exact(outcome.height, "height"),
      blockId: toHex(outcome.blockId),
      engine,
      signers,
      trust: engine === "raft" ? "members" : "quorum",
    };
  }

  #header({ header, seal }: SealedHeader): VerifiedHeader {
    const { outcome } = seal;
    const same =
      equal(outcome.blockId, blockId(header)) &&
      equal(outcome.chain, header.chain) &&
      outcome.group === header.group &&
      outcome.epoch === header.epoch &&
      outcome.height === header.height;
    if (!same) {
      refuse("SEAL_OF_ANOTHER_BLOCK", "the seal is about another block than the header");
    }
    return {
      ...this.#seal(seal),
      timeMs: exact(header.timeMs, "time"),
      stateRoot: toHex(outcome.stateRoot),
      receiptsRoot: toHex(outcome.receiptsRoot),
    };
  }

  #state({ header, key, entry, proof }: PortableStateProof): VerifiedEntry {
    const name = shown(utf8(key) ?? toHex(key));
    if (header.header.group === ROOT_GROUP) {
      refuse("ROOT_GROUP", "the root group holds no keys of users");
    }
    if (proof.marker === null) {
      refuse("SLOT_NOT_OWNED", `group ${header.header.group} does not own the slot of key ${name}`);
    }
    // The path costs little, and signatures much: so a path that leads nowhere is refused first.
    const root = rootOfStateProof(proof, key, entry === null ? null : entryHash(entry));
    if (root === undefined || !equal(root, header.seal.outcome.stateRoot)) {
      refuse("WRONG_PATH", `the proof does not lead from key ${name} to the sealed state root`);
    }
    const verified = this.#header(header);
    // The marker is part of the path, so only now can it be believed.
    if (proof.marker.state === "frozen") {
      refuse("SLOT_FROZEN", `the slot of key ${name} is frozen in group ${verified.group}: it moves to another group`);
    }
    return { ...verified, key, entry };
  }

  #receipt({ header, receipt, proof }: PortableReceipt): VerifiedReceipt {
    const root = rootOfListProof(proof, receiptHash(receipt));
    if (root === undefined || !equal(root, header.seal.outcome.receiptsRoot)) {
      refuse(
        "WRONG_RECEIPT",
        `the proof does not lead from the receipt of transaction ${toHex(receipt.id)} to the sealed receipts root`,
      );
    }
    return { ...this.#header(header), txId: toHex(receipt.id), receipt };
  }

  #slot(portable: PortableSlotProof): VerifiedSlot {
    const { header, slot, entries, proof } = portable;
    if (header.header.group === ROOT_GROUP) {
      refuse("ROOT_GROUP", "the root group holds no keys of users");
    }
    const root = rootOfSlot(
      portable,
      entries.map(({ key, entry }) => ({ key, entry: entryHash(entry) })),
    );
    if (root === undefined || !equal(root, header.seal.outcome.stateRoot)) {
      refuse(
        "WRONG_SLOT",
        `the entries shown of slot ${slot} do not lead to the sealed state root: one is missing, added or another`,
      );
    }
    const verified = this.#header(header);
    if (proof.marker.state === "frozen") {
      refuse("WHOLE_SLOT_FROZEN", `slot ${slot} is frozen in group ${verified.group}: it moves to another group`);
    }
    return { ...verified, slot, entries };
  }

  #outcome({ transaction, receipt: portable, parts }: PortableOutcome): VerifiedOutcome {
    const verified = this.#receipt(portable);
    const { told } = portable.receipt;
    if (transaction !== null) {
      this.#transaction(transaction, verified.txId);
    }
    if (parts.length !== told.length || parts.some((part, at) => part.header.header.group !== told[at]?.group)) {
      refuse(
        "WRONG_PARTS",
        `the receipt of transaction ${verified.txId} names other groups than those whose parts are shown`,
      );
    }
    const obeyed = parts.map((part, at) => this.#part(part, verified.group, told[at]?.place ?? 0n));
    const isWeak = [verified, ...obeyed].some(({ trust }) => trust === "members");
    return { ...verified, trust: isWeak ? "members" : "quorum", transaction, parts: obeyed };
  }

  #transaction({ transaction, signature }: SignedTransaction, proved: string): void {
    const message = transactionSigningBytes(transaction);
    const id = toHex(sha256(message));
    if (id !== proved) {
      refuse("ANOTHER_TRANSACTION", `the transaction shown is ${id}, and the receipt is of ${proved}`);
    }
    if (!equal(transaction.chain, this.#chain)) {
      refuse("WRONG_CHAIN", `transaction ${id} is for chain ${toHex(transaction.chain)}`);
    }
    if (!verifySignature(publicKeyOf(transaction.signer), message, signature)) {
      refuse("NOT_SIGNED", `transaction ${id} does not carry its signer's signature`);
    }
  }

  /** A group has consumed what stands at a place of the channel from the coordinator. */
  #part({ header, cursor, proof }: PortableOutcome["parts"][number], coordinator: number, place: bigint) {
    const root = rootOfReservedProof(proof, channelFrom(coordinator), entryHash(cursor));
    if (root === undefined || !equal(root, header.seal.outcome.stateRoot)) {
      refuse("WRONG_PATH", `the proof does not lead from a cursor of group ${header.header.group} to its sealed state`);
    }
    const verified = this.#header(header);
    if (consumed(cursor) <= place) {
      refuse("NOT_HEARD", `group ${verified.group} had not heard the decision after its block ${verified.height}`);
    }
    return verified;
  }

  #step({ closing, record }: EpochLink): void {
    const { header, seal } = closing;
    for (const group of [header.group, record.group]) {
      if (group !== ROOT_GROUP) {
        refuse("NOT_THE_ROOT", `it is about group ${group}: only epochs of the root group follow from each other`);
      }
    }
    const { first, newest } = this.#epochs.root;
    // Nothing is to be believed of what was before the start.
    if (record.epoch <= first) {
      return;
    }
    if (header.epoch + 1n !== record.epoch || header.epoch < first || header.epoch > newest) {
      refuse(
        "EPOCH_SKIPPED",
        `epoch ${record.epoch} of the root group does not follow: the newest one known is ${newest}`,
      );
    }
    this.#header(closing);
    const { height, blockId: id, nextEpoch } = seal.outcome;
    if (nextEpoch === null) {
      refuse("NOT_THE_END", `block ${height} of the root group does not end its epoch: its seal names no next one`);
    }
    if (!equal(nextEpoch, epochHash(record))) {
      refuse(
        "FORGED_EPOCH",
        `the seal that ends the epoch before names the record ${toHex(nextEpoch)}, and this is another`,
      );
    }
    this.#epochs.endRoot(header.epoch, { height, id });
    // When it closes in turn is no part of the hash, so it is not believed.
    this.#epochs.learn({ ...record, closed: null });
  }

  /** The record of an epoch in a sealed state of the root group, without taking it in. */
  #record(portable: PortableStateProof): VerifiedEpoch {
    const { header, key, entry, proof } = portable;
    if (header.header.group !== ROOT_GROUP) {
      refuse("NOT_THE_ROOT", `it is about group ${header.header.group}: records of epochs are the root group's`);
    }
    const at = this.#header(header);
    const record = provedRecord(portable, () => {
      const root = rootOfReservedProof(proof, key, entry === null ? null : entryHash(entry));
      if (root === undefined || !equal(root, header.seal.outcome.stateRoot)) {
        refuse("WRONG_PATH", `the proof does not lead from key ${toHex(key)} to the sealed state root`);
      }
    });
    return { at, record };
  }
}

/** The reserved key of the channel from a group: 00 | i | group u32, big endian. */
function channelFrom(group: number): Bytes {
  const key = Uint8Array.of(0, 0x69, 0, 0, 0, 0);
  new DataView(key.buffer).setUint32(2, group);
  return key;
}

/** How many messages of a group were consumed; none if what stands there is no cursor. */
function consumed({ value }: Entry): bigint {
  try {
    return value.type === "record" ? decode(incoming, value.value, LIMITS.incoming).consumed : 0n;
  } catch {
    return 0n;
  }
}

function checkAbout({ id }: Receipt, txId: string): void {
  if (!equal(id, fixedBytes(txId, 32, "txId"))) {
    refuse("ANOTHER_SUBJECT", `it is about transaction ${toHex(id)}, not ${txId}`);
  }
}

function proofBytes(proof: ProofInput, format: string): Bytes {
  if (typeof proof === "string" || isBytes(proof)) {
    return bytesOf(proof, "proof");
  }
  if (typeof proof !== "object" || proof === null) {
    throw new MalformedError(`${shown(proof)} is no proof`);
  }
  if (proof.format !== format) {
    refuse("FORMAT", `its format is ${shown(proof.format)}, and ${format} is read here`);
  }
  return fromHex(proof.bytes, "proof.bytes");
}
