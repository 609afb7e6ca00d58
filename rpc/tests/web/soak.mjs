// The page left open under load: what it takes of the browser's memory and of the node, over time.
//
//   node soak.mjs 30m       with WITAN_TESTNET; scripts/test-web.sh starts a network and runs it
//
// A sixth of the time before and after the page is there is for comparison. WITAN_SOAK_RATE is how many transactions a second
// are sent (100 if absent), half of them across groups; WITAN_SOAK_TAB is the tab that stays open (the overview if absent).

import { readFileSync } from "node:fs";
import { argv, env, exit } from "node:process";
import { client, first, keyOfEachGroup, keys, launch, network, signed } from "./support.mjs";
import { WitanClient } from "../../../clients/typescript/dist/index.js";

const UNITS = { s: 1, m: 60, h: 3600 };
const [, count, unit] = /^(\d+)([smh])$/.exec(argv[2] ?? "") ?? [];
if (count === undefined) {
  console.error("usage: node soak.mjs TIME, such as 30m");
  exit(2);
}
const [seconds, rate, tab] = [Number(count) * UNITS[unit], Number(env.WITAN_SOAK_RATE ?? 100), env.WITAN_SOAK_TAB ?? ""];
const STEP = Math.max(10, Math.min(60, seconds / 10));
const nodes = network.nodes.map(({ rpc }) => new WitanClient(rpc));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let [running, sent, refused] = [true, 0, 0];

/** Sends at a steady rate, in one batch ten times a second, to one node after another. */
async function load() {
  const places = [...(await keyOfEachGroup("soak")).values()];
  const began = Date.now();
  while (running) {
    const due = Math.floor(((Date.now() - began) / 1000) * rate) - sent;
    const txs = Array.from({ length: Math.min(due, 100) }, (_, at) => {
      const [one, other] = places.map((place) => `${place}/${(sent + at) % 500}`);
      const ops = [{ op: "put", key: one, value: String(sent + at) }, ...(at % 2 === 0 ? [{ op: "put", key: other, value: "x" }] : [])];
      return signed(ops, keys[(sent + at) % keys.length]).tx;
    });
    if (txs.length > 0) {
      sent += txs.length;
      const { items } = await nodes[sent % nodes.length].call("tx_submitBatch", { txs }).catch(() => ({ items: txs.map(() => ({ error: {} })) }));
      refused += items.filter(({ error }) => error !== undefined).length;
    }
    await sleep(100);
  }
}

const memoryOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
const heights = async () => new Map((await client.call("node_status")).groups.map(({ group, height }) => [group, height]));

/** Blocks a second of each group that has keys, and of the page's node what it takes, over some time. */
async function pace(forSeconds) {
  const [before, began] = [await heights(), Date.now()];
  await sleep(forSeconds * 1000);
  const [after, spent] = [await heights(), (Date.now() - began) / 1000];
  return [...after].filter(([group]) => group > 0).map(([group, height]) => ((height - before.get(group)) / spent).toFixed(2)).join(" ");
}

const row = (...cells) => console.log(cells.map((cell) => String(cell).padStart(14)).join(""));

async function withPage() {
  const browser = await launch(["--enable-precise-memory-info"]);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(`${first.rpc}/ui#/${tab}`);
  await page.getByTestId(`page-${tab || "overview"}`).waitFor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  await devtools.send("HeapProfiler.enable");
  row("minute", "heap MB", "DOM nodes", "listeners", "node RSS MB", "blocks/s");
  const began = Date.now();
  while ((Date.now() - began) / 1000 < seconds) {
    const blocks = await pace(STEP);
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    row(((Date.now() - began) / 60_000).toFixed(1), (of("JSHeapUsedSize") / 2 ** 20).toFixed(2), of("Nodes"), of("JSEventListeners"), memoryOf(first.pid).toFixed(0), blocks);
  }
  await browser.close();
  if (wrong.length > 0) throw new Error(`the page failed: ${wrong.slice(0, 5).join("; ")}`);
}

const loading = load();
await sleep(5000);
console.log(`blocks/s of groups 1 and 2 without the page: ${await pace(seconds / 6)}; node RSS ${memoryOf(first.pid).toFixed(0)} MB`);
await withPage();
console.log(`blocks/s of groups 1 and 2 without the page: ${await pace(seconds / 6)}; node RSS ${memoryOf(first.pid).toFixed(0)} MB`);
running = false;
await loading;
console.log(`${sent} transactions sent, ${refused} refused`);
