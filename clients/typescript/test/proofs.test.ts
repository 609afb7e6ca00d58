// The proofs of `witan verify`, read from their place in the repository: each is proved, and nothing else is.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decode, encode } from "../dist/codec.js";
import { GenesisError, MalformedError, ProofError, SecretKey, Verifier, fromHex, toHex, utf8 } from "../dist/index.js";
import { sha256 } from "../dist/bytes.js";
import { listRoot, rootOfStateProof } from "../dist/merkle.js";
import * as wire from "../dist/wire.js";

const FOLDER = new URL("../../../cli/src/commands/verify/vectors/", import.meta.url);
const json = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
const genesis = json("genesis");
const verifier = new Verifier(genesis);
const isRefusal = (error: unknown) => error instanceof ProofError || error instanceof MalformedError;
const portable = (name: string) =>
  decode(wire.portableStateProof, fromHex(json(name).proof.bytes), wire.LIMITS.portableStateProof);

test("every kind of value, and absence, is proved", () => {
  const text = (value: unknown): unknown =>
    value instanceof Uint8Array
      ? utf8(value)
      : Array.isArray(value)
        ? value.map(text)
        : typeof value === "bigint"
          ? String(value)
          : value;
  for (const name of ["bytes", "list", "counter", "absent"]) {
    const shown = json(name);
    const proved = verifier.verifyState(shown.proof, shown.key);
    assert.equal(proved.entry?.value.type ?? "absent", shown.type ?? "absent");
    assert.deepEqual(text(proved.entry?.value.value ?? null), shown.value, name);
    assert.equal(String(proved.entry?.version ?? 0n), shown.version);
    assert.deepEqual([proved.group, proved.height, proved.blockId], [shown.group, shown.height, shown.blockId]);
    assert.equal(proved.timeMs, genesis.timeMs + 1000);
    assert.deepEqual([proved.engine, proved.trust], ["hotstuff", "quorum"]);
  }
});

test("a proof with any byte changed is refused", () => {
  for (const name of ["bytes", "absent"]) {
    const { key, proof } = json(name);
    const bytes = fromHex(proof.bytes);
    bytes.forEach((byte, place) => {
      const flipped = bytes.slice();
      flipped[place] = byte ^ (1 << (place % 8));
      assert.throws(() => verifier.verifyState(flipped, key), isRefusal, `${name} with byte ${place} changed`);
    });
  }
});

test("a proof that is cut short, or longer than one can be, is refused", () => {
  const { key, proof } = json("bytes");
  const bytes = fromHex(proof.bytes);
  bytes.forEach((_, length) => assert.throws(() => verifier.verifyState(bytes.slice(0, length), key), isRefusal));
  assert.throws(() => verifier.verifyState(new Uint8Array(4 * 1024 * 1024), key), MalformedError);
  assert.throws(() => verifier.verifyState({ ...proof, format: "witan-state-proof-0" }, key), /format/);
});

test("the proof of one key is none of another", () => {
  assert.throws(() => verifier.verifyState(json("bytes").proof, "list"), /about key "grün", not "list"/);
  const [bytes, list] = [portable("bytes"), portable("list")];
  const swapped = encode(wire.portableStateProof, { ...bytes, proof: list.proof });
  assert.throws(() => verifier.verifyState(swapped, "grün"), /does not lead/);
});

test("absence is proved by what stands there instead, and by nothing else", () => {
  const [absent, bytes] = [portable("absent"), portable("bytes")];
  const judge = (proof: typeof absent) => verifier.verifyState(encode(wire.portableStateProof, proof), proof.key);
  assert.equal(judge(absent).entry, null);
  assert.throws(() => judge({ ...bytes, entry: null }), /does not lead/, "a key that is there");
  const hash = sha256(bytes.key);
  const itself = {
    path: Buffer.concat([hash.slice(2), hash.slice(0, 2)]),
    entry: wire.entryHash(bytes.entry ?? assert.fail()),
  };
  assert.throws(() => judge({ ...bytes, entry: null, proof: { ...bytes.proof, other: itself } }), /does not lead/);
  assert.throws(() => judge({ ...absent, entry: bytes.entry }), /does not lead/, "a key that is not there");
});

test("only a group that owns and serves the slot proves anything in it", () => {
  const bytes = portable("bytes");
  const marked = (marker: typeof bytes.proof.marker) =>
    verifier.verifyState(encode(wire.portableStateProof, { ...bytes, proof: { ...bytes.proof, marker } }), bytes.key);
  assert.throws(() => marked(null), /does not own/);
  assert.throws(() => marked({ incarnation: 1, state: "frozen" }), /does not lead/);
  assert.throws(() => marked({ incarnation: 2, state: "serving" }), /does not lead/);
});

test("another network's proof is refused, and so is a group that genesis does not name", () => {
  const { key, proof } = json("bytes");
  assert.throws(() => new Verifier({ ...genesis, name: "another" }).verifyState(proof, key), /chain/);
  const bytes = portable("bytes");
  const moved = (group: number) => {
    const header = { ...bytes.header.header, group };
    const outcome = { ...bytes.header.seal.outcome, group, blockId: wire.blockId(header) };
    return encode(wire.portableStateProof, { ...bytes, header: { header, seal: { ...bytes.header.seal, outcome } } });
  };
  assert.throws(() => verifier.verifyState(moved(2), key), /group 2 are known/);
  assert.throws(() => verifier.verifyState(moved(0), key), new RegExp("root group"));
});

// Networks whose validators' keys are known here, to sign what no honest validator would.

const keys = [1, 2, 3, 4].map((byte) => new SecretKey(new Uint8Array(32).fill(byte)));

function network(engine: string) {
  const validators = keys.map(({ publicKey }, place) => ({
    name: `n${place}`,
    key: toHex(publicKey),
    node: `0x0${place}${"00".repeat(31)}`,
  }));
  const groups = [
    { id: 0, engine },
    { id: 1, engine },
  ];
  return new Verifier({ name: engine, timeMs: 1, permissioned: engine === "raft", validators, groups, balances: [] });
}

function headerOf(judge: Verifier): wire.Header {
  const zero = new Uint8Array(32);
  return {
    chain: fromHex(judge.chain),
    group: 1,
    epoch: 1n,
    height: 5n,
    tag: 3n,
    parent: zero,
    proposer: 2,
    timeMs: 9n,
    payloadRoot: zero,
  };
}

function outcomeOf(judge: Verifier): wire.Outcome {
  const zero = new Uint8Array(32);
  const { chain, group, epoch, height } = headerOf(judge);
  return {
    chain,
    group,
    epoch,
    height,
    blockId: wire.blockId(headerOf(judge)),
    stateRoot: zero,
    receiptsRoot: zero,
    outboxRoot: zero,
    nextEpoch: null,
  };
}

function sealed(outcome: wire.Outcome, signers: number[]) {
  const where = { chain: outcome.chain, group: outcome.group, epoch: outcome.epoch, role: "seal" } as const;
  const message = wire.signingBytes(where, wire.outcome, outcome);
  const signatures = signers.map((place) => (keys[place] ?? assert.fail()).sign(message));
  return {
    outcome,
    signatures: { signers: signers.reduce((set, place) => set | (1n << BigInt(place)), 0n), signatures },
  };
}

test("a quorum seals, fewer do not, under each engine, and it is said whose word that is", () => {
  for (const [engine, quorum, trust] of [
    ["hotstuff", 3, "quorum"],
    ["pbft", 3, "quorum"],
    ["raft", 3, "members"],
  ] as const) {
    const judge = network(engine);
    for (const signers of [
      [0, 1, 2],
      [1, 2, 3],
      [0, 1, 2, 3],
    ]) {
      const found = judge.verifySeal(encode(wire.seal, sealed(outcomeOf(judge), signers)));
      assert.deepEqual([found.trust, found.engine, found.height], [trust, engine, 5]);
    }
    const few = encode(wire.seal, sealed(outcomeOf(judge), [1, 3]));
    assert.throws(() => judge.verifySeal(few), new RegExp(`2 signers with 2 signatures, and a quorum is ${quorum}`));
  }
});

test("a seal with signatures that are missing, repeated, swapped, or of somebody else is refused", () => {
  const judge = network("pbft");
  const good = sealed(outcomeOf(judge), [0, 1, 2]);
  const forged = (change: Partial<typeof good.signatures>) =>
    judge.verifySeal(encode(wire.seal, { ...good, signatures: { ...good.signatures, ...change } }));
  const [first = assert.fail(), second = assert.fail(), third = assert.fail()] = good.signatures.signatures;
  assert.throws(() => forged({ signatures: [first, second] }), /3 signers with 2 signatures/);
  assert.throws(() => forged({ signatures: [first, first, first] }), /signature of validator 1 is wrong/);
  assert.throws(() => forged({ signatures: [second, first, third] }), /signature of validator 0 is wrong/);
  assert.throws(() => forged({ signers: 0b1_0011n }), /validator 4 is no member/);
  const later = sealed({ ...outcomeOf(judge), epoch: 2n }, [0, 1, 2]);
  assert.throws(() => judge.verifySeal(encode(wire.seal, later)), /epoch 2/);
});

test("a seal of one block does not prove the header of another", () => {
  const judge = network("pbft");
  const header = headerOf(judge);
  const seal = sealed(outcomeOf(judge), [0, 1, 2]);
  assert.equal(judge.verifySealedHeader(encode(wire.sealedHeader, { header, seal })).timeMs, 9);
  for (const other of [
    { ...header, timeMs: 10n },
    { ...header, height: 6n },
    { ...header, tag: 4n },
  ]) {
    assert.throws(() => judge.verifySealedHeader(encode(wire.sealedHeader, { header: other, seal })), /another block/);
  }
});

test("a frozen slot is refused even where the state root covers it", () => {
  const judge = network("hotstuff");
  const bytes = portable("bytes");
  const proof = { ...bytes.proof, marker: { incarnation: 1, state: "frozen" as const } };
  const stateRoot = rootOfStateProof(proof, bytes.key, wire.entryHash(bytes.entry ?? assert.fail())) ?? assert.fail();
  const seal = sealed({ ...outcomeOf(judge), stateRoot }, [0, 1, 2]);
  const moved = { ...bytes, proof, header: { header: headerOf(judge), seal } };
  assert.throws(() => judge.verifyState(encode(wire.portableStateProof, moved), bytes.key), /frozen/);
});

// A slot's tree as docs/protocol.md describes it, made here of its leaves.

interface Leaf {
  path: Uint8Array;
  entry: Uint8Array;
}

const bit = (path: Uint8Array, depth: number) => ((path[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1;
const pathOf = (key: Uint8Array) => {
  const hash = sha256(key);
  return Uint8Array.from([...hash.slice(2), ...hash.slice(0, 2)]);
};

function rootOf(leaves: Leaf[], depth: number): Uint8Array {
  const [first] = leaves;
  if (first === undefined) {
    return new Uint8Array(32);
  }
  if (leaves.length === 1) {
    return sha256(Uint8Array.of(0), first.path, first.entry);
  }
  const side = (right: number) =>
    rootOf(
      leaves.filter(({ path }) => bit(path, depth) === right),
      depth + 1,
    );
  return sha256(Uint8Array.of(1), side(0), side(1));
}

/** The siblings from a key's place up, and what stands there. */
function proofIn(leaves: Leaf[], path: Uint8Array): { siblings: Uint8Array[]; there: Leaf | null } {
  const siblings: Uint8Array[] = [];
  let rest = leaves;
  for (let depth = 0; rest.length > 1; depth++) {
    siblings.unshift(
      rootOf(
        rest.filter((leaf) => bit(leaf.path, depth) !== bit(path, depth)),
        depth + 1,
      ),
    );
    rest = rest.filter((leaf) => bit(leaf.path, depth) === bit(path, depth));
  }
  return { siblings, there: rest[0] ?? null };
}

/** A sealed state in which the slot of `shared` has this root, and the way up from there. */
function stateOf(judge: Verifier, slotRoot: Uint8Array) {
  const slotSiblings = Array.from({ length: 13 }, (_, level) => sha256(`beside ${level}`));
  const [first = 0, second = 0] = sha256("shared");
  let node = sha256(Uint8Array.of(2, 0, 0, 0, 0, 0), slotRoot);
  slotSiblings.slice(0, 12).forEach((sibling, level) => {
    const right = (((first << 8) | second) >> (4 + level)) & 1;
    node = right ? sha256(Uint8Array.of(3), sibling, node) : sha256(Uint8Array.of(3), node, sibling);
  });
  const stateRoot = sha256(Uint8Array.of(4), node, slotSiblings[12] ?? assert.fail());
  return {
    header: { header: headerOf(judge), seal: sealed({ ...outcomeOf(judge), stateRoot }, [0, 1, 3]) },
    slotSiblings,
  };
}

test("a leaf that stands where it does not belong proves no absence", () => {
  const judge = network("hotstuff");
  const key = new TextEncoder().encode("{shared}");
  const stray = { path: pathOf(key).map((byte, place) => (place === 0 ? byte ^ 0x80 : byte)), entry: sha256("entry") };
  const [beside, leaf] = [sha256("another"), rootOf([stray], 0)];
  const slotRoot =
    bit(pathOf(key), 0) === 1 ? sha256(Uint8Array.of(1), beside, leaf) : sha256(Uint8Array.of(1), leaf, beside);
  const { header, slotSiblings } = stateOf(judge, slotRoot);
  const proof = {
    marker: { incarnation: 0, state: "serving" as const },
    slotSiblings,
    siblings: [beside],
    other: stray,
  };
  assert.throws(
    () => judge.verifyState(encode(wire.portableStateProof, { header, key, entry: null, proof }), key),
    /does not lead/,
  );
});

test("in a slot that many keys share each is proved, and what is not there too, by an empty place or another leaf", () => {
  const judge = network("hotstuff");
  const named = (place: number) => new TextEncoder().encode(`{shared}${place}`);
  const entryOf = (place: number): wire.Entry => ({
    value: { type: "counter", value: BigInt(-place) },
    version: BigInt(place),
  });
  const leaves = Array.from({ length: 40 }, (_, place) => ({
    path: pathOf(named(place)),
    entry: wire.entryHash(entryOf(place)),
  }));
  const { header, slotSiblings } = stateOf(judge, rootOf(leaves, 0));
  const prove = (key: Uint8Array, entry: wire.Entry | null, siblings: Uint8Array[], other: Leaf | null) => {
    const proof = { marker: { incarnation: 0, state: "serving" as const }, slotSiblings, siblings, other };
    return judge.verifyState(encode(wire.portableStateProof, { header, key, entry, proof }), key);
  };
  const ways = { empty: 0, other: 0 };
  for (let place = 0; place < 80; place++) {
    const key = named(place);
    const { siblings, there } = proofIn(leaves, pathOf(key));
    if (place < 40) {
      assert.deepEqual(prove(key, entryOf(place), siblings, null).entry, entryOf(place));
      assert.throws(() => prove(key, null, siblings, there), /does not lead/, "absence by its own leaf");
      assert.throws(() => prove(key, null, siblings, null), /does not lead/, "absence of what is there");
      assert.throws(() => prove(key, entryOf(place + 1), siblings, null), /does not lead/, "another entry");
    } else {
      ways[there === null ? "empty" : "other"] += 1;
      assert.equal(prove(key, null, siblings, there).entry, null);
      assert.throws(() => prove(key, entryOf(place), siblings, there), /does not lead/, "an entry beside another leaf");
      // A leaf from elsewhere in the slot proves nothing here, though its own way leads to the root.
      const far = leaves.find(({ path }) => bit(path, 0) !== bit(pathOf(key), 0)) ?? assert.fail();
      assert.throws(
        () => prove(key, null, proofIn(leaves, far.path).siblings, far),
        /does not lead/,
        "a leaf elsewhere",
      );
    }
  }
  assert.ok(ways.empty > 0 && ways.other > 0, JSON.stringify(ways));
});

test("a receipt is proved in its block alone, and only for its transaction", () => {
  const judge = network("hotstuff");
  const receipt = (byte: number): wire.Receipt => ({
    id: new Uint8Array(32).fill(byte),
    expiresAtMs: 7n,
    index: byte,
    outcome:
      byte === 1
        ? { status: "failed", reason: "CHECK_FAILED" }
        : { status: "aborted", reason: byte === 2 ? "CONFLICT" : "OVERFLOW" },
    told: [{ group: 2, place: 9n }],
  });
  const all = [1, 2, 3].map(receipt);
  const leaves = all.map(wire.receiptHash);
  const seal = sealed({ ...outcomeOf(judge), receiptsRoot: listRoot(leaves) }, [1, 2, 3]);
  const header = { header: headerOf(judge), seal };
  // The third of three leaves moves up alone: its one sibling is what the first two come to.
  const upper = pairOf(leaves[0] ?? assert.fail(), leaves[1] ?? assert.fail());
  const proof = { index: 2n, length: 3n, siblings: [upper] };
  const document = (receipt: wire.Receipt) => encode(wire.portableReceipt, { header, receipt, proof });
  const [one = assert.fail(), , three = assert.fail()] = all;
  const found = judge.verifyReceipt(document(three), toHex(three.id));
  assert.deepEqual(found.receipt.outcome, { status: "aborted", reason: "OVERFLOW" });
  assert.throws(() => judge.verifyReceipt(document(three), toHex(one.id)), /about transaction/);
  assert.throws(() => judge.verifyReceipt(document(one), toHex(one.id)), /does not lead/);
  const altered = { ...three, outcome: { status: "applied" as const, reads: [] } };
  assert.throws(() => judge.verifyReceipt(document(altered), toHex(three.id)), /does not lead/);
});

/** What two leaves of a list come to. */
function pairOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  const leaf = (value: Uint8Array) => sha256(Uint8Array.of(0), value);
  return sha256(Uint8Array.of(1), leaf(left), leaf(right));
}

test("a block is proved with its payload alone", () => {
  const bytes = readFileSync(new URL("../../../types/vectors/sealed-block.hex", import.meta.url), "utf8");
  const block = Buffer.from(
    bytes
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .join(""),
    "hex",
  );
  const judge = new Verifier(sampleGenesis());
  const proved = judge.verifySealedBlock(block);
  assert.equal(proved.block.payload.batches[0]?.transactions.length, 1);
  const { header, payload } = proved.block;
  const { seal } = decode(wire.sealedBlock, block, wire.LIMITS.sealedBlock);
  const emptied = encode(wire.sealedBlock, { block: { header, payload: { ...payload, batches: [] } }, seal });
  assert.throws(() => judge.verifySealedBlock(emptied), /payload/);
});

/** The genesis of types/vectors, as JSON: its chain's id is a known answer. */
function sampleGenesis() {
  const bytes = readFileSync(new URL("../../../types/vectors/genesis.hex", import.meta.url), "utf8");
  const digits = bytes
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("");
  const { timeMs, validators, groups, balances, parameters, operators, ...rest } = decode(
    wire.genesis,
    Buffer.from(digits, "hex"),
    1 << 20,
  );
  assert.deepEqual(operators.accounts, []);
  return {
    ...rest,
    timeMs: Number(timeMs),
    validators: validators.map(({ name, key, node }) => ({ name, key: toHex(key), node: toHex(node) })),
    followers: [],
    groups: groups.map(({ id, engine }) => ({ id, engine })),
    balances: balances.map(({ account, balance }) => ({ account, balance: String(balance) })),
    parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, Number(value)])),
  };
}

test("a genesis that breaks a rule is refused", () => {
  const [first] = genesis.validators;
  const broken: [object, RegExp][] = [
    [{ validators: [] }, /validators/],
    [{ validators: [first, first] }, /share a key/],
    [{ groups: [genesis.groups[0]] }, /groups/],
    [{ groups: [...genesis.groups].reverse() }, /groups/],
    [{ groups: [genesis.groups[0], { id: 1, engine: "raft" }] }, /permissioned/],
    [{ groups: [genesis.groups[0], { id: 1, engine: "paxos" }] }, /paxos/],
    [{ groups: [genesis.groups[0], { id: 1, engine: "pbft", members: [1, 1] }] }, /members/],
    [{ groups: [genesis.groups[0], { id: 1, engine: "pbft", members: [4] }] }, /members/],
    [{ groups: [{ id: 0, engine: "pbft", members: [0] }, genesis.groups[1]] }, /members/],
    [{ parameters: { baseTimeoutMs: 5 } }, /baseTimeoutMs/],
    [{ parameters: { speed: 5 } }, /unknown field "speed"/],
    [{ timeMs: 2 ** 60 }, /timeMs/],
    [{ followers: [`0x${"11".repeat(32)}`] }, /permissioned/],
    [{ operators: { accounts: [], threshold: 1 } }, /threshold/],
    [{ more: 1 }, /unknown field "more"/],
  ];
  for (const [change, why] of broken) {
    assert.throws(
      () => new Verifier({ ...genesis, ...change }),
      (error) => error instanceof GenesisError && why.test(error.message),
      String(why),
    );
  }
  for (const none of [null, [], "genesis", {}]) {
    assert.throws(() => new Verifier(none), GenesisError);
  }
});

test("what a node answers in the place of bytes is refused, however much it looks like some", () => {
  const isNone = (error: unknown) => isRefusal(error) || error instanceof TypeError;
  for (const none of [null, undefined, 7, [1, 2], {}, { length: 1, byteOffset: 0, buffer: 4_000_000_000 }] as never[]) {
    assert.throws(() => verifier.verifyState(none, "key"), isRefusal);
    assert.throws(() => verifier.verifySlot({ format: "witan-slot-proof/1", bytes: none }, 1), isNone);
    assert.throws(() => verifier.verifySeal(none), isNone);
    assert.throws(() => verifier.verifyLightBlock({ encoded: none, epochs: [none] }), isNone);
    assert.throws(() => decode(wire.sealedHeader, none, wire.LIMITS.sealedHeader), isRefusal);
  }
});
