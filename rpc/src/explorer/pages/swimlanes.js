// Two-phase commit as it went: a lane for each group, and what each phase came to.

import { html } from "/ui/vendor/preact.js";
import { time } from "/ui/lib/format.js";

const [LANE, TOP, LEFT, WIDTH, BOX] = [84, 34, 96, 780, 142];
const COLUMNS = ["prepare", "vote", "decision", "applied"];
const middle = (column) => LEFT + BOX / 2 + 10 + column * ((WIDTH - LEFT - BOX - 20) / 3);
const centre = (lane) => TOP + lane * LANE + LANE / 2;

/** What a group that takes part voted, as far as this page saw it or the outcome tells it. */
function vote(tx, group, phase, seen) {
  for (const [name, word, kind] of [["prepared", "yes", "good"], ["refused", "no", "bad"]]) {
    const step = seen.get(`${group}/${name}`);
    if (step !== undefined) return { word, kind, height: step.height };
  }
  if (phase === "applied") return { word: "yes", kind: "good", note: "block not kept" };
  if (phase === "released") return { word: "voted or not", kind: "plain", note: "not kept" };
  return { word: "asked", kind: "warn", note: "no vote yet" };
}

/** The boxes of one lane: { column, word, kind, height, note }. */
function boxes(tx, { group, phase }, isCoordinator, seen, taken) {
  if (isCoordinator) {
    const begun = taken?.height ?? seen.get(`${group}/pending`)?.height;
    const decision = { column: 2, word: phase === "pending" ? "waits for votes" : phase, kind: phase === "pending" ? "warn" : phase === "committed" ? "good" : "bad" };
    const height = phase === "pending" ? undefined : seen.get(`${group}/${phase}`)?.height;
    return [
      { column: 0, word: "prepares", kind: begun === undefined ? "plain" : "good", height: begun, note: begun === undefined ? "block not kept" : undefined },
      { ...decision, height, note: tx.result?.reason ?? undefined },
      ...(phase === "committed" ? [{ column: 3, word: "applied", kind: "good", height }] : []),
    ];
  }
  const ended = { applied: ["applied", "good"], released: ["released", "plain"] }[phase];
  const height = seen.get(`${group}/${phase}`)?.height;
  return [
    { column: 1, ...vote(tx, group, phase, seen) },
    ended === undefined
      ? { column: 3, word: "waits", kind: "warn" }
      : { column: 3, word: ended[0], kind: ended[1], height, note: height === undefined ? "block not kept" : undefined },
  ];
}

function Box({ lane, column, word, kind, height, note, group, times, first }) {
  const [x, y] = [middle(column) - BOX / 2, centre(lane) - 29];
  const at = height === undefined ? undefined : times.get(`${group}/${height}`);
  const after = at !== undefined && first !== undefined && at !== first ? ` +${at - first} ms` : "";
  const lines = [height === undefined ? note : `block ${height}`, at === undefined ? undefined : `${time(at)}${after}`];
  const inner = html`<g class=${`box ${kind}`} data-testid=${`lane-${group}-${COLUMNS[column]}`} data-word=${word}>
    <rect x=${x} y=${y} width=${BOX} height="58" rx="7" />
    <text x=${x + 10} y=${y + 18} class="word">${word}</text>
    <text x=${x + 10} y=${y + 34}>${lines[0] ?? ""}</text>
    <text x=${x + 10} y=${y + 50} class="when">${lines[1] ?? (height !== undefined ? note ?? "" : "")}</text></g>`;
  return height === undefined ? inner : html`<a href=${`#/block/${group}/${height}`} aria-label=${`${word} in block ${height} of group ${group}`}>${inner}</a>`;
}

const arrow = (from, to, [columnFrom, columnTo], kind) => {
  const [x1, y1, x2, y2] = [middle(columnFrom) + BOX / 2, centre(from), middle(columnTo) - BOX / 2 - 4, centre(to)];
  const bend = (x2 - x1) / 2;
  return html`<path class=${`arrow ${kind}`} d=${`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} marker-end="url(#tip)" />`;
};

export function Swimlanes({ tx, seen, taken, times }) {
  const lanes = tx.phases.map((phase, at) => ({ ...phase, boxes: boxes(tx, phase, at === 0, seen, taken) }));
  const height = TOP + lanes.length * LANE + 6;
  const first = taken?.timeMs;
  const word = tx.status === "pending" ? "is pending" : `was ${tx.status}`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Two-phase commit"><svg class="lanes" viewBox=${`0 0 ${WIDTH} ${height}`}
      role="group" aria-label=${`Two-phase commit among ${lanes.length} groups: it ${word}`} data-testid="swimlanes">
    <defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" /></marker></defs>
    ${COLUMNS.map((name, column) => html`<text key=${name} class="phase" x=${middle(column) - BOX / 2} y="20">${name}</text>`)}
    ${lanes.map(({ group }, lane) => html`<g key=${group}><rect class=${`lane ${lane % 2 ? "odd" : ""}`} x="0" y=${TOP + lane * LANE} width=${WIDTH} height=${LANE} />
      <text class="who" x="12" y=${centre(lane) - 2}>group ${group}</text><text class="role" x="12" y=${centre(lane) + 14}>${lane === 0 ? "coordinator" : "takes part"}</text></g>`)}
    ${lanes.slice(1).flatMap(({ phase, boxes: [voted] }, at) => [
      arrow(0, at + 1, [0, 1], "good"),
      arrow(at + 1, 0, [1, 2], voted.kind === "warn" ? "open" : voted.kind),
      arrow(0, at + 1, [2, 3], ["applied", "released"].includes(phase) ? "good" : "open"),
    ])}
    ${lanes.flatMap(({ group, boxes: list }, lane) => list.map((box) => html`<${Box} key=${`${group}/${box.column}`} lane=${lane} group=${group} times=${times} first=${first} ...${box} />`))}
  </svg></div>`;
}
