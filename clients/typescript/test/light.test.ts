// Whole slots, outcomes and epochs: the vectors of light/ with each forgery's reason, and the documents of `witan verify`, read
// from their places in the repository.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { MalformedError, ProofError, Verifier, fromHex, toHex, utf8 } from "../dist/index.js";

const ROOT = new URL("../../../", import.meta.url);
const json = (path: string) => JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));
const document = (name: string) => json(`cli/src/commands/verify/vectors/${name}.json`);
const ofGroups = () => new Verifier(document("genesis-of-groups"));

interface Case {
  name: string;
  proof: string;
  refused: string | null;
  [about: string]: any;
}

/** Why a proof is refused; `null` if it is not. */
function reasonOf(judge: () => unknown): string | null {
  try {
    judge();
    return null;
  } catch (error) {
    if (error instanceof ProofError) {
      return error.reason;
    }
    assert.ok(error instanceof MalformedError, String(error));
    return "MALFORMED";
  }
}

function judgeAll(file: string, judge: (one: Case, all: any) => void): void {
  const all = json(`light/vectors/${file}.json`);
  const cases: Case[] = all.cases;
  for (const one of cases) {
    assert.equal(reasonOf(() => judge(one, all)), one.refused, `${file}: ${one.name}`);
  }
  assert.ok(cases.some(({ refused }) => refused === null) && cases.length > 20, file);
}

test("slots are judged as the Rust verifier judges them, each forgery for the same reason", () => {
  judgeAll("slots", ({ proof, slot }, { genesis }) => new Verifier(genesis).verifySlot(proof, slot));
});

test("outcomes are judged as the Rust verifier judges them, each forgery for the same reason", () => {
  judgeAll("outcomes", ({ proof, txId }, { genesis }) => new Verifier(genesis).verifyOutcome(proof, txId));
});

test("epochs are judged as the Rust verifier judges them, from genesis and from a checkpoint", () => {
  judgeAll("epochs", ({ proof, start, is }, { genesis, checkpoint, learned }) => {
    const verifier = start === "checkpoint" ? Verifier.fromCheckpoint(checkpoint) : new Verifier(genesis);
    if (start === "learned") {
      learned.forEach((before: string) => verifier.learnEpoch(before));
    }
    if (is === "header") {
      verifier.verifySealedHeader(proof);
    } else {
      verifier.learnEpoch(proof);
    }
  });
});

test("every file of the vectors is read by these tests", () => {
  const files = readdirSync(new URL("light/vectors/", ROOT)).sort();
  assert.deepEqual(files, ["epochs.json", "outcomes.json", "slots.json"]);
});

test("a slot is proved with every key in it, and nothing is proved of another", () => {
  const shown = document("slot");
  const proved = ofGroups().verifySlot(shown.proof, shown.slot);
  assert.deepEqual([proved.slot, proved.group, proved.epoch], [shown.slot, shown.group, 1]);
  assert.deepEqual([proved.height, proved.blockId, proved.trust], [shown.height, shown.blockId, "quorum"]);
  assert.deepEqual(
    proved.entries.map(({ key, entry }) => [utf8(key), entry.value.type, String(entry.version)]),
    shown.items.map(({ key, type, version }: any) => [key, type, version]),
  );
  assert.equal(reasonOf(() => ofGroups().verifySlot(shown.proof, shown.slot + 1)), "ANOTHER_SUBJECT");
  const { bytes } = shown.proof;
  assert.equal(reasonOf(() => ofGroups().verifySlot({ format: "witan-state-proof-1", bytes }, shown.slot)), "FORMAT");
});

test("a transaction is proved to have ended in all its groups", () => {
  const shown = document("outcome");
  const proved = ofGroups().verifyOutcome(shown.proof, shown.txId);
  assert.deepEqual([proved.txId, proved.group, proved.height], [shown.txId, shown.group, shown.height]);
  assert.deepEqual(proved.parts.map(({ group, height }) => [group, height]), [[2, 9]]);
  const { outcome } = proved.receipt;
  assert.equal(outcome.status, "applied");
  assert.deepEqual(
    outcome.status === "applied" && outcome.reads.map(({ key, entry }) => [utf8(key), String(entry?.version)]),
    shown.result.reads.map(({ key, version }: any) => [key, version]),
  );
  assert.deepEqual(proved.transaction?.transaction.ops.map(({ op }) => op), ["put", "get", "put"]);

  const aborted = document("outcome-aborted");
  const { receipt } = ofGroups().verifyOutcome(aborted.proof, aborted.txId);
  assert.deepEqual(receipt.outcome, { status: "aborted", reason: "CHECK_FAILED" });
  assert.equal(reasonOf(() => ofGroups().verifyOutcome(shown.proof, `0x${"00".repeat(32)}`)), "ANOTHER_SUBJECT");
});

test("an epoch is proved and then its blocks count, and no others", () => {
  const [first, later] = [document("epoch"), document("epoch-later")];
  const verifier = ofGroups();
  const known = verifier.learnEpoch(first.proof);
  assert.deepEqual([known.record.group, known.record.epoch, known.record.closed], [1, 1n, null]);
  assert.deepEqual(known.record.members.map(({ key }) => toHex(key)), first.members.map(({ key }: any) => key));
  const { at, record } = verifier.learnEpoch(later.proof);
  assert.deepEqual([at.group, at.epoch, at.height], [0, 3, 25]);
  assert.deepEqual([record.group, record.epoch, record.engine], [1, 2n, later.engine]);
  assert.deepEqual(record.closed && [record.closed.height, toHex(record.closed.id)], [30n, later.lastBlockId]);
});

test("a light block is proved over the epochs that lead to it, and not without them", () => {
  const later = document("light-later");
  const proved = ofGroups().verifyLightBlock(later);
  assert.deepEqual([proved.group, proved.epoch, proved.height], [later.group, later.epoch, later.height]);
  assert.deepEqual([proved.blockId, proved.stateRoot, proved.timeMs], [later.blockId, later.stateRoot, later.timeMs]);
  assert.equal(reasonOf(() => ofGroups().verifyLightBlock({ ...later, epochs: later.epochs.slice(0, 1) })), "UNKNOWN_EPOCH");
  assert.equal(reasonOf(() => ofGroups().verifyLightBlock({ ...later, epochs: later.epochs.slice(1) })), "EPOCH_SKIPPED");
});

test("a checkpoint takes the place of genesis, whose keys count for nothing then", () => {
  const checkpoint = document("checkpoint");
  const verifier = Verifier.fromCheckpoint(checkpoint);
  assert.equal(verifier.chain, document("light").chain);
  assert.equal(reasonOf(() => verifier.verifyLightBlock(document("light"))), "UNKNOWN_GROUP");
  assert.equal(reasonOf(() => verifier.learnEpoch(document("epoch").proof)), "UNKNOWN_EPOCH");
  assert.equal(verifier.learnEpoch(document("epoch-later").proof).record.epoch, 2n);
  assert.equal(verifier.verifyLightBlock(document("light-later")).epoch, 3);
  for (const change of [
    { hash: document("epoch").hash },
    { epoch: 2 },
    { record: document("epoch").record },
    { record: `${checkpoint.record}00` },
  ]) {
    const why = reasonOf(() => Verifier.fromCheckpoint({ ...checkpoint, ...change }));
    assert.ok(why === "NOT_THE_CHECKPOINT" || why === "MALFORMED", `${JSON.stringify(change)}: ${why}`);
  }
  const elsewhere = Verifier.fromCheckpoint({ ...checkpoint, chain: document("slot").blockId });
  assert.equal(reasonOf(() => elsewhere.verifyLightBlock(document("light-later"))), "WRONG_CHAIN");
});

test("a proof of a slot, an outcome or an epoch with a byte changed, or cut anywhere, is refused", () => {
  // Each third byte: what ends in signatures takes its time, and light/ tries them all.
  const stride = 3;
  const [slot, outcome, epoch] = [document("slot"), document("outcome"), document("epoch-later")];
  const judges: [string, string, (bytes: Uint8Array) => unknown][] = [
    ["slot", slot.proof.bytes, (bytes) => ofGroups().verifySlot(bytes, slot.slot)],
    ["outcome", outcome.proof.bytes, (bytes) => ofGroups().verifyOutcome(bytes, outcome.txId)],
    ["epoch", epoch.proof.bytes, (bytes) => ofGroups().learnEpoch(bytes)],
  ];
  for (const [name, hex, judge] of judges) {
    const bytes = fromHex(hex);
    assert.equal(reasonOf(() => judge(bytes)), null, name);
    bytes.forEach((byte, place) => {
      assert.equal(reasonOf(() => judge(bytes.slice(0, place))), "MALFORMED", `${name} cut to ${place} bytes`);
      if (place % stride === 0) {
        const flipped = bytes.slice();
        flipped[place] = byte ^ (1 << (place % 8));
        assert.notEqual(reasonOf(() => judge(flipped)), null, `${name} with byte ${place} changed`);
      }
    });
  }
});
