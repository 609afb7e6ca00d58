// Who seals when: the committees of epochs, from genesis or from a checkpoint on. The counterpart of light/src/epochs.rs.

import { type Bytes, equal, toHex } from "./bytes.js";
import { type ValueOf, decode } from "./codec.js";
import { verifySignature } from "./keys.js";
import { refuse } from "./proof-error.js";
import {
  type EpochRecord,
  LIMITS,
  MAX_VALIDATORS,
  type Outcome,
  type PortableStateProof,
  type Seal,
  type engine,
  epochHash,
  epochRecord,
  outcome as wireOutcome,
  signingBytes,
} from "./wire.js";

/** A consensus engine. */
export type Engine = ValueOf<typeof engine>;

export const ROOT_GROUP = 0;
/** The most epochs of all groups together that a verifier keeps; each one that it learns was proved. */
const MAX_EPOCHS = 65_536;

/** Who seals a group's blocks, and how many of them it takes. */
interface Committee {
  /** The members' public keys, in the order of their places. */
  keys: Bytes[];
  /** How many signatures make a quorum. */
  quorum: number;
  /** The engine. */
  engine: Engine;
}

/** What is known of an epoch. */
interface Era {
  committee: Committee;
  hash: Bytes;
  /** Its last block, if that is known. */
  last: EpochRecord["closed"];
}

/** Any two quorums share a member that does not lie (docs/protocol.md, Seals). */
function committeeOf({ engine, members }: EpochRecord): Committee {
  const size = members.length;
  const faulty = Math.floor((size - 1) / 3);
  const quorum = engine === "raft" ? Math.floor(size / 2) + 1 : Math.floor((size + faulty) / 2) + 1;
  return { keys: members.map(({ key }) => key), quorum, engine };
}

/** Refuses a record that makes no committee in which each member counts once. */
export function checkRecord({ group, epoch, members }: EpochRecord): void {
  const unsound = (why: string) =>
    refuse("UNSOUND_EPOCH", `the record of epoch ${epoch} of group ${group} is refused: ${why}`);
  if (members.length === 0) {
    unsound("it has no members");
  }
  if (epoch === 0n) {
    unsound("epochs count from 1, and it is 0");
  }
  const keys = new Set(members.map(({ key }) => toHex(key)));
  const places = new Set(members.map(({ place }) => place));
  if (keys.size !== members.length || places.size !== members.length) {
    unsound("two members share a key or a place");
  }
}

/** The group and epoch of a reserved key: 00 | E | group u32 | epoch u64, big endian. */
function namedBy(key: Bytes): { group: number; epoch: bigint } | undefined {
  if (key.length !== 14 || key[0] !== 0 || key[1] !== 0x45) {
    return undefined;
  }
  const view = new DataView(key.buffer, key.byteOffset);
  return { group: view.getUint32(2), epoch: view.getBigUint64(6) };
}

/** The record that a proof of the root group's state shows, once its path and header are proved: `judge` does that. */
export function provedRecord({ header, key, entry }: PortableStateProof, judge: () => void): EpochRecord {
  const none = () => refuse("NOT_AN_EPOCH", "what is proved is no record of an epoch");
  const named = namedBy(key) ?? none();
  judge();
  const { group, epoch } = named;
  if (entry === null) {
    const { height } = header.header;
    refuse("NO_SUCH_EPOCH", `there is no epoch ${epoch} of group ${group} after block ${height} of the root group`);
  }
  const record = entry.value.type === "record" ? read(entry.value.value) : undefined;
  if (record === undefined || record.group !== group || record.epoch !== epoch) {
    return none();
  }
  checkRecord(record);
  return record;
}

function read(bytes: Bytes): EpochRecord | undefined {
  try {
    return decode(epochRecord, bytes, LIMITS.epochRecord);
  } catch {
    return undefined;
  }
}

/** The epochs that are known, by group. What is known never changes. */
export class Epochs {
  readonly #known = new Map<number, Map<bigint, Era>>();
  #count = 0;
  #root: { first: bigint; newest: bigint } | undefined;

  constructor(records: EpochRecord[]) {
    records.forEach((record) => this.learn(record));
  }

  /** The oldest and the newest epoch of the root group that are known. */
  get root(): { first: bigint; newest: bigint } {
    return this.#root ?? refuse("UNKNOWN_GROUP", "no epoch of the root group is known");
  }

  /** Takes in what a record says, which was proved. */
  learn(record: EpochRecord): void {
    checkRecord(record);
    const { group, epoch, closed } = record;
    const hash = epochHash(record);
    const ofGroup = this.#known.get(group) ?? new Map<bigint, Era>();
    const known = ofGroup.get(epoch);
    if (known !== undefined) {
      if (!equal(known.hash, hash) || !agree(known.last, closed)) {
        refuse("CONFLICTING_EPOCH", `another record of epoch ${epoch} of group ${group} is known`);
      }
      known.last ??= closed;
      return;
    }
    if (this.#count >= MAX_EPOCHS) {
      refuse("TOO_MANY_EPOCHS", `${MAX_EPOCHS} epochs are known, and no more are taken in`);
    }
    ofGroup.set(epoch, { committee: committeeOf(record), hash, last: closed });
    this.#known.set(group, ofGroup);
    this.#count += 1;
    if (group === ROOT_GROUP) {
      const { first, newest } = this.#root ?? { first: epoch, newest: epoch };
      this.#root = { first: epoch < first ? epoch : first, newest: epoch > newest ? epoch : newest };
    }
  }

  /** Refuses a seal unless a quorum of its epoch signed it, and the block may be one of that epoch; the engine, and who signed. */
  verify({ outcome, signatures }: Seal): { engine: Engine; signers: number[] } {
    const { group, epoch, height } = outcome;
    const ofGroup = this.#known.get(group);
    if (ofGroup === undefined) {
      refuse(
        "UNKNOWN_GROUP",
        `no validators of group ${group} are known: genesis does not name it, or, from a checkpoint, the record of its ` +
          "epoch has to be proved first",
      );
    }
    const era =
      ofGroup.get(epoch) ??
      refuse(
        "UNKNOWN_EPOCH",
        `the validators of epoch ${epoch} of group ${group} are not known: its record has to be proved first`,
      );
    const outside = (bound: string) =>
      refuse("OUTSIDE_EPOCH", `block ${height} of group ${group} is sealed by epoch ${epoch}, which ${bound}`);
    const before = ofGroup.get(epoch - 1n)?.last ?? null;
    if (before !== null && height <= before.height) {
      outside(`begins after block ${before.height}`);
    }
    const { last } = era;
    const isBeyond = last !== null && (height > last.height || (height === last.height && !equal(outcome.blockId, last.id)));
    if (isBeyond) {
      outside(`ended with another block, at height ${last.height}`);
    }
    return { engine: era.committee.engine, signers: checkQuorum(era.committee, outcome, signatures) };
  }

  /** The root group's epoch ended with this block. */
  endRoot(epoch: bigint, last: NonNullable<EpochRecord["closed"]>): void {
    const era =
      this.#known.get(ROOT_GROUP)?.get(epoch) ??
      refuse("UNKNOWN_EPOCH", `the validators of epoch ${epoch} of the root group are not known`);
    if (!agree(era.last, last)) {
      refuse("CONFLICTING_EPOCH", `another end of epoch ${epoch} of the root group is known`);
    }
    era.last = last;
  }
}

/** Whether two may be told of the last block of one epoch. */
function agree(one: EpochRecord["closed"], other: EpochRecord["closed"]): boolean {
  return one === null || other === null || (one.height === other.height && equal(one.id, other.id));
}

/** Signers are the bits of a number, from the lowest on; their signatures stand in the same order. The places of all that signed. */
function checkQuorum(
  { keys, quorum }: Committee,
  outcome: Outcome,
  { signers, signatures }: Seal["signatures"],
): number[] {
  const all = Array.from({ length: MAX_VALIDATORS }, (_, place) => place);
  const places = all.filter((place) => (signers >> BigInt(place)) & 1n);
  if (places.length !== signatures.length || places.length < quorum) {
    refuse("SEAL", `${places.length} signers with ${signatures.length} signatures, and a quorum is ${quorum}`);
  }
  const where = { chain: outcome.chain, group: outcome.group, epoch: outcome.epoch, role: "seal" } as const;
  const message = signingBytes(where, wireOutcome, outcome);
  for (const [at, place] of places.entries()) {
    const [key, signature] = [keys[place], signatures[at]];
    if (key === undefined || signature === undefined) {
      refuse("SEAL", `validator ${place} is no member`);
    }
    if (!verifySignature(key, message, signature)) {
      refuse("SEAL", `the signature of validator ${place} is wrong`);
    }
  }
  return places;
}
