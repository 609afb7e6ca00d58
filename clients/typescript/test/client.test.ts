// Calls, batches and submissions against nodes that answer whatever a test wants.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ERROR_CODES,
  SecretKey,
  TransportError,
  WitanClient,
  WitanError,
  sign,
  submit,
  transaction,
} from "../dist/index.js";
import { fakeNode, refusal, result } from "./support.js";

test("a call sends JSON-RPC 2.0 by name with the token, and answers the result", async (context) => {
  const node = await fakeNode(context, (request) => result(request, { value: null, version: "0" }));
  const client = new WitanClient(node.url, { token: "open sesame" });
  const answer = await client.call("state_get", { key: "0x61", prove: true });
  assert.equal(answer.version, "0");
  const [{ headers, body } = assert.fail()] = node.requests;
  assert.deepEqual(body, { jsonrpc: "2.0", id: body.id, method: "state_get", params: { key: "0x61", prove: true } });
  assert.equal(headers.authorization, "Bearer open sesame");
  assert.equal(headers["content-type"], "application/json");
  await client.call("node_status");
  assert.deepEqual(node.requests[1]?.body.params, {});
});

test("an error of the node has its code, reason, hint and data", async (context) => {
  const node = await fakeNode(context, (request) =>
    refusal(request, -32031, "PRUNED", { retryable: false, hint: "ask for oldestHeight or above", oldestHeight: 7 }),
  );
  const error = await new WitanClient(node.url)
    .call("state_get", { key: "0x61", at: 1 })
    .catch((error: unknown) => error);
  assert.ok(error instanceof WitanError);
  assert.deepEqual([error.code, error.reason, error.retryable], [ERROR_CODES.Pruned, "PRUNED", false]);
  assert.deepEqual([error.hint, error.data["oldestHeight"]], ["ask for oldestHeight or above", 7]);
});

test("an error that comes with another status, or is malformed, is still an error", async (context) => {
  const bodies = [{ error: { code: -32041, message: "no", data: { reason: "UNAUTHORIZED" } } }, { error: "broken" }];
  const node = await fakeNode(context, ({ body }, count) => ({
    status: 401,
    body: { jsonrpc: "2.0", id: body.id, ...bodies[count - 1] },
  }));
  const client = new WitanClient(node.url);
  await assert.rejects(
    client.call("node_status"),
    (error) => error instanceof WitanError && error.reason === "UNAUTHORIZED",
  );
  await assert.rejects(client.call("node_status"), (error) => error instanceof WitanError && error.code === -32603);
});

test("what is no answer is a transport error", async (context) => {
  const node = await fakeNode(context, ({ body }, count) => {
    const other = { body: { jsonrpc: "2.0", id: body.id + 1, result: {} } };
    return (
      [other, { status: 502, body: "<html>" }, { body: "[]" }, { body: { jsonrpc: "2.0", id: body.id } }][count - 1] ??
      "hang up"
    );
  });
  const client = new WitanClient(node.url);
  for (const why of [
    /no answer to request/,
    /status 502 with no JSON/,
    /no answer to request/,
    /no answer to request/,
    /127\.0\.0\.1/,
  ]) {
    await assert.rejects(
      client.call("node_status"),
      (error) => error instanceof TransportError && why.test(error.message),
      String(why),
    );
  }
});

test("a call that takes too long, or is ended, is a transport error", async (context) => {
  const node = await fakeNode(context, () => "nothing");
  await assert.rejects(new WitanClient(node.url, { timeoutMs: 20 }).call("node_status"), /no answer within 20 ms/);
  const stop = new AbortController();
  const call = new WitanClient(node.url).call("node_status", {}, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(call, (error) => error instanceof TransportError && /enough/.test(error.message));
});

test("an answer above the limit is cut off", async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (to) => (to.enqueue(new Uint8Array(1 << 20)), void (sent += 1 << 20)),
  });
  const client = new WitanClient("http://node.test", { fetch: async () => new Response(endless) });
  await assert.rejects(client.call("node_status"), /more than 67108864 bytes/);
  assert.ok(sent < 80 << 20);
});

test("a batch is one request whose answers may come in any order", async (context) => {
  const node = await fakeNode(context, ({ body }) => ({
    body: body
      .map((one: any) =>
        one.method === "tx_get"
          ? { jsonrpc: "2.0", id: one.id, error: { code: -32602, message: "bad", data: { reason: "BAD_PARAMETER" } } }
          : { jsonrpc: "2.0", id: one.id, result: { slot: one.params.key.length, group: 1 } },
      )
      .reverse(),
  }));
  const [first, second, third] = await new WitanClient(node.url).batch([
    { method: "shard_forKey", params: { key: "0x61" } },
    { method: "tx_get", params: { txId: "0x" } },
    { method: "shard_forKey", params: { key: "0x6161" } },
  ]);
  assert.ok(!(first instanceof WitanError) && !(third instanceof WitanError));
  assert.deepEqual([first.slot, third.slot], [4, 6]);
  assert.ok(second instanceof WitanError && second.reason === "BAD_PARAMETER");
  assert.equal(node.requests.length, 1);
  assert.deepEqual(await new WitanClient(node.url).batch([]), []);
});

test("a batch that is refused as a whole, or answered in part, is an error", async (context) => {
  const answers = [{ jsonrpc: "2.0", id: null, error: { code: -32600, message: "too long" } }, []];
  const node = await fakeNode(context, (_, count) => ({ body: answers[count - 1] }));
  const client = new WitanClient(node.url);
  await assert.rejects(
    client.batch([{ method: "node_status" }]),
    (error) => error instanceof WitanError && error.code === -32600,
  );
  await assert.rejects(client.batch([{ method: "node_status" }]), TransportError);
});

const key = new SecretKey(new Uint8Array(32).fill(7));
const signed = sign(
  transaction({ chain: new Uint8Array(32), signer: key.address, ops: [{ op: "put", key: "a", value: "b" }] }),
  key,
);
const committed = { txId: signed.txId, status: "committed", sealed: true, applied: true };

test("the same bytes go from node to node until one knows the outcome", async (context) => {
  const dead = await fakeNode(context, () => "hang up");
  const slow = await fakeNode(context, (request) =>
    refusal(request, -32023, "WAIT_TIMEOUT", { status: "accepted", txId: signed.txId }),
  );
  const behind = await fakeNode(context, (request, count) =>
    count === 1 ? refusal(request, -32033, "NO_QUORUM") : result(request, committed),
  );
  const outcome = await submit([dead.url, slow.url, behind.url], signed, { wait: "applied", waitMs: 50 });
  assert.equal(outcome.status, "committed");
  assert.deepEqual(
    [dead, slow, behind].map(({ requests }) => requests.length),
    [2, 2, 2],
  );
  for (const { body } of [dead, slow, behind].flatMap(({ requests }) => requests)) {
    assert.deepEqual(body.params, { tx: signed.tx, wait: "applied", timeoutMs: 50, encoding: "hex" });
  }
});

test("a refusal that every node would repeat ends a submission at once", async (context) => {
  for (const [code, reason, data] of [
    [-32020, "BAD_SIGNATURE", {}],
    [-32602, "BAD_PARAMETER", {}],
    [-32023, "WAIT_TIMEOUT", { status: "expired" }],
  ] as const) {
    const node = await fakeNode(context, (request) => refusal(request, code, reason, data));
    await assert.rejects(
      submit([node.url, node.url], signed),
      (error) => error instanceof WitanError && error.reason === reason,
    );
    assert.equal(node.requests.length, 1);
  }
});

test("a submission without a node that answers ends with the last error", async (context) => {
  const dead = await fakeNode(context, () => "hang up");
  await assert.rejects(submit([dead.url], signed, { deadlineMs: 300 }), TransportError);
  assert.ok(dead.requests.length > 1);
  await assert.rejects(submit([], signed), /no node/);
});

test("what breaks a rule is refused before it is signed", () => {
  const build = (ops: object[], checks: object[] = [], more: object = {}) =>
    transaction({ chain: new Uint8Array(32), signer: key.address, ops, checks, ...more } as Parameters<
      typeof transaction
    >[0]);
  const put = (key: unknown, value: unknown = "") => ({ op: "put", key, value });
  const other = SecretKey.random().address;
  const cases: [() => unknown, RegExp][] = [
    [() => build([]), /1 to 128 ops/],
    [() => build(Array(129).fill(put("a"))), /1 to 128 ops/],
    [() => build([put("a")], Array(129).fill({ check: "absent", key: "a" })), /at most 128 checks/],
    [() => build([put("")]), /1 to 256 bytes/],
    [() => build([put("a".repeat(257))]), /1 to 256 bytes/],
    [() => build([put("\0a")]), /reserved/],
    [() => build([put("a", "v".repeat(65537))]), /65537 bytes/],
    [() => build([put("a", "v".repeat(65536)), put("b", "v".repeat(65536))]), /above the limit of 131072/],
    [() => build([put(`@${other}/notes`)]), /may not be written/],
    [() => build([put("@")]), /may not be written/],
    [() => build([put(`@${key.address}/balance`)]), /may not be written/],
    [() => build([{ op: "transfer", to: "witan1nobody", amount: 1 }]), /no account address/],
    [() => build([{ op: "transfer", to: other, amount: -1 }]), /unsigned/],
    [() => build([{ op: "transfer", to: other, amount: 1.5 }]), /whole number/],
    [() => build([{ op: "transfer", to: other, amount: 2 ** 60 }]), /whole number/],
    [() => build([{ op: "steal", from: other }]), /no such op/],
    [() => build([put("a")], [{ check: "feels right" }]), /no such check/],
    [() => build([put("a")], [], { chain: "0x00" }), /expected 32 bytes/],
    [() => build([put("a")], [], { signer: "me" }), /no account address/],
    [() => build([put("a")], [], { salt: 1n << 64n }), /unsigned/],
    [() => sign(build([put("a")]), SecretKey.random()), /names .* as its signer/],
  ];
  for (const [attempt, why] of cases) {
    assert.throws(
      attempt,
      (error) => (error instanceof TypeError || error instanceof RangeError) && why.test(error.message),
      String(why),
    );
  }
  build([put(`@${key.address}/notes`), { op: "get", key: `@${other}/balance` }, put(new Uint8Array([0xff]))]);
  assert.notEqual(build([put("a")]).salt, build([put("a")]).salt);
});

test("only the one address of a key is taken", () => {
  const { address } = key;
  const flip = (place: number) =>
    address.slice(0, place) + (address[place] === "q" ? "p" : "q") + address.slice(place + 1);
  const wrong = [
    address.toUpperCase(),
    flip(8),
    flip(address.length - 1),
    address.slice(0, -1),
    `${address}q`,
    address.replace("witan", "bitan"),
    "",
  ];
  for (const text of wrong) {
    assert.throws(
      () => transaction({ chain: new Uint8Array(32), signer: text, ops: [{ op: "get", key: "a" }] }),
      /no account address/,
      text,
    );
  }
});
