// What is always looked at: how the node stands, and the newest blocks of every group. All of it is bounded.

import { SubscriptionError } from "/ui/vendor/witan-client.js";
import { call, calls, canSubscribe, locked, subscribe } from "/ui/lib/api.js";
import { Seconds } from "/ui/lib/rates.js";
import { store } from "/ui/lib/store.js";

/** The blocks of each group that are kept. */
export const MAX_BLOCKS = 120;
/** How many of them are fetched when the page begins to look. */
const SEED = 120;
/** How often the node is asked how it stands, and where it can't tell by itself for its newest blocks; in milliseconds. */
const LOOK_MS = 1000;
/** What is drawn changes no more often than this, however many blocks come. */
const DRAW_MS = 250;
const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;
/** Blocks that one look asks for of a group; where more were made, the page goes on with the newest. */
const PAGE = 200;

/** The network: the genesis as the node has it, in the form of chain_getGenesis. */
export const network = store(undefined);
/** How the node stands: { data, error, roundTripMs }. */
export const status = store({});
/** The newest blocks by group, what they come to by second, and how they come: `live`, `polling`, `waiting` or `paused`. */
export const live = store({ how: "waiting", groups: new Map(), seconds: new Map() });

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = () => new Promise((resolve) => {
  if (!document.hidden) return resolve();
  const look = () => {
    if (document.hidden) return;
    document.removeEventListener("visibilitychange", look);
    resolve();
  };
  document.addEventListener("visibilitychange", look);
});

let drawing;
function draw(change = {}) {
  Object.assign(live.get(), change);
  drawing ??= setTimeout(() => {
    drawing = undefined;
    live.set({ ...live.get() });
  }, DRAW_MS);
}

/** Takes blocks in ascending order; what is not the next one starts the list anew. News say how long they took to come. */
function take(group, blocks, isNews) {
  const { groups, seconds } = live.get();
  let kept = groups.get(group) ?? [];
  let counted = seconds.get(group) ?? new Seconds();
  for (const block of blocks) {
    if (kept[0] !== undefined && block.height <= kept[0].height) continue;
    if (kept[0] !== undefined && block.height !== kept[0].height + 1) [kept, counted] = [[], new Seconds()];
    const { blockId, height, timeMs, txCount, proposer, parent } = block;
    const delayMs = isNews ? Date.now() - timeMs : undefined;
    counted.add(block, kept[0] && timeMs - kept[0].timeMs, delayMs);
    kept = [{ group, blockId, height, timeMs, txCount, proposer, parent, delayMs }, ...kept].slice(0, MAX_BLOCKS);
  }
  groups.set(group, kept);
  seconds.set(group, counted);
  draw();
}

/** The newest blocks of every group; where a group has made more than can be asked for since, only the newest. */
async function fetchNewest(groups) {
  const lists = groups.map((group) => {
    const known = live.get().groups.get(group)?.[0]?.height;
    const limit = known === undefined ? SEED : PAGE;
    return { method: "chain_listBlocks", params: { group, order: "desc", limit } };
  });
  const answers = await calls(lists);
  answers.forEach((answer, at) => {
    if (!(answer instanceof Error)) take(groups[at], answer.items.toReversed(), false);
  });
}

const nextPlaces = (groups) =>
  groups.map((group) => ({ group, height: (live.get().groups.get(group)?.[0]?.height ?? -1) + 1 }));

/** Follows until nobody sees the page, or the subscription ends. */
async function follow(groups) {
  await fetchNewest(groups);
  const news = await subscribe("chain_subscribeBlocks", { from: nextPlaces(groups) });
  const leave = () => document.hidden && news.close();
  document.addEventListener("visibilitychange", leave);
  draw({ how: "live" });
  try {
    for await (const block of news) take(block.group, [block], true);
  } catch (error) {
    // Too slow, or cut off: the newest are fetched, and followed from there.
    if (!(error instanceof SubscriptionError)) throw error;
  } finally {
    document.removeEventListener("visibilitychange", leave);
    news.close();
  }
}

async function followForever(groups) {
  let pause = MIN_PAUSE_MS;
  for (;;) {
    if (document.hidden) draw({ how: "paused" });
    await seen();
    const began = Date.now();
    try {
      if (canSubscribe()) {
        await follow(groups);
      } else {
        await fetchNewest(groups);
        draw({ how: "polling" });
        await sleep(LOOK_MS);
        pause = MIN_PAUSE_MS;
        continue;
      }
    } catch {
      // How the node stands is shown by `status`; here it is tried again.
    }
    if (!document.hidden) draw({ how: "waiting" });
    pause = Date.now() - began > MAX_PAUSE_MS ? MIN_PAUSE_MS : Math.min(pause * 2, MAX_PAUSE_MS);
    await sleep(document.hidden ? 0 : pause);
  }
}

async function lookForever() {
  for (;;) {
    await seen();
    const began = performance.now();
    try {
      if (network.get() === undefined) network.set(await call("chain_getGenesis"));
      const asked = performance.now();
      const data = await call("node_status");
      status.set({ data, roundTripMs: performance.now() - asked });
    } catch (error) {
      status.set({ data: status.get().data, error });
    }
    if (locked.get()) await new Promise((resolve) => { const stop = locked.listen(() => { stop(); resolve(); }); });
    await sleep(Math.max(100, LOOK_MS - (performance.now() - began)));
  }
}

let started = false;
/** Begins to look, once. */
export function start() {
  if (started) return;
  started = true;
  lookForever();
  const stop = status.listen(({ data }) => {
    if (data === undefined) return;
    stop();
    followForever(data.groups.map(({ group }) => group));
  });
}

/** How a group stands, by its number. */
export const groupStatus = (id) => status.get().data?.groups.find(({ group }) => group === id);
/** The validators that genesis names, by place. */
export const validatorName = (index) => network.get()?.genesis.validators[index]?.name ?? `#${index}`;

/** How far blocks' times are behind the moment they come here: the clocks' difference, and the way; 0 while that is not known. */
export function clockOffset() {
  const delays = [...live.get().groups.values()].flatMap((blocks) => blocks.slice(0, 40).map(({ delayMs }) => delayMs).filter((delay) => delay !== undefined));
  return delays.length === 0 ? 0 : Math.min(...delays);
}
