// A browser with the page, and the network behind it.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { SecretKey, WitanClient, sign, submit, transaction } from "../../../clients/typescript/dist/index.js";

export const network = JSON.parse(readFileSync(process.env.WITAN_TESTNET, "utf8"));
export const [first, ...others] = network.nodes;
export const client = new WitanClient(first.rpc);
export const far = new WitanClient(others[0].rpc);
export const keys = network.accounts.map(({ secret }) => new SecretKey(secret));
const isRoot = process.getuid?.() === 0;

/** Debian's Chromium; root has to do without its sandbox. */
export const launch = (args = []) =>
  chromium.launch({
    executablePath: execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
    args: [...(isRoot ? ["--no-sandbox"] : []), ...args],
  });

/** A transaction, signed. */
export const signed = (ops, key = keys[0], checks = []) =>
  sign(transaction({ chain: network.chain, signer: key.address, checks, ops }), key);

/** Submits it to the page's node, and answers how it ended. */
export const applied = (tx) => submit([first.rpc], tx, { wait: "applied" });

/** A key of each group that holds some, by group. */
export async function keyOfEachGroup(prefix) {
  const found = new Map();
  for (let at = 0; found.size < 2; at += 1) {
    const key = `${prefix}-${at}`;
    const { group } = await client.call("shard_forKey", { key, encoding: "utf8" });
    if (!found.has(group)) found.set(group, key);
  }
  return found;
}

/** Asks again and again until it is so. */
export async function until(what, ask) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never: ${what}`);
}
