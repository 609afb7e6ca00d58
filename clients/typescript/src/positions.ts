// Where a subscription that reads chains begins in each group: known before anything is told, so that a group which had told
// nothing when the connection was lost goes on where it stood too. The counterpart of rpc/src/client/subscriber.rs.

import { shown } from "./bytes.js";
import { TransportError, isObject } from "./errors.js";
import { MAX_GROUPS } from "./wire.js";

/** A place in a chain: what comes next there. `index` news of that block were told already. */
export interface Position {
  group: number;
  height: number;
  index?: number;
}

/** Where to begin: a height beside `group`, or positions as `next` and `resumeFrom` name them; where absent, the next block. */
export type From = number | Position[];

/** Calls a method of the node that is subscribed to. */
export type Call = (method: string, params: object) => Promise<unknown>;

/**
 * The parameters with a position of every group they are about: those given, and the next block of any other. Parameters of a
 * subscription that reads no chains, or that the node will refuse, stay as they are.
 */
export async function withPositions(name: string, params: unknown, call: Call): Promise<unknown> {
  const readsChains = name !== "consensus_subscribe" && isObject(params) && params["txId"] === undefined;
  if (!readsChains) {
    return params;
  }
  const { group, from } = params as { group?: number; from?: From };
  if (typeof from === "number") {
    return group === undefined ? params : { ...params, from: [{ group, height: from }] };
  }
  const positions = [...(from ?? [])];
  for (const one of group === undefined ? await groupsOf(call) : [group]) {
    if (!positions.some((position) => position.group === one)) {
      positions.push({ group: one, height: await nextHeight(one, call) });
    }
  }
  return { ...params, from: positions };
}

const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The groups that the node hosts. */
async function groupsOf(call: Call): Promise<number[]> {
  const status = await call("node_status", {});
  const listed = isObject(status) && Array.isArray(status["groups"]) ? status["groups"] : [];
  const groups = listed.map((one: unknown) => (isObject(one) ? one["group"] : one));
  // Each one costs a question, so a node can't name as many as it likes.
  if (groups.length === 0 || groups.length > MAX_GROUPS || !groups.every(isPlace)) {
    throw new TransportError(`node_status names no groups that there can be: ${shown(groups)}`);
  }
  return groups;
}

/** The height of the block that a group makes next. */
async function nextHeight(group: number, call: Call): Promise<number> {
  const newest = await call("chain_getBlock", { group, at: "latest", txs: "none" });
  const height = isObject(newest) ? newest["height"] : undefined;
  if (!isPlace(height)) {
    throw new TransportError(`chain_getBlock names no height: ${shown(newest)}`);
  }
  return height + 1;
}
