// The package against a real network of several groups, which WITAN_TESTNET names.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { WebSocket } from "ws";
import { encode } from "../dist/codec.js";
import {
  type OpInput,
  ProofError,
  SecretKey,
  SubscriptionError,
  Verifier,
  WitanClient,
  WitanError,
  fromHex,
  sign,
  slotOf,
  submit,
  toHex,
  transaction,
  transactionSigningBytes,
  utf8,
} from "../dist/index.js";
import { listRoot } from "../dist/merkle.js";
import * as wire from "../dist/wire.js";
import { WITHOUT_TESTNET, testnet } from "./support.js";

const options = { skip: WITHOUT_TESTNET };
const unique = (name: string) => `${name}-${toHex(crypto.getRandomValues(new Uint8Array(8)))}`;
const hex = (text: string) => toHex(new TextEncoder().encode(text));

function setUp() {
  const { network, genesis } = testnet();
  const verifier = new Verifier(genesis);
  const urls = network.nodes.map(({ rpc }) => rpc);
  const clients = urls.map((url) => new WitanClient(url));
  const key = new SecretKey(network.accounts[0]?.secret ?? assert.fail());
  const signed = (...ops: OpInput[]) => sign(transaction({ chain: verifier.chain, signer: key.address, ops }), key);
  return { network, genesis, verifier, urls, clients, client: clients[0] ?? assert.fail(), key, signed };
}

/** A node that hosts the group. */
function clientOfHost({ group }: { group: number }): WitanClient {
  const { network, clients } = setUp();
  const host = network.groups.find(({ id }) => id === group)?.validators[0];
  return clients[network.nodes.findIndex(({ name }) => name === host)] ?? assert.fail("no host");
}

const isProof = (error: unknown, reason: string) => error instanceof ProofError && error.reason === reason;

/** The proof of how a transaction ended, once every group has sealed what it did. */
async function provedOutcome(client: WitanClient, txId: string) {
  for (const end = Date.now() + 30_000; ;) {
    try {
      return (await client.call("tx_get", { txId, prove: true })).proof ?? assert.fail("no proof");
    } catch (error) {
      assert.ok(error instanceof WitanError && error.retryable && Date.now() < end, String(error));
      await new Promise((resume) => setTimeout(resume, 100));
    }
  }
}

/** A new key that this group owns. */
async function keyIn(client: WitanClient, name: string, group: number): Promise<string> {
  for (;;) {
    const key = unique(name);
    if ((await client.call("shard_forKey", { key: hex(key) })).group === group) {
      return key;
    }
  }
}

test("what is built here is what a node would have signed", options, async () => {
  const { client, verifier, key, network } = setUp();
  assert.equal((await client.call("chain_getGenesis")).chain, verifier.chain);
  assert.equal(key.address, network.accounts[0]?.address);
  const ops: OpInput[] = [
    { op: "put", key: "a", value: "b" },
    { op: "delete", key: "a" },
    { op: "append", key: "l", value: "i" },
    { op: "add", key: "c", delta: -5n },
    { op: "transfer", to: key.address, amount: 1n << 100n },
    { op: "get", key: "a" },
  ];
  const checks = [
    { check: "absent", key: "a" },
    { check: "exists", key: "b" },
    { check: "value", key: "b", value: "v" },
    { check: "version", key: "b", version: 1n << 100n },
    { check: "balance", account: key.address, atLeast: 7 },
  ] as const;
  const built = transaction({
    chain: verifier.chain,
    signer: key.address,
    salt: (1n << 64n) - 1n,
    expiresAtMs: 1_800_000_000_000,
    ops,
    checks: [...checks],
  });
  const json = <T extends object>(part: T) =>
    Object.fromEntries(
      Object.entries(part).map(([name, value]) => [name, typeof value === "bigint" ? String(value) : value]),
    );
  const unsigned = {
    chain: verifier.chain,
    signer: key.address,
    salt: String(built.salt),
    expiresAtMs: 1_800_000_000_000,
    ops: ops.map(json),
    checks: checks.map((check) => json("atLeast" in check ? { ...check, atLeast: "7" } : check)),
  };
  // What JSON looks like is for the node to judge.
  const prepared = await client.call("tx_prepare", { unsigned: unsigned as never, encoding: "utf8" });
  assert.equal(prepared.signingBytes, toHex(transactionSigningBytes(built)));
  assert.equal(prepared.txId, sign(built, key).txId);
});

test("a value is written, and read with a proof that holds without any node", options, async () => {
  const { verifier, urls, clients, signed } = setUp();
  const [name, none] = [unique("written"), unique("never")];
  const outcome = await submit(urls, signed({ op: "put", key: name, value: "hello" }), { wait: "sealed" });
  assert.deepEqual([outcome.status, outcome.sealed], ["committed", true]);
  // Another node may be a block behind: the one that answered is not.
  const node = clients[0] ?? assert.fail();
  const answer = await node.call("state_get", { key: hex(name), at: "sealed", prove: true });
  const proof = answer.proof ?? assert.fail("no proof");
  const proved = verifier.verifyState(proof, name);
  assert.equal(utf8(proved.entry?.value.value as Uint8Array), "hello");
  assert.ok(proved.height >= (outcome.height ?? assert.fail()));
  assert.deepEqual([proved.group, proved.height, proved.blockId], [answer.group, answer.height, answer.blockId]);
  assert.equal((await node.call("shard_forKey", { key: hex(name) }))["slot"], slotOf(new TextEncoder().encode(name)));
  assert.throws(() => verifier.verifyState(proof, none), /about key/);
  const absent = await node.call("state_get", { key: hex(none), at: "sealed", prove: true });
  assert.equal(verifier.verifyState(absent.proof ?? assert.fail(), none).entry, null);
});

test("a proof of each group says on whose word it rests", options, async () => {
  const { network, verifier, client, urls, signed } = setUp();
  for (const { id, engine } of network.groups.filter(({ id }) => id !== 0)) {
    const name = await keyIn(client, "word", id);
    await submit(urls, signed({ op: "append", key: name, value: "one" }, { op: "append", key: name, value: "two" }), { wait: "sealed" });
    const { proof } = await client.call("state_get", { key: hex(name), at: "sealed", prove: true });
    const proved = verifier.verifyState(proof ?? assert.fail(), name);
    assert.deepEqual([proved.group, proved.engine, proved.trust], [id, engine, engine === "raft" ? "members" : "quorum"]);
    const value = proved.entry?.value;
    assert.deepEqual(value?.type === "list" ? value.value.map(utf8) : value, ["one", "two"]);
  }
});

test("a transfer across groups ends applied, and whoever is asked tells the same", options, async () => {
  const { clients, urls, key, signed } = setUp();
  const groupOf = async (address: string) =>
    (await clients[0]?.call("shard_forKey", { key: hex(`@${address}/balance`) }))?.group;
  const home = await groupOf(key.address);
  let to = SecretKey.random().address;
  while ((await groupOf(to)) === home) {
    to = SecretKey.random().address;
  }
  const tx = signed({ op: "transfer", to, amount: 17n });
  const outcome = await submit(["http://127.0.0.1:1", ...urls], tx, { wait: "applied" });
  assert.deepEqual([outcome.status, outcome.applied, outcome.txId], ["committed", true, tx.txId]);
  assert.equal(outcome.phases?.length, 2);
  for (const url of urls) {
    const again = await submit([url], tx, { wait: "committed" });
    assert.deepEqual([again.status, again.group, again.height], ["committed", outcome.group, outcome.height]);
  }
  const account = await clients[1]?.call("state_account", { account: to, strict: true });
  assert.equal(account?.balance, "17");
});

test("a slot is proved with every key in it", options, async () => {
  const { client, verifier, urls, signed } = setUp();
  const street = unique("street");
  const names = ["1", "2", "3"].map((number) => `{${street}}/${number}`);
  await submit(urls, signed(...names.map((key): OpInput => ({ op: "put", key, value: key }))), { wait: "sealed" });
  const node = clientOfHost(await client.call("shard_forKey", { key: hex(street) }));
  const answer = await node.call("state_getSlot", { key: hex(street), at: "sealed", prove: true });
  const proved = verifier.verifySlot(answer.proof ?? assert.fail(), slotOf(new TextEncoder().encode(street)));
  assert.deepEqual([proved.group, proved.height, proved.blockId], [answer.group, answer.height, answer.blockId]);
  assert.deepEqual(proved.entries.map(({ key }) => toHex(key)), answer.items.map(({ key }) => key));
  const held = new Map(proved.entries.map(({ key, entry }) => [utf8(key), entry.value]));
  for (const name of names) {
    assert.deepEqual(held.get(name), { type: "bytes", value: new TextEncoder().encode(name) });
  }
});

test("a transaction is proved to have ended in all its groups, on the word of the weakest", options, async () => {
  const { network, client, verifier, urls, signed } = setUp();
  const groups = network.groups.filter(({ id }) => id !== 0);
  const ops: OpInput[] = [];
  for (const { id } of groups) {
    ops.push({ op: "put", key: await keyIn(client, "across", id), value: "v" });
  }
  const tx = signed(...ops);
  const { group } = await submit(urls, tx, { wait: "applied" });
  const proof = await provedOutcome(clientOfHost({ group: group ?? assert.fail() }), tx.txId);
  const proved = verifier.verifyOutcome(proof, tx.txId);
  assert.equal(proved.receipt.outcome.status, "applied");
  assert.deepEqual(proved.transaction?.transaction.ops.length, ops.length);
  assert.deepEqual([proved, ...proved.parts].map(({ group }) => group).sort(), groups.map(({ id }) => id));
  const isWeak = groups.some(({ engine }) => engine === "raft");
  assert.equal(proved.trust, isWeak ? "members" : "quorum");
  assert.throws(() => verifier.verifyOutcome(proof, signed(...ops).txId), /about transaction/);
});

test("who runs a group is proved from genesis, and from a checkpoint without it", options, async () => {
  const { network, client, verifier, genesis } = setUp();
  const later = Verifier.fromCheckpoint(await client.call("chain_getEpoch", { group: 0 }));
  assert.equal(later.chain, verifier.chain);
  for (const { id, engine } of network.groups) {
    const light = await client.call("chain_getLightBlock", { group: id });
    if (id !== 0) {
      assert.throws(() => later.verifyLightBlock(light), (error) => isProof(error, "UNKNOWN_GROUP"));
    }
    const { proof, members } = await client.call("chain_getEpoch", { group: id, prove: true });
    for (const judge of [verifier, later]) {
      const { record, at } = judge.learnEpoch(proof ?? assert.fail());
      assert.deepEqual([at.group, record.group, record.epoch, record.engine], [0, id, 1n, engine]);
      assert.deepEqual(record.members.map(({ key }) => toHex(key)), members.map(({ key }) => key));
      assert.equal(judge.verifyLightBlock(light).blockId, light.blockId);
    }
  }
  const elsewhere = new Verifier({ ...(genesis as object), name: "another" });
  const { proof } = await client.call("chain_getEpoch", { group: 1, prove: true });
  assert.throws(() => elsewhere.learnEpoch(proof ?? assert.fail()), (error) => isProof(error, "WRONG_CHAIN"));
});

test("a receipt made here by the rules is the one that validators sealed", options, async () => {
  const { client: any, verifier, signed } = setUp();
  const name = unique("receipt");
  const client = clientOfHost(await any.call("shard_forKey", { key: hex(name) }));
  // Alone in its block, as nothing else goes on in this network: tried again in the next block if something does.
  for (let attempt = 0; ; attempt++) {
    const tx = signed(
      { op: "put", key: name, value: "v" },
      { op: "get", key: name },
      { op: "get", key: `{${name}}none` },
    );
    const { group = assert.fail(), height = assert.fail() } = await submit([client], tx, {
      wait: "sealed",
    });
    const at = { group: group ?? assert.fail(), height: height ?? assert.fail() };
    const block = await client.call("chain_getBlock", { group: at.group, at: at.height });
    if (block.txCount > 1 && attempt < 5) {
      continue;
    }
    // No slot has moved, and the transaction is the first of its block.
    const version = BigInt(at.height) << 32n;
    const receipt: wire.Receipt = {
      id: fromHex(tx.txId),
      expiresAtMs: BigInt(tx.expiresAtMs),
      index: 0,
      told: [],
      outcome: {
        status: "applied",
        reads: [
          {
            key: new TextEncoder().encode(name),
            entry: { value: { type: "bytes", value: new TextEncoder().encode("v") }, version },
          },
          { key: new TextEncoder().encode(`{${name}}none`), entry: null },
        ],
      },
    };
    assert.equal(toHex(listRoot([wire.receiptHash(receipt)])), block.receiptsRoot);

    const { encoded } = await client.call("chain_getSeal", at);
    assert.equal(verifier.verifySeal(encoded).height, at.height);
    const header = {
      chain: fromHex(verifier.chain),
      group: at.group,
      epoch: BigInt(block.epoch),
      height: BigInt(at.height),
      tag: BigInt(block.tag),
      parent: fromHex(block.parent),
      proposer: block.proposer,
      timeMs: BigInt(block.timeMs),
      payloadRoot: fromHex(block.payloadRoot),
    };
    const sealedHeader = Buffer.concat([encode(wire.header, header), fromHex(encoded)]);
    assert.equal(verifier.verifySealedHeader(sealedHeader).blockId, block.blockId);
    const proof = encode(wire.listProof, { index: 0n, length: 1n, siblings: [] });
    const portable = Buffer.concat([sealedHeader, encode(wire.receipt, receipt), proof]);
    assert.equal(verifier.verifyReceipt(portable, tx.txId).receipt.outcome.status, "applied");
    return;
  }
});

test("what a node refuses, and what executes and fails, are told apart", options, async () => {
  const { client, urls, key, signed, verifier } = setUp();
  const elsewhere = sign(
    transaction({ chain: new Uint8Array(32), signer: key.address, ops: [{ op: "put", key: "a", value: "b" }] }),
    key,
  );
  await assert.rejects(
    submit(urls, elsewhere),
    (error) => error instanceof WitanError && error.reason === "WRONG_CHAIN" && error.hint !== "",
  );
  await assert.rejects(
    client.call("chain_getBlock", { group: 77 }),
    (error) => error instanceof WitanError && error.reason === "NOT_FOUND",
  );
  const name = unique("checked");
  const checked = transaction({
    chain: verifier.chain,
    signer: key.address,
    checks: [{ check: "exists", key: name }],
    ops: [{ op: "put", key: name, value: "b" }],
  });
  const failed = await submit(urls, sign(checked, key));
  assert.deepEqual([failed.status, failed.result?.reason], ["failed", "CHECK_FAILED"]);
  const [genesis, refused, stands] = await client.batch([
    { method: "chain_getGenesis" },
    { method: "state_get", params: { key: "greeting" } },
    { method: "tx_get", params: { txId: signed({ op: "get", key: "a" }).txId } },
  ]);
  assert.ok(!(genesis instanceof WitanError) && genesis.chain === verifier.chain);
  assert.ok(refused instanceof WitanError && refused.reason === "BAD_PARAMETER");
  assert.ok(!(stands instanceof WitanError) && stands.status === "unknown");
});

test("what a group does while a follower is away is told when it comes back", options, async () => {
  const { urls, signed } = setUp();
  const sockets: WebSocket[] = [];
  const webSocket = (url: string) => {
    const opened = new WebSocket(url);
    sockets.push(opened);
    return opened;
  };
  const client = new WitanClient(urls[0] ?? assert.fail(), { webSocket });
  const name = unique("away");
  // Nothing was told yet, of any group.
  const before = await client.subscribe("state_subscribe", { prefix: hex(name) });
  sockets[0]?.terminate();
  const { height, group } = await submit(urls, signed({ op: "put", key: name, value: "v" }), { wait: "sealed" });
  const lost = await before.next().catch((error: unknown) => error);
  assert.ok(lost instanceof SubscriptionError && lost.reason === "LOST");
  const after = await client.subscribe("state_subscribe", { prefix: hex(name), from: lost.resumeFrom });
  const { value: told } = await after.next();
  assert.deepEqual([told.key, told.group, told.height], [hex(name), group, height]);
  after.close();
});

const subscribes = readFileSync(new URL("../openrpc.json", import.meta.url), "utf8").includes("chain_subscribeBlocks");

test(
  "blocks are followed without a gap",
  { skip: WITHOUT_TESTNET || (!subscribes && "openrpc.json names no subscription") },
  async () => {
    const { network, urls, signed } = setUp();
    const client = new WitanClient(urls[0] ?? assert.fail(), { webSocket: (url) => new WebSocket(url) });
    assert.ok(network.groups.some(({ id }) => id === 1));
    const heights: number[] = [];
    const subscription = await client.subscribe("chain_subscribeBlocks", { group: 1, from: 1 });
    const writing = Promise.all(
      [1, 2, 3].map(() => submit(urls, signed({ op: "put", key: unique("followed"), value: "v" }))),
    );
    for await (const { height } of subscription) {
      heights.push(height);
      if (heights.length === 3) {
        break;
      }
    }
    assert.deepEqual(heights, [1, 2, 3]);
    await writing;
  },
);
