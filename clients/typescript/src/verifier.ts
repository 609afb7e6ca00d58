// Judges what nodes say by a genesis alone, and trusts no node. The counterpart of light/src/lib.rs.
//
// It rests on the genesis, which the user brings, and on the keys it names: everything here holds as long as no quorum of
// those keys ever leaked. It does not say that a result is the newest: each one names its height and block time.

import { type Bytes, equal, fixedBytes, fromHex, isBytes, shown, textBytes, toHex, utf8 } from "./bytes.js";
import { decode } from "./codec.js";
import { type Committee, type Engine, readGenesis } from "./genesis.js";
import { verifySignature } from "./keys.js";
import { payloadRoot, rootOfListProof, rootOfStateProof } from "./merkle.js";
import type { Text } from "./transaction.js";
import {
  type Entry,
  LIMITS,
  type Outcome,
  type PortableReceipt,
  type PortableStateProof,
  type Receipt,
  type Seal,
  type SealedBlock,
  type SealedHeader,
  blockId,
  entryHash,
  outcome as wireOutcome,
  portableReceipt,
  portableStateProof,
  receiptHash,
  seal as wireSeal,
  sealedBlock,
  sealedHeader,
  signingBytes,
} from "./wire.js";

const PROOF_FORMAT = "witan-state-proof-1";
const FIRST_EPOCH = 1n;
const ROOT_GROUP = 0;

/** Something that is not proved, with the reason. */
export class ProofError extends Error {
  override name = "ProofError";
}

/** What a verified result rests on, beside the genesis. */
export interface Verified {
  /** The group whose block it is. */
  group: number;
  /** The block's height. */
  height: number;
  /** The block's id. */
  blockId: string;
  /** The group's engine. */
  engine: Engine;
  /**
   * `quorum`: it is so unless more members lie than the engine withstands. `members`: the engine withstands crashes only, so
   * it is so unless a single member lied.
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

/** A proved fact: so the transaction ended, in this block. */
export interface VerifiedReceipt extends VerifiedHeader {
  txId: string;
  receipt: Receipt;
}

/** A proof as state_get answers it. */
export type ProofInput = Bytes | string | { format: string; bytes: string };

function refuse(why: string): never {
  throw new ProofError(`not proved: ${why}`);
}

const bytesOf = (value: Bytes | string, what: string): Bytes =>
  typeof value === "string" ? fromHex(value, what) : value;

/** A number of the wire that is surely exact here; no honest chain comes near 2^53 blocks. */
function exact(value: bigint, what: string): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : refuse(`${what} ${value} is above 2^53`);
}

/** Judges what nodes say by a genesis. */
export class Verifier {
  /** The network it judges for: the hash of the genesis. */
  readonly chain: string;
  readonly #chain: Bytes;
  readonly #committees: Map<number, Committee>;

  /** From what stands in `genesis.json`, parsed. Throws a `GenesisError`. Take it from somebody you trust, not from a node. */
  constructor(genesis: unknown) {
    const { chain, committees } = readGenesis(genesis);
    [this.#chain, this.#committees, this.chain] = [chain, committees, toHex(chain)];
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
      refuse("the payload is not the one the header names");
    }
    return { ...verified, block };
  }

  /**
   * Checks what a group's state held at `key`: `proof` of state_get with `prove`. What the answer shows beside the proof is not
   * looked at: go by what this returns. Throws a `ProofError` or `MalformedError`.
   */
  verifyState(proof: ProofInput, key: Text): VerifiedEntry {
    const portable = decode(portableStateProof, proofBytes(proof), LIMITS.portableStateProof);
    if (!equal(portable.key, textBytes(key))) {
      refuse(`it is about key ${shown(utf8(portable.key) ?? toHex(portable.key))}, not ${shown(key)}`);
    }
    return this.#state(portable);
  }

  /** Checks how a transaction ended. Throws a `ProofError` or `MalformedError`. */
  verifyReceipt(encoded: Bytes | string, txId: string): VerifiedReceipt {
    const portable = decode(portableReceipt, bytesOf(encoded, "receipt"), LIMITS.portableReceipt);
    if (!equal(portable.receipt.id, fixedBytes(txId, 32, "txId"))) {
      refuse(`it is about transaction ${toHex(portable.receipt.id)}, not ${txId}`);
    }
    return this.#receipt(portable);
  }

  #seal({ outcome, signatures }: Seal): Verified {
    if (!equal(outcome.chain, this.#chain)) {
      refuse(`it is about chain ${toHex(outcome.chain)}, and this genesis starts chain ${this.chain}`);
    }
    const committee = this.#committees.get(outcome.group) ?? refuse(`genesis names no group ${outcome.group}`);
    if (outcome.epoch !== FIRST_EPOCH) {
      refuse(`epoch ${outcome.epoch}: genesis names the validators of epoch ${FIRST_EPOCH} only`);
    }
    checkQuorum(committee, outcome, signatures);
    const { engine } = committee;
    return {
      group: outcome.group,
      height: exact(outcome.height, "height"),
      blockId: toHex(outcome.blockId),
      engine,
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
      refuse("the seal is about another block than the header");
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
      refuse("the root group holds no keys of users");
    }
    if (proof.marker === null) {
      refuse(`group ${header.header.group} does not own the slot of key ${name}`);
    }
    // The path costs little, and signatures much: so a path that leads nowhere is refused first.
    const root = rootOfStateProof(proof, key, entry === null ? null : entryHash(entry));
    if (root === undefined || !equal(root, header.seal.outcome.stateRoot)) {
      refuse(`the proof does not lead from key ${name} to the sealed state root`);
    }
    const verified = this.#header(header);
    // The marker is part of the path, so only now can it be believed.
    if (proof.marker.state === "frozen") {
      refuse(`the slot of key ${name} is frozen in group ${verified.group}: it moves to another group`);
    }
    return { ...verified, key, entry };
  }

  #receipt({ header, receipt, proof }: PortableReceipt): VerifiedReceipt {
    const root = rootOfListProof(proof, receiptHash(receipt));
    if (root === undefined || !equal(root, header.seal.outcome.receiptsRoot)) {
      refuse(
        `the proof does not lead from the receipt of transaction ${toHex(receipt.id)} to the sealed receipts root`,
      );
    }
    return { ...this.#header(header), txId: toHex(receipt.id), receipt };
  }
}

function proofBytes(proof: ProofInput): Bytes {
  if (typeof proof === "string" || isBytes(proof)) {
    return bytesOf(proof, "proof");
  }
  if (proof.format !== PROOF_FORMAT) {
    refuse(`its format is ${shown(proof.format)}; this release reads ${PROOF_FORMAT}`);
  }
  return fromHex(proof.bytes, "proof.bytes");
}

/** Signers are the bits of a number, from the lowest on; their signatures stand in the same order. */
function checkQuorum({ keys, quorum }: Committee, outcome: Outcome, { signers, signatures }: Seal["signatures"]): void {
  const places = Array.from({ length: 128 }, (_, place) => place).filter((place) => (signers >> BigInt(place)) & 1n);
  if (places.length !== signatures.length || places.length < quorum) {
    refuse(`${places.length} signers with ${signatures.length} signatures, and a quorum is ${quorum}`);
  }
  const where = { chain: outcome.chain, group: outcome.group, epoch: outcome.epoch, role: "seal" } as const;
  const message = signingBytes(where, wireOutcome, outcome);
  for (const [at, place] of places.entries()) {
    const [key, signature] = [keys[place], signatures[at]];
    if (key === undefined || signature === undefined) {
      refuse(`validator ${place} is no member`);
    }
    if (!verifySignature(key, message, signature)) {
      refuse(`the signature of validator ${place} is wrong`);
    }
  }
}
