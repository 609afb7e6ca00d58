// One fault from before it is staged to its verdict: what was expected, what this node saw, and whether both agree.

import { ProofError } from "/ui/vendor/witan-client.js";
import { call, calls } from "/ui/lib/api.js";
import { theory } from "/ui/lib/faults.js";
import { clockOffset, network, validatorName } from "/ui/lib/live.js";
import { number, plural } from "/ui/lib/format.js";
import { judge } from "/ui/lib/proof.js";
import { store } from "/ui/lib/store.js";

const LOOK_MS = 400;
/** What was on its way when the fault began still comes: blocks of this time are not counted. */
const GRACE_MS = 1500;
/** How long, beside the longest pause of an idle group, the node may take to come back. */
const RETURN_MS = 20_000;
/** Heights that are kept of one experiment, and experiments that are. */
const [MAX_SAMPLES, MAX_KEPT] = [900, 10];
/** Blocks that are compared in a group. */
const [PAGE, MAX_COMPARED] = [500, 3000];

/** The experiment under way, if there is one, and those that are over, the newest first. */
export const experiment = store(undefined);
export const past = store([]);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const change = (fields) => experiment.set({ ...experiment.get(), ...fields });

/** Who decides in each of the node's groups, as it is now. */
export async function committees(groups, signal) {
  const sets = await calls(groups.map((group) => ({ method: "consensus_validators", params: { group } })), { signal });
  const failed = sets.find((set) => set instanceof Error);
  if (failed) throw failed;
  return sets;
}

async function heights() {
  const { groups } = await call("node_status");
  return { atMs: Date.now(), groups: groups.map(({ group, height, blockId, syncing }) => ({ group, height, blockId, syncing })) };
}

/** What all groups go by now; where this node can't tell, what genesis said. */
const parameters = () => call("chain_getConfiguration").then((now) => now.parameters, () => network.get().genesis.parameters);

/** Stages a fault, waits for its end, and judges. */
export async function run(kind, values, seconds) {
  if (experiment.get() !== undefined && !["done", "failed"].includes(experiment.get().phase)) return;
  experiment.set({ kind: kind.id, values, seconds, phase: "staging", samples: [] });
  try {
    const status = await call("node_status");
    const sets = await committees(status.groups.map(({ group }) => group));
    const expected = sets.map((set) => theory(kind, set, status.nodeId));
    change({ expected, parameters: await parameters() });
    const offsetMs = clockOffset();
    const before = await heights();
    const others = network.get().genesis.validators.map(({ name }) => name).filter((name) => name !== status.name);
    const { id } = await call("fault_set", { ...kind.stage(values, others), forMs: seconds * 1000 });
    change({ phase: "running", id, before, offsetMs, startMs: Date.now() });
    await watch(id);
    change({ phase: "healing", endMs: Date.now() });
    const after = await comeBack();
    const findings = await compare(after);
    const verdict = findings.some(({ isRight }) => isRight === false) ? "bad" : findings.some(({ isRight }) => isRight === undefined) ? "open" : "good";
    change({ phase: "done", after, findings, verdict });
  } catch (error) {
    change({ phase: "failed", error });
  }
  const { samples: _samples, ...ended } = experiment.get();
  past.set([ended, ...past.get()].slice(0, MAX_KEPT));
}

/** Ends the fault now. */
export async function heal() {
  const { id, phase } = experiment.get() ?? {};
  if (phase === "running") {
    change({ healing: true });
    await call("fault_clear", { id });
  }
}

/** Takes this node's heights until the fault is over: those alone of which it is sure that it was still staged. */
async function watch(id) {
  for (;;) {
    const now = await heights();
    const { items } = await call("fault_list");
    if (!items.some((fault) => fault.id === id)) return;
    change({ samples: [...experiment.get().samples, now].slice(-MAX_SAMPLES) });
    await sleep(LOOK_MS);
  }
}

/** Waits until this node has a block from after the end in every group, or has not for too long. */
async function comeBack() {
  const { endMs, offsetMs, parameters: { idleIntervalMs } } = experiment.get();
  const until = endMs + idleIntervalMs + RETURN_MS;
  for (;;) {
    const now = await heights();
    const blocks = await calls(now.groups.map(({ group, height: at }) => ({ method: "chain_getBlock", params: { group, at, txs: "none" } })));
    const isBack = blocks.every((block) => !(block instanceof Error) && block.timeMs > endMs - offsetMs);
    change({ back: isBack });
    if (isBack || Date.now() > until) return { ...now, isBack };
    await sleep(LOOK_MS);
  }
}

/** The blocks of a group above a height, ascending; the oldest of them where there are too many. */
async function above(group, from, to) {
  const blocks = [];
  while (from <= to && blocks.length < MAX_COMPARED) {
    const { items } = await call("chain_listBlocks", { group, from, order: "asc", limit: Math.min(PAGE, to - from + 1) });
    if (items.length === 0) break;
    blocks.push(...items);
    from = items.at(-1).height + 1;
  }
  return blocks;
}

async function compare(after) {
  const { before, startMs, offsetMs, expected, samples } = experiment.get();
  const atEnd = samples.at(-1) ?? before;
  const settled = samples.find(({ atMs }) => atMs >= startMs + GRACE_MS) ?? atEnd;
  const findings = [];
  for (const { group, height, blockId } of before.groups) {
    const of = (sample) => sample.groups.find((one) => one.group === group)?.height ?? height;
    const blocks = await above(group, height + 1, of(after));
    const [from, to] = [startMs + GRACE_MS - offsetMs, atEnd.atMs - offsetMs];
    const made = blocks.filter(({ timeMs }) => timeMs >= from && timeMs <= to).length;
    const wanted = expected.find((one) => one.group === group);
    findings.push(judgeGroup(wanted, made, to - from), judgeSelf(wanted, of(settled), of(atEnd), made));
    findings.push(await judgeAgreement(group, { height, blockId }, blocks, samples));
  }
  if (!after.isBack) findings.push({ isRight: false, text: "This node has no block from after the end in every group: it did not come back in time." });
  return findings;
}

/** Whether the group went on, by the times of the blocks that this node learned of afterwards. */
function judgeGroup({ group, goesOn }, made, spanMs) {
  const { idleIntervalMs, baseTimeoutMs } = experiment.get().parameters;
  const about = { group, what: "group" };
  const told = `${plural(made, "block")} in ${(Math.max(0, spanMs) / 1000).toFixed(1)} s of it`;
  if (goesOn === undefined) return { ...about, isRight: true, text: `${told}; slow or halted, both were possible.` };
  if (goesOn === made > 0) return { ...about, isRight: true, text: goesOn ? `It went on: ${told}.` : "It halted: no block was made." };
  if (!goesOn) return { ...about, isRight: false, text: `It was to halt, and went on: ${told}.` };
  const due = idleIntervalMs + 4 * baseTimeoutMs;
  return spanMs < due
    ? { ...about, isRight: undefined, text: `No block was made, but none was due: an idle group makes one every ${idleIntervalMs / 1000} s. Let it last longer, or send transactions.` }
    : { ...about, isRight: false, text: "It was to go on, and no block was made." };
}

function judgeSelf({ group, self }, from, to, made) {
  const about = { group, what: "this node" };
  const rose = to - from;
  const told = rose > 0 ? `It learned of ${plural(rose, "block")} meanwhile (${number(from)} to ${number(to)}).` : `It stayed at block ${number(to)}.`;
  if (self === "halts") return { ...about, isRight: rose === 0, text: told };
  if (self === "follows") return { ...about, isRight: rose > 0 || made === 0, text: told };
  return { ...about, isRight: true, text: `${told} Both were possible.` };
}

/** Whether what this node had before and during the fault is still so, and is what the quorum sealed afterwards. */
async function judgeAgreement(group, base, blocks, samples) {
  const about = { group, what: "agreement" };
  const ids = new Map([[base.height, base.blockId], ...blocks.map(({ height, blockId }) => [height, blockId])]);
  const changed = samples.flatMap((sample) => sample.groups).find((seen) => seen.group === group && ids.has(seen.height) && ids.get(seen.height) !== seen.blockId);
  if (changed) return { ...about, isRight: false, text: `Block ${changed.height} was another one during the fault: FORK.` };
  const torn = blocks.find(({ height, parent }) => ids.has(height - 1) && ids.get(height - 1) !== parent);
  if (torn) return { ...about, isRight: false, text: `Block ${torn.height} does not follow from block ${torn.height - 1} as this node had it: FORK.` };
  try {
    const { sealedHeight } = (await call("node_status")).groups.find((one) => one.group === group);
    const at = Math.min(sealedHeight, blocks.at(-1)?.height ?? base.height);
    const light = await call("chain_getLightBlock", { group, at });
    const { verified } = await judge((verifier) => verifier.verifyLightBlock(light));
    if (at !== verified.height || !ids.has(at)) return { ...about, isRight: undefined, text: `No block that this node has had since is sealed yet; the newest sealed one is ${number(verified.height)}.` };
    if (ids.get(at) !== verified.blockId) return { ...about, isRight: false, text: `The quorum sealed another block ${verified.height}: FORK.` };
    return { ...about, isRight: true, text: `${plural(blocks.length + 1, "block")} from ${number(base.height)} on follow from each other, none changed, and block ${number(verified.height)} is sealed by ${verified.signers.map(validatorName).join(", ")} (verified here).` };
  } catch (error) {
    const isRefused = error instanceof ProofError;
    return { ...about, isRight: isRefused ? false : undefined, text: `The newest seal ${isRefused ? "was refused" : "could not be looked at"}: ${error.message}` };
  }
}
