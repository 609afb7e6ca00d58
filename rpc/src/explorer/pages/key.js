// A key: what it holds, what it held, and a proof of it that is verified here.

import { html, useState } from "/ui/vendor/preact.js";
import { call, calls } from "/ui/lib/api.js";
import { date, decimal, plural, readable, textOf } from "/ui/lib/format.js";
import { network } from "/ui/lib/live.js";
import { Judgement, judge } from "/ui/lib/proof.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { fromHex, toHex } from "/ui/vendor/witan-client.js";
import { Asked, Badge, BlockRef, Card, Copy, Facts, Group, Heading, Table, Value } from "/ui/lib/ui.js";

const LOOK_MS = 2000;
const PAGE = 20;

/** A proved entry in the form that values have in answers. */
function shown(entry) {
  if (entry === null) return { type: null, value: null };
  const { type, value } = entry.value;
  if (type === "bytes") return { type, value: toHex(value) };
  return { type, value: type === "list" ? value.map(toHex) : String(value) };
}

function Proof({ hex }) {
  const [count, setCount] = useState(0);
  const known = useStore(network);
  const state = usePoll(async (signal) => {
    if (known === undefined) return new Promise(() => {});
    const { proof } = await call("state_get", { key: hex, at: "sealed", prove: true }, { signal });
    return judge((verifier) => verifier.verifyState(proof, fromHex(hex)), signal);
  }, 0, [hex, count, known?.chain]);
  const proved = state.error === undefined && state.data && shown(state.data.verified.entry);
  return html`<${Card} title="Proof" side=${html`<button type="button" onClick=${() => setCount(count + 1)} data-testid="prove">Prove again</button>`}>
    <${Judgement} state=${state} />
    ${proved && html`<${Facts} rows=${[["Proved value", html`<${Value} ...${proved} />`],
      ["Proved version", html`<span class="num">${state.data.verified.entry === null ? "absent" : decimal(state.data.verified.entry.version)}</span>`]]} testid="proved" />`}
  </${Card}>`;
}

function History({ hex }) {
  const [cursors, setCursors] = useState([undefined]);
  const cursor = cursors.at(-1);
  const state = usePoll((signal) => call("state_history", { key: hex, limit: PAGE, ...(cursor && { cursor }) }, { signal }), cursor ? 0 : LOOK_MS, [hex, cursor]);
  return html`<${Card} title="History" side=${html`<span class="faint">newest first</span>`}>
    <${Asked} state=${state}>${({ items, nextCursor, group }) => html`
      <${Table} head=${["Value", "Type", "Version", "Block", "Block time"]} testid="history" empty="No block that is kept changed it."
        keys=${items.map(({ version, height }) => `${version}/${height}`)}
        rows=${items.map((item) => [html`<${Value} ...${item} most=${120} />`, item.type ?? "deleted", html`<span class="num">${decimal(item.version)}</span>`,
          html`<${BlockRef} group=${group} height=${item.height} />`, html`<span class="num">${date(item.timeMs)}</span>`])} />
      <p class="steps">${cursors.length > 1 && html`<button type="button" onClick=${() => setCursors(cursors.slice(0, -1))}>← newer</button>`}
        ${nextCursor && html`<button type="button" onClick=${() => setCursors([...cursors, nextCursor].slice(-100))}>older →</button>`}</p>`}</${Asked}>
  </${Card}>`;
}

export function Key({ about: [hex = "0x"] }) {
  const state = usePoll(async (signal) => {
    const [entry, place] = await calls([{ method: "state_get", params: { key: hex } }, { method: "shard_forKey", params: { key: hex } }], { signal });
    if (entry instanceof Error) throw entry;
    return { entry, place };
  }, LOOK_MS, [hex]);
  const text = textOf(hex);
  return html`<${Heading} sub=${html`<span class="mono whole">${hex}<${Copy} text=${hex} /></span>`}>Key ${text === undefined ? html`<${Badge}>bytes</${Badge}>` : html`“${readable(hex)}”`}</${Heading}>
    <div class="columns two">
      <${Card} title="Value">
        <${Asked} state=${state}>${({ entry, place }) => html`<p class="value-line" data-testid="value"><${Value} ...${entry} /></p>
          <${Facts} testid="key-facts" rows=${[
            ["Type", entry.type ?? "nothing stands there"],
            ["Version", html`<span class="num">${decimal(entry.version)}</span>`],
            ["Group", html`<${Group} id=${entry.group} />`],
            !(place instanceof Error) && ["Slot", html`<span class="num">${place.slot}</span> <span class="faint">of 4,096</span>`],
            ["As of", html`<${BlockRef} group=${entry.group} height=${entry.height} />`],
            Array.isArray(entry.value) && ["Items", plural(entry.value.length, "item")],
          ]} />`}</${Asked}>
      </${Card}>
      <${Proof} hex=${hex} />
    </div>
    <${History} hex=${hex} />`;
}
