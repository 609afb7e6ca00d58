// Faults on the node that serves the page: what is expected, a button, what happened, and the verdict.

import { html, useState } from "/ui/vendor/preact.js";
import { call } from "/ui/lib/api.js";
import { committees, experiment, heal, past, run } from "/ui/lib/experiment.js";
import { GOES_ON, KINDS, SELF, kindOf, theory } from "/ui/lib/faults.js";
import { number, plural, time } from "/ui/lib/format.js";
import { network, status } from "/ui/lib/live.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { Asked, Badge, Card, Failure, Group, Heading, Table } from "/ui/lib/ui.js";

const LOOK_MS = 1000;
/** How long a fault lasts, in seconds. */
const SECONDS = { name: "seconds", label: "For", unit: "s", value: 15, min: 3, max: 300, step: 1 };

const isBusy = (one) => one !== undefined && !["done", "failed"].includes(one.phase);

function Expectation({ kind, sets, me }) {
  return html`<${Table} head=${["Group", "Expected", "This node", "Because", "May it fork?"]} testid=${`expect-${kind.id}`} rows=${sets.map((set) => {
    const { group, goesOn, self, size, fork } = theory(kind, set, me);
    return [html`<${Group} id=${group} />`, html`<b class=${goesOn === false ? "bad-text" : goesOn ? "good-text" : ""}>${GOES_ON[goesOn]}</b>`, SELF[self], size, html`<span title=${fork}>No</span>`];
  })} />`;
}

const clamp = ({ value, min, max }, text) => {
  const given = Number(text);
  return Number.isFinite(given) && text !== "" ? Math.min(max, Math.max(min, Math.round(given))) : value;
};

function Kind({ kind, sets, me, busy, open }) {
  const fields = [...kind.fields, SECONDS];
  const [texts, setTexts] = useState(() => Object.fromEntries(fields.map(({ name, value }) => [name, String(value)])));
  const stage = (event) => {
    event.preventDefault();
    const { seconds, ...values } = Object.fromEntries(fields.map((field) => [field.name, clamp(field, texts[field.name])]));
    run(kind, values, seconds);
    document.querySelector("#experiment")?.scrollIntoView({ block: "start" });
  };
  return html`<details class="card kind" open=${open} name="kinds" data-testid=${`kind-${kind.id}`}>
    <summary><b>${kind.title}</b><span>${kind.does}</span></summary>
    <h3>What theory expects</h3>
    <${Expectation} kind=${kind} sets=${sets} me=${me} />
    <p class="faint">May it fork? No, as long as nobody lies: links, disks and clocks alone never make two blocks of one height.${kind.why && ` This node: ${kind.why}.`}</p>
    <form onSubmit=${stage} class="stage">
      ${fields.map((field) => html`<label key=${field.name}>${field.label} <input type="number" inputmode="numeric" min=${field.min} max=${field.max} step=${field.step} required
        value=${texts[field.name]} onInput=${(event) => setTexts({ ...texts, [field.name]: event.target.value })} data-testid=${`${kind.id}-${field.name}`} /> ${field.unit}</label>`)}
      <button type="submit" class="danger" disabled=${busy} data-testid=${`stage-${kind.id}`}>${kind.title}</button>
    </form>
  </details>`;
}

const PHASES = { staging: "is being staged", running: "is staged", healing: "is over; the node comes back", done: "is over", failed: "could not be carried out" };

function Progress({ now }) {
  const last = now.samples?.at(-1);
  const left = Math.max(0, Math.ceil((now.startMs + now.seconds * 1000 - (last?.atMs ?? now.startMs)) / 1000));
  return html`<${Table} head=${["Group", "Height before", "Height now"]} testid="fault-progress"
      rows=${now.before.groups.map(({ group, height }) => [html`<${Group} id=${group} />`, html`<span class="num">${number(height)}</span>`,
        html`<span class="num">${number(last?.groups.find((one) => one.group === group)?.height ?? height)}</span>`])} />
    ${now.phase === "running" && html`<p class="stage"><button type="button" class="main" onClick=${() => heal()} disabled=${now.healing} data-testid="heal">Heal now</button>
      <span class="faint">else it ends by itself in ${left} s</span></p>`}
    ${now.phase === "healing" && html`<p class="faint loading">Healed at ${time(now.endMs)}; waiting for a block of every group from after that. An idle group makes one every ${
      now.parameters.idleIntervalMs / 1000} s.</p>`}`;
}

const MARK = { true: ["✓", "good"], false: ["✗", "bad"], undefined: ["?", "warn"] };
const VERDICTS = { good: ["AS EXPECTED", "What happened is what theory expects."], bad: ["NOT AS EXPECTED", "Something below is not what theory expects."], open: ["NOT TOLD", "Nothing contradicts theory, but too little happened to tell."] };

function Verdict({ one }) {
  const [word, text] = VERDICTS[one.verdict];
  return html`<div class=${`verdict ${one.verdict === "open" ? "open" : one.verdict}`} role="status" data-testid="verdict" data-verdict=${one.verdict}><strong>${word}</strong><p>${text}</p></div>
    <${Table} head=${["", "Group", "About", "What happened"]} testid="findings" rows=${one.findings.map(({ isRight, group, what, text: told }) => {
      const [mark, kind] = MARK[isRight];
      return [html`<span class=${`${kind}-text`} title=${kind}>${mark}</span>`, group === undefined ? "" : html`<${Group} id=${group} />`, what ?? "", told];
    })} />
    <p class="faint">Seen through this node alone: from the times of the blocks that it learned of afterwards.</p>`;
}

function Current() {
  const now = useStore(experiment);
  if (now === undefined) return null;
  const kind = kindOf(now.kind);
  return html`<${Card} title=${html`${kind.title} <span class="faint">${PHASES[now.phase]}</span>`} testid="experiment" wide
      side=${isBusy(now) ? html`<${Badge} kind="warn">under way</${Badge}>` : ""}>
    ${now.phase === "failed" && html`<${Failure} error=${now.error} />`}
    ${now.before && now.phase !== "done" && now.phase !== "failed" && html`<${Progress} now=${now} />`}
    ${now.phase === "done" && html`<${Verdict} one=${now} />`}
  </${Card}>`;
}

const words = ({ kind, offsetMs, delayMs, drop, direction }) =>
  kind === "network" ? `nothing passes ${{ both: "to or from", in: "from", out: "to" }[direction]} ${drop.join(", ")}`
    : kind === "disk" ? `each sync takes ${delayMs} ms longer` : kind === "clock" ? `the clock is ${Math.abs(offsetMs)} ms ${offsetMs < 0 ? "behind" : "ahead"}` : kind;

function Staged() {
  const [count, setCount] = useState(0);
  const state = usePoll((signal) => call("fault_list", {}, { signal }), LOOK_MS, [0, count]);
  const end = async (params) => {
    await call("fault_clear", params).catch(() => {});
    setCount((before) => before + 1);
  };
  return html`<${Card} title="Staged on this node" side=${html`<button type="button" onClick=${() => end({})} data-testid="heal-all">End all</button>`}>
    <${Asked} state=${state}>${({ items }) => html`<${Table} head=${["#", "What", "Ends in", ""]} empty="No fault." testid="staged" keys=${items.map(({ id }) => id)}
      rows=${items.map((fault) => [html`<span class="num">${fault.id}</span>`, words(fault), fault.endsInMs === null || fault.endsInMs === undefined ? "never by itself" : html`<span class="num">${Math.ceil(fault.endsInMs / 1000)} s</span>`,
        html`<button type="button" onClick=${() => end({ id: fault.id })}>End</button>`])} />`}</${Asked}></${Card}>`;
}

function Past() {
  const list = useStore(past);
  if (list.length === 0) return null;
  return html`<${Card} title="Before" side=${html`<span class="faint">the newest ${plural(list.length, "fault")}</span>`}><${Table} head=${["Fault", "Began", "Lasted", "Verdict"]}
    rows=${list.map((one) => [kindOf(one.kind).title, one.startMs ? time(one.startMs) : "–", one.endMs ? `${((one.endMs - one.startMs) / 1000).toFixed(1)} s` : "–",
      one.verdict ? html`<${Badge} kind=${one.verdict === "open" ? "warn" : one.verdict}>${VERDICTS[one.verdict][0].toLowerCase()}</${Badge}>` : html`<${Badge} kind="bad">failed</${Badge}>`])} /></${Card}>`;
}

export function Faults() {
  const known = useStore(network);
  const { data } = useStore(status);
  const now = useStore(experiment);
  const groups = data?.groups.map(({ group }) => group) ?? [];
  const sets = usePoll((signal) => (groups.length === 0 ? undefined : committees(groups, signal)), LOOK_MS, [groups.join()]);
  if (known !== undefined && !known.genesis.devnet) return html`<p class="empty">Faults are staged on development networks alone, and genesis does not say devnet.</p>`;
  return html`<${Heading} sub=${html`They are staged on <b>${data?.name ?? "this node"}</b>, which serves this page: on its links, its disk, its clock. Nothing else is touched, and each ends by itself.`}>Faults</${Heading}>
    <div id="experiment"><${Current} /></div>
    <${Asked} state=${sets}>${(list) => html`${KINDS.map((kind, at) => html`<${Kind} key=${kind.id} kind=${kind} sets=${list} me=${data.nodeId} busy=${isBusy(now)} open=${at === 0} />`)}`}</${Asked}>
    <${Staged} /><${Past} />`;
}
