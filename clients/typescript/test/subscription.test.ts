// Subscriptions against a fake node, on the package ws.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { type ClientOptions, SubscriptionError, TransportError, WitanClient, WitanError } from "../dist/index.js";
import { fakeSocket, until } from "./support.js";

const options: ClientOptions = { webSocket: (url) => new WebSocket(url), timeoutMs: 10_000 };
const answer = (socket: WebSocket, id: unknown, result: unknown) =>
  socket.send(JSON.stringify({ jsonrpc: "2.0", id, result }));
const tell = (socket: WebSocket, subscription: unknown, result: object) =>
  socket.send(JSON.stringify({ jsonrpc: "2.0", method: "chain_subscribeBlocks", params: { subscription, result } }));
const block = (seq: number, group = 1) => ({
  seq,
  type: "block",
  group,
  height: 10 + seq,
  next: { group, height: 11 + seq },
});

/** The newest block of each group of the fake node. */
const NEWEST: Record<number, number> = { 0: 4, 1: 10, 2: 20, 3: 30 };

/** Answers what is asked about the node itself; whether it was that. */
function tellsOfItself(socket: WebSocket, { id, method, params }: any): boolean {
  if (method === "node_status") {
    answer(socket, id, { groups: Object.keys(NEWEST).map((group) => ({ group: Number(group) })) });
  } else if (method === "chain_getBlock") {
    assert.deepEqual([params.at, params.txs], ["latest", "none"]);
    answer(socket, id, { group: params.group, height: NEWEST[params.group] });
  }
  return method === "node_status" || method === "chain_getBlock";
}

/** A node that answers a subscription with an id, and then tells all of `news`. */
async function telling(context: TestContext, news: object[], then: (socket: WebSocket) => void = () => {}) {
  const node = await fakeSocket(context, (socket, request) => {
    const { id, method } = request;
    if (tellsOfItself(socket, request)) {
      return;
    }
    answer(socket, id, method.includes("unsubscribe") ? true : "abc");
    if (!method.includes("unsubscribe")) {
      news.forEach((one) => tell(socket, "abc", one));
      then(socket);
    }
  });
  return { ...node, client: new WitanClient(node.url, options) };
}

/** Everything that a subscription says, and how it ends. */
async function all(subscription: AsyncIterable<{ seq: number }>): Promise<{ seqs: number[]; error: unknown }> {
  const seqs: number[] = [];
  try {
    for await (const { seq } of subscription) {
      seqs.push(seq);
    }
    return { seqs, error: undefined };
  } catch (error) {
    return { seqs, error };
  }
}

test("news come one after another, and the end ends the loop and the connection", async (context) => {
  const node = await telling(context, [block(1), block(2), block(3), { seq: 4, type: "end" }]);
  const subscription = await node.client.subscribe("chain_subscribeBlocks", { group: 1, from: 11 });
  assert.deepEqual(node.requests[0].params, { group: 1, from: [{ group: 1, height: 11 }] });
  assert.deepEqual(await all(subscription), { seqs: [1, 2, 3], error: undefined });
  assert.deepEqual(await subscription.next(), { done: true, value: undefined });
  await until(() => node.sockets.clients.size === 0, "the connection is closed");
});

test("a reader that waits gets news as they come, and breaking out ends the subscription", async (context) => {
  const sockets: WebSocket[] = [];
  const node = await telling(context, [], (opened) => void sockets.push(opened));
  const subscription = await node.client.subscribe("state_subscribe", { prefix: "0x61" });
  const waiting = subscription.next();
  const [socket = assert.fail()] = sockets;
  tell(socket, "abc", block(1));
  assert.equal((await waiting).value.seq, 1);
  tell(socket, "abc", block(2));
  for await (const { seq } of subscription) {
    assert.equal(seq, 2);
    break;
  }
  await until(() => node.sockets.clients.size === 0, "the connection is closed");
});

test("lagging ends the loop with where to go on", async (context) => {
  const resumeFrom = [{ group: 1, height: 12, index: 3 }];
  const node = await telling(context, [block(1), { seq: 2, type: "lagged", lagged: true, resumeFrom }], (socket) =>
    socket.close(),
  );
  const { seqs, error } = await all(await node.client.subscribe("chain_subscribeBlocks", {}));
  assert.deepEqual(seqs, [1]);
  assert.ok(error instanceof SubscriptionError);
  assert.deepEqual([error.reason, error.resumeFrom], ["LAGGED", resumeFrom]);
});

test("an error of the node ends the loop with its reason", async (context) => {
  const last = {
    seq: 1,
    type: "error",
    error: { code: -32031, message: "pruned", data: { reason: "PRUNED" } },
    resumeFrom: [],
  };
  const node = await telling(context, [last]);
  const { error } = await all(await node.client.subscribe("chain_subscribeBlocks", { group: 1, from: 1 }));
  assert.ok(error instanceof SubscriptionError && error.reason === "PRUNED");
});

test("a lost connection ends the loop after the news that arrived, with where to go on", async (context) => {
  const node = await telling(context, [block(1), block(2, 2)], (socket) => socket.close());
  const from = [
    { group: 1, height: 11 },
    { group: 3, height: 5 },
  ];
  const subscription = await node.client.subscribe("chain_subscribeBlocks", { from });
  const asked = [...from, { group: 0, height: 5 }, { group: 2, height: 21 }];
  assert.deepEqual(node.requests.at(-1).params, { from: asked });
  assert.deepEqual(subscription.positions(), asked);
  const { seqs, error } = await all(subscription);
  assert.deepEqual(seqs, [1, 2]);
  assert.ok(error instanceof SubscriptionError && error.reason === "LOST");
  const reached = [
    { group: 1, height: 12 },
    { group: 3, height: 5 },
    { group: 0, height: 5 },
    { group: 2, height: 13 },
  ];
  assert.deepEqual([error.resumeFrom, subscription.positions()], [reached, reached]);
});

test("a group that had told nothing when the connection was lost goes on where it stood then", async (context) => {
  for (const [name, params] of [
    ["chain_subscribeBlocks", {}],
    ["state_subscribe", { prefix: "0x61" }],
    ["tx_subscribe", { account: "witan1..." }],
  ] as const) {
    const node = await telling(context, [block(1)], (socket) => socket.close());
    const { error } = await all(await node.client.subscribe(name, params));
    assert.ok(error instanceof SubscriptionError && error.reason === "LOST");
    const others = [0, 2, 3].map((group) => ({ group, height: (NEWEST[group] ?? assert.fail()) + 1 }));
    const reached = [others[0], { group: 1, height: 12 }, others[1], others[2]];
    assert.deepEqual(error.resumeFrom, reached, name);
    await node.client.subscribe(name, { ...params, from: error.resumeFrom });
    assert.deepEqual(node.requests.at(-1).params, { ...params, from: reached });
  }
});

test("what reads no chains begins nowhere, and a node that names no groups is no node", async (context) => {
  const node = await telling(context, []);
  for (const [name, params] of [
    ["tx_subscribe", { txId: "0x01" }],
    ["consensus_subscribe", { group: 1 }],
    ["state_subscribe", { prefix: "0x", from: 5 }],
  ] as const) {
    await node.client.subscribe(name, params);
    assert.deepEqual(node.requests.at(-1), { ...node.requests.at(-1), method: name, params });
  }
  const answers: unknown[] = [
    {},
    { groups: [] },
    { groups: [{ group: "1" }] },
    { groups: Array.from({ length: 66 }, (_, group) => ({ group })) },
    { groups: [{ group: 1 }] },
  ];
  for (const status of answers) {
    const lying = await fakeSocket(context, (socket, { id, method }) =>
      answer(socket, id, method === "node_status" ? status : { height: 2 ** 60 }),
    );
    await assert.rejects(
      new WitanClient(lying.url, options).subscribe("chain_subscribeBlocks", {}),
      (error) => error instanceof TransportError && /node_status|chain_getBlock/.test(error.message),
    );
    await until(() => lying.sockets.clients.size === 0, "no connection is left");
  }
});

test("a gap in the numbers is an error, not news", async (context) => {
  const node = await telling(context, [block(1), block(3)]);
  const { seqs, error } = await all(await node.client.subscribe("chain_subscribeBlocks", { group: 1 }));
  assert.deepEqual(seqs, [1]);
  assert.ok(error instanceof SubscriptionError && error.reason === "GAP");
  assert.deepEqual(error.resumeFrom, [{ group: 1, height: 12 }]);
});

test("a reader that is too slow keeps what waits, and is told where to go on", async (context) => {
  let told = false;
  const news = Array.from({ length: 1100 }, (_, place) => block(place + 1));
  const node = await telling(context, news, () => (told = true));
  const subscription = await node.client.subscribe("chain_subscribeBlocks", { group: 1 });
  await until(() => told && node.sockets.clients.size === 0, "the client closes the connection");
  const { seqs, error } = await all(subscription);
  assert.equal(seqs.length, 1024);
  assert.ok(error instanceof SubscriptionError && error.reason === "LAGGED");
  assert.deepEqual(error.resumeFrom, [{ group: 1, height: 11 + 1024 }]);
});

test("subscriptions share a connection, and each gets its own news", async (context) => {
  let count = 0;
  const node = await fakeSocket(context, (socket, { id, method, params }) => {
    if (method === "tx_unsubscribe") {
      assert.deepEqual(params, ["s1"]);
      return tell(socket, "s2", { seq: 2, type: "end" });
    }
    count += 1;
    answer(socket, id, `s${count}`);
    tell(socket, `s${count}`, { seq: 1, type: "status", status: `of ${count}` });
  });
  const client = new WitanClient(node.url, options);
  const [one, two] = await Promise.all(["0x01", "0x02"].map((txId) => client.subscribe("tx_subscribe", { txId })));
  assert.equal((await one?.next())?.value.status, "of 1");
  assert.equal((await two?.next())?.value.status, "of 2");
  assert.equal(node.sockets.clients.size, 1);
  one?.close();
  assert.deepEqual(await two?.next(), { done: true, value: undefined });
});

test("a refused subscription is the node's error, and one without an answer a transport error", async (context) => {
  const node = await fakeSocket(context, (socket, { id, params }) => {
    if (params.group === 9) {
      socket.send(
        JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32030, message: "none", data: { reason: "NOT_FOUND" } } }),
      );
    }
  });
  const client = new WitanClient(node.url, { ...options, timeoutMs: 50 });
  await assert.rejects(
    client.subscribe("consensus_subscribe", { group: 9 }),
    (error) => error instanceof WitanError && error.reason === "NOT_FOUND",
  );
  await assert.rejects(client.subscribe("consensus_subscribe", { group: 1 }), TransportError);
  await until(() => node.sockets.clients.size === 0, "no connection is left");
  await assert.rejects(
    new WitanClient("http://127.0.0.1:1", options).subscribe("consensus_subscribe", {}),
    TransportError,
  );
});

test("a token goes to a WebSocket that can send it", async (context) => {
  const node = await telling(context, [{ seq: 1, type: "end" }]);
  let seen: string | undefined;
  node.sockets.on("connection", (_, request) => (seen = request.headers.authorization));
  await assert.rejects(new WitanClient(node.url, { token: "t" }).subscribe("consensus_subscribe", {}), /token/);
  const webSocket = (url: string, token?: string) =>
    new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  await all(await new WitanClient(node.url, { token: "t", webSocket }).subscribe("consensus_subscribe", {}));
  assert.equal(seen, "Bearer t");
});
