// Merkle trees: the list of types/src/merkle_list.rs and the state tree of ledger/src/tree.rs, as seen by who verifies a proof.

import { type Bytes, concat, equal, sha256, utf8 } from "./bytes.js";
import {
  type ListProof,
  type Payload,
  type PortableSlotProof,
  type StateProof,
  batchDigest,
  envelopeHash,
} from "./wire.js";

const ZERO = new Uint8Array(32);
const SLOT_BITS = 12;
const SLOTS = 1 << SLOT_BITS;
const PATH_BITS = 256;

const tag = (number: number, ...parts: Bytes[]): Bytes => sha256(Uint8Array.of(number), ...parts);

/** The root of a list of hashes; the empty list has one too. */
export function listRoot(leaves: Bytes[]): Bytes {
  let level = leaves.map((leaf) => tag(0, leaf));
  while (level.length > 1) {
    level = pairs(level).map(([left, right]) => (right === undefined ? left : tag(1, left, right)));
  }
  return bindLength(BigInt(leaves.length), level[0] ?? ZERO);
}

function pairs(level: Bytes[]): [Bytes, Bytes | undefined][] {
  return level.flatMap((left, place) => (place % 2 === 0 ? [[left, level[place + 1]]] : []));
}

/** The root that a list has if `value` is at the proof's place; nothing if the proof has the wrong shape. */
export function rootOfListProof(proof: ListProof, value: Bytes): Bytes | undefined {
  let [place, width] = [proof.index, proof.length];
  if (place >= width) {
    return undefined;
  }
  const siblings = [...proof.siblings];
  let node = tag(0, value);
  while (width > 1n) {
    if ((place ^ 1n) < width) {
      const sibling = siblings.shift();
      if (sibling === undefined) {
        return undefined;
      }
      node = place % 2n === 0n ? tag(1, node, sibling) : tag(1, sibling, node);
    }
    place /= 2n;
    width = (width + 1n) / 2n;
  }
  return siblings.length === 0 ? bindLength(proof.length, node) : undefined;
}

function bindLength(length: bigint, top: Bytes): Bytes {
  const encoded = new Uint8Array(8);
  new DataView(encoded.buffer).setBigUint64(0, length, true);
  return tag(2, encoded, top);
}

/** The root that a block's header commits to. */
export function payloadRoot(payload: Payload): Bytes {
  const batches = listRoot(payload.batches.map(batchDigest));
  const envelopes = listRoot(payload.envelopes.map(envelopeHash));
  return sha256("witan payload", batches, envelopes);
}

/** The slot of a key, 0 to 4095: the first 12 bits of the hash of its routing part. */
export function slotOf(key: Bytes): number {
  const [first = 0, second = 0] = sha256(routingPart(key));
  return ((first << 8) | second) >> (16 - SLOT_BITS);
}

/** The account of a key under `@<account>/`; else what the first braces in it enclose, if anything; else the whole key. */
function routingPart(key: Bytes): Bytes {
  const [at, slash, open, close] = [0x40, 0x2f, 0x7b, 0x7d];
  const slashAt = key.indexOf(slash, 1);
  if (key[0] === at && slashAt > 1 && utf8(key.slice(1, slashAt)) !== undefined) {
    return key.slice(1, slashAt);
  }
  const openAt = key.indexOf(open);
  const closeAt = openAt < 0 ? -1 : key.indexOf(close, openAt + 1);
  return closeAt > openAt + 1 ? key.slice(openAt + 1, closeAt) : key;
}

/** The path of a key in its slot's tree: its hash with the first two bytes moved to the end. */
function pathOf(key: Bytes): Bytes {
  const hash = sha256(key);
  return concat(hash.slice(2), hash.slice(0, 2));
}

const pathBit = (path: Bytes, depth: number): boolean => (((path[depth >> 3] ?? 0) << (depth & 7)) & 0x80) !== 0;

/**
 * The state root that follows from a proof if the state holds the entry with this hash at `key`, or nothing if `null`; nothing
 * if the proof has not the shape for that claim. Keys of users only: a proof without a marker proves nothing.
 */
export function rootOfStateProof(proof: StateProof, key: Bytes, entryHash: Bytes | null): Bytes | undefined {
  const path = pathOf(key);
  const end = endOf(proof, path, entryHash);
  if (end === undefined || proof.marker === null || key[0] === 0) {
    return undefined;
  }
  return rootAboveSlot(slotOf(key), proof.marker, climb(proof, path, end), proof.slotSiblings);
}

/** The same of a reserved key, whose tree stands beside that of all slots: one sibling, and no marker. */
export function rootOfReservedProof(proof: StateProof, key: Bytes, entryHash: Bytes | null): Bytes | undefined {
  const path = pathOf(key);
  const [end, [slots, ...more]] = [endOf(proof, path, entryHash), proof.slotSiblings];
  if (end === undefined || slots === undefined || more.length > 0 || proof.marker !== null || key[0] !== 0) {
    return undefined;
  }
  return tag(4, slots, climb(proof, path, end));
}

/** The root of a slot's tree, or of the reserved keys', from a key's place up. */
function climb({ siblings }: StateProof, path: Bytes, end: Bytes): Bytes {
  let node = end;
  for (const [up, sibling] of siblings.entries()) {
    const right = pathBit(path, siblings.length - 1 - up);
    node = right ? tag(1, sibling, node) : tag(1, node, sibling);
  }
  return node;
}

type Marker = PortableSlotProof["proof"]["marker"];

/** The state root from a slot up; nothing unless there are 13 siblings, of which the last is the root of the reserved keys. */
function rootAboveSlot(slot: number, marker: Marker, slotRoot: Bytes, siblings: Bytes[]): Bytes | undefined {
  const reserved = siblings.length === SLOT_BITS + 1 ? siblings[SLOT_BITS] : undefined;
  if (reserved === undefined) {
    return undefined;
  }
  const encoded = new Uint8Array(5);
  new DataView(encoded.buffer).setUint32(0, marker.incarnation, true);
  encoded[4] = marker.state === "frozen" ? 1 : 0;
  let node = tag(2, encoded, slotRoot);
  for (const [up, sibling] of siblings.slice(0, SLOT_BITS).entries()) {
    node = (slot >> up) & 1 ? tag(3, sibling, node) : tag(3, node, sibling);
  }
  return tag(4, node, reserved);
}

interface Leaf {
  path: Bytes;
  entry: Bytes;
}

/**
 * The state root that follows if a slot holds exactly these keys, each with the hash of its entry; nothing unless the keys ascend
 * and all are of the slot, or if there is no such slot.
 */
export function rootOfSlot(
  { slot, proof }: PortableSlotProof,
  entries: { key: Bytes; entry: Bytes }[],
): Bytes | undefined {
  const fits = ({ key }: { key: Bytes }, place: number): boolean => {
    const before = entries[place - 1]?.key;
    return key[0] !== 0 && slotOf(key) === slot && (before === undefined || compare(before, key) < 0);
  };
  if (slot >= SLOTS || !entries.every(fits)) {
    return undefined;
  }
  const leaves = entries.map(({ key, entry }) => ({ path: pathOf(key), entry }));
  leaves.sort((one, other) => compare(one.path, other.path));
  const slotRoot = rootOfLeaves(leaves, 0);
  return slotRoot && rootAboveSlot(slot, proof.marker, slotRoot, proof.siblings);
}

/** The root of the tree of leaves that ascend by path and agree above `depth`; nothing if two have one path. */
function rootOfLeaves(leaves: Leaf[], depth: number): Bytes | undefined {
  const [first, second] = leaves;
  if (first === undefined) {
    return ZERO;
  }
  if (second === undefined) {
    return tag(0, first.path, first.entry);
  }
  if (depth >= PATH_BITS) {
    return undefined;
  }
  const found = leaves.findIndex(({ path }) => pathBit(path, depth));
  const middle = found < 0 ? leaves.length : found;
  const left = rootOfLeaves(leaves.slice(0, middle), depth + 1);
  const right = rootOfLeaves(leaves.slice(middle), depth + 1);
  return left && right && tag(1, left, right);
}

/** Bytes in their order: below, equal or above 0. */
function compare(one: Bytes, other: Bytes): number {
  const differs = one.findIndex((byte, place) => byte !== other[place]);
  return differs < 0 ? one.length - other.length : (one[differs] ?? 0) - (other[differs] ?? -1);
}

/** The hash at the key's place. */
function endOf({ other, siblings }: StateProof, path: Bytes, entryHash: Bytes | null): Bytes | undefined {
  if (entryHash !== null) {
    return other === null ? tag(0, path, entryHash) : undefined;
  }
  if (other === null) {
    return ZERO;
  }
  const standsThere = siblings.every((_, depth) => pathBit(path, depth) === pathBit(other.path, depth));
  return standsThere && !equal(other.path, path) ? tag(0, other.path, other.entry) : undefined;
}
