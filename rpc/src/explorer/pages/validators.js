// Who decides in a group, and who signed which of its newest blocks.

import { html, useEffect, useRef, useState } from "/ui/vendor/preact.js";
import { call, calls } from "/ui/lib/api.js";
import { number, plural } from "/ui/lib/format.js";
import { live, network, status } from "/ui/lib/live.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { Asked, Badge, Card, Choice, Engine, Facts, Name, Table } from "/ui/lib/ui.js";

/** The blocks of the grid. */
const BLOCKS = 60;
const LOOK_MS = 2000;
const [CELL, GAP, NAME] = [13, 2, 64];

/** The signers of the newest sealed blocks by height; what is known of a group is not asked for again. */
function useSeals(group) {
  const kept = useRef({ group, seals: new Map() });
  return usePoll(async (signal) => {
    if (kept.current.group !== group) kept.current = { group, seals: new Map() };
    const { seals } = kept.current;
    const newest = status.get().data?.groups.find((one) => one.group === group)?.sealedHeight ?? 0;
    const heights = Array.from({ length: BLOCKS }, (_, back) => newest - back).filter((height) => height > 0).reverse();
    const missing = heights.filter((height) => !seals.has(height));
    const answers = await calls(missing.map((height) => ({ method: "chain_getSeal", params: { group, height } })), { signal });
    for (const answer of answers) {
      if (!(answer instanceof Error)) seals.set(answer.height, { signers: new Set(answer.signers), epoch: answer.epoch });
    }
    for (const height of seals.keys()) {
      if (height < newest - BLOCKS + 1) seals.delete(height);
    }
    return { heights: heights.filter((height) => seals.has(height)), seals: new Map(seals) };
  }, LOOK_MS, [group]);
}

function Grid({ group, validators, data, proposers }) {
  const { heights, seals } = data;
  const place = useRef(null);
  // On narrow screens the newest blocks are what is seen first.
  useEffect(() => {
    if (place.current) place.current.scrollLeft = place.current.scrollWidth;
  }, [heights.length === 0]);
  if (heights.length === 0) return html`<p class="empty">No block of this group is sealed yet.</p>`;
  const [width, height] = [NAME + heights.length * (CELL + GAP), 22 + validators.length * (CELL + GAP)];
  return html`<div class="scroll" ref=${place} tabindex="0" role="region" aria-label="Who signed which block">
    <svg class="grid" viewBox=${`0 0 ${width} ${height}`} role="img" data-testid="votes-grid"
      aria-label=${`Signatures of ${validators.length} validators on the seals of blocks ${heights[0]} to ${heights.at(-1)}`}>
      <text class="axis" x=${NAME} y="12">${number(heights[0])}</text>
      ${heights.length > 20 && html`<text class="axis end" x=${width - GAP} y="12">${number(heights.at(-1))}</text>`}
      ${validators.map(({ index, name }, row) => html`<g key=${index}>
        <text class="who" x="0" y=${22 + row * (CELL + GAP) + CELL - 3}>${name.slice(0, 8)}</text>
        ${heights.map((at, column) => {
          const signed = seals.get(at).signers.has(index);
          const [x, y] = [NAME + column * (CELL + GAP), 22 + row * (CELL + GAP)];
          return html`<a key=${at} href=${`#/block/${group}/${at}`} tabindex="-1"><rect class=${signed ? "signed" : "absent"} x=${x} y=${y} width=${CELL} height=${CELL} rx="2">
            <title>${`${name} ${signed ? "signed" : "is not in the seal of"} block ${at}${proposers.get(at) === index ? ", which it proposed" : ""}`}</title></rect>
            ${proposers.get(at) === index && html`<circle class="proposed" cx=${x + CELL / 2} cy=${y + CELL / 2} r="2.4" />`}</a>`;
        })}</g>`)}
    </svg></div>
    <p class="legend"><i class="signed"></i> in the seal <i class="absent"></i> not in it <i class="dot"></i> proposed the block. A seal is made of the first quorum of signatures
      that came: who is not in it may have signed a moment later.</p>`;
}

function GroupValidators({ group }) {
  const { groups } = useStore(live);
  const { data } = useStore(status);
  const members = usePoll((signal) => call("consensus_validators", { group }, { signal }), LOOK_MS, [group]);
  const seals = useSeals(group);
  const proposers = new Map((groups.get(group) ?? []).map(({ height, proposer }) => [height, proposer]));
  const engine = data?.groups.find((one) => one.group === group)?.engine;
  return html`<${Asked} state=${members}>${(set) => {
    const counted = (index) => {
      const heights = seals.data?.heights ?? [];
      const signed = heights.filter((height) => seals.data.seals.get(height).signers.has(index)).length;
      return heights.length === 0 ? "–" : `${Math.round((signed * 100) / heights.length)}%`;
    };
    return html`<${Card} title="Votes by block" side=${html`<span class="faint">the newest ${BLOCKS} seals</span>`}>
      <${Asked} state=${seals}>${(found) => html`<${Grid} group=${group} validators=${set.validators} data=${found} proposers=${proposers} />`}</${Asked}></${Card}>
    <${Card} title="Members" side=${engine && html`<${Engine} engine=${engine} faults=${set.faults} />`}>
      <${Facts} rows=${[["Epoch", number(set.epoch)], ["Quorum", html`<span class="num" data-testid="quorum">${set.quorum} of ${set.validators.length}</span>`],
        ["Withstands", plural(set.maxFaulty, set.faults === "crash" ? "crashed member" : "member that lies", set.faults === "crash" ? "crashed members" : "members that lie")]]} />
      <${Table} head=${["Place", "Name", "Connected", "In seals", "Signs with", "Node id"]} testid="members"
        rows=${set.validators.map((one) => [html`<span class="num">${one.index}</span>`, html`<b>${one.name}</b>`,
          one.connected ? html`<${Badge} kind="good">yes</${Badge}>` : html`<${Badge} kind="bad">no</${Badge}>`,
          html`<span class="num">${counted(one.index)}</span>`, html`<${Name} of=${one.key} />`, html`<${Name} of=${one.nodeId} />`])} />
    </${Card}>`;
  }}</${Asked}>`;
}

/** Chooses one of the node's groups; the first that holds keys at first. */
export function usePickedGroup() {
  const { data } = useStore(status);
  const [picked, setPicked] = useState(undefined);
  const ids = data?.groups.map(({ group }) => group) ?? [];
  const group = picked ?? ids.find((id) => id > 0) ?? ids[0];
  const choice = html`<${Choice} label="Group" value=${group} options=${ids.map((id) => [id, id === 0 ? "root" : `group ${id}`])}
    onChange=${(value) => setPicked(Number(value))} testid="pick-group" />`;
  return { group, choice };
}

export function Validators() {
  useStore(network);
  const { group, choice } = usePickedGroup();
  return html`<div class="heading row"><div><h1>Validators</h1><p>Who decides, and who signed what came out.</p></div>${choice}</div>
    ${group === undefined ? html`<p class="empty loading">Loading…</p>` : html`<${GroupValidators} key=${group} group=${group} />`}`;
}
