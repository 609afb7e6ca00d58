// The faults that the page can stage on its node, and what theory expects of each. A kind is one row of the table.

import { plural } from "/ui/lib/format.js";

/**
 * What of the node the others miss while a fault lasts:
 *   voice: nothing of what it says comes to them, or nothing worth hearing.
 *   pace: it takes part, late.
 * And what becomes of the node itself: `halts` (it learns of no block), `follows` or `either`.
 *
 * `fields` are numbers that the user may choose: { name, label, unit, value, min, max, step }. `stage` makes the parameters of
 * fault_set from them and from the names of all other nodes.
 */
export const KINDS = [
  {
    id: "isolate",
    title: "Isolate this node",
    does: "Nothing passes between this node and any other.",
    misses: "voice",
    self: "halts",
    fields: [],
    stage: (_values, others) => ({ kind: "network", drop: others, direction: "both" }),
  },
  {
    id: "deaf",
    title: "Let it hear nobody",
    does: "What others send does not come here; what it sends still leaves.",
    misses: "voice",
    self: "halts",
    fields: [],
    stage: (_values, others) => ({ kind: "network", drop: others, direction: "in" }),
  },
  {
    id: "mute",
    title: "Let nobody hear it",
    does: "What it sends comes to nobody; what others send still comes here.",
    misses: "voice",
    self: "either",
    why: "it hears blocks and votes, and may follow until it has to ask for something",
    fields: [],
    stage: (_values, others) => ({ kind: "network", drop: others, direction: "out" }),
  },
  {
    id: "disk",
    title: "Slow its disk",
    does: "Each sync to disk takes longer, and nothing is said before it is durable.",
    misses: "pace",
    self: "follows",
    fields: [{ name: "delayMs", label: "Delay", unit: "ms", value: 200, min: 1, max: 5000, step: 10 }],
    stage: ({ delayMs }) => ({ kind: "disk", delayMs }),
  },
  {
    id: "clock",
    title: "Skew its clock",
    does: "Its wall clock is wrong. It refuses blocks whose time it takes to be too far ahead, and proposes the median of all clocks.",
    misses: "pace",
    self: "either",
    why: "it votes late or not at all, and learns what the others decide",
    fields: [{ name: "offsetMs", label: "Ahead by (behind if negative)", unit: "ms", value: -5000, min: -600000, max: 600000, step: 100 }],
    stage: ({ offsetMs }) => ({ kind: "clock", offsetMs }),
  },
  {
    id: "line",
    title: "Make its lines bad",
    does: "What it sends to the others comes late, and some of it is lost. What they send still comes here in time.",
    misses: "pace",
    self: "either",
    why: "what it asks for again arrives in the end",
    fields: [
      { name: "delayMs", label: "Delay", unit: "ms", value: 200, min: 1, max: 10000, step: 10 },
      { name: "lossPercent", label: "Lost", unit: "%", value: 10, min: 0, max: 90, step: 1 },
    ],
    stage: ({ delayMs, lossPercent }) => ({ kind: "line", line: { delayMs, lossPercent } }),
  },
];

export const kindOf = (id) => KINDS.find((kind) => kind.id === id);

/**
 * What theory expects in a group, whose members are `set` (consensus_validators), while the fault is staged on node `me`:
 * { group, goesOn: true | false | undefined, self, quorum, left, text, fork }.
 */
export function theory(kind, set, me) {
  const { group, quorum, validators, maxFaulty, faults } = set;
  const isMember = validators.some(({ nodeId }) => nodeId === me);
  const others = validators.filter(({ nodeId, connected }) => connected && nodeId !== me).length;
  const without = others >= quorum;
  const all = others + (isMember ? 1 : 0) >= quorum;
  const size = `${others} of ${validators.length} members are left without this node, and ${quorum} decide`;
  const alone = !isMember ? `this node is no member; ${others} of ${validators.length} members are connected to it, and ${quorum} decide` : size;
  // A group of this node alone goes on whatever happens to its links.
  const single = isMember && quorum === 1;
  const goesOn = without || (single && all) ? true : kind.misses === "pace" ? (all ? undefined : false) : false;
  const self = kind.self === "halts" && single ? "follows" : kind.self;
  const withstood = `it withstands ${plural(maxFaulty, faults === "crash" ? "crash" : "liar", faults === "crash" ? "crashes" : "liars")}`;
  return { group, goesOn, self, quorum, left: others, size: alone, fork: `No, as long as nobody lies: links, disks and clocks alone never make two blocks of one height. The group has ${validators.length} members, and ${withstood}.` };
}

export const GOES_ON = { true: "goes on", false: "halts", undefined: "may be slow, or halt" };
export const SELF = { halts: "stops until it is healed", follows: "goes on", either: "may follow or stop" };
