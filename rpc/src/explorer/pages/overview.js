// How every group stands, its newest blocks, and its pace.

import { html, useEffect, useMemo, useState } from "/ui/vendor/preact.js";
import { Chart } from "/ui/lib/chart.js";
import { age, number, span, time } from "/ui/lib/format.js";
import { clockOffset, live, network, status, validatorName } from "/ui/lib/live.js";
import { pace, series } from "/ui/lib/rates.js";
import { useStore } from "/ui/lib/store.js";
import { Asked, BlockRef, Card, Engine, Facts, Group, Heading, Name, Table } from "/ui/lib/ui.js";

/** The blocks of a group that are listed. */
const LISTED = 10;

/** The time, as often as something about it is drawn, while somebody sees the page. */
function useClock() {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function GroupCard({ group, blocks }) {
  const { median, high, delay, highDelay } = pace(blocks);
  const behind = group.height - group.sealedHeight;
  return html`<${Card} title=${html`<${Group} id=${group.group} />`} side=${html`<${Engine} ...${group} />`} testid=${`group-${group.group}`}>
    <div class="big"><a href=${`#/block/${group.group}/${group.height}`} class="num" data-testid=${`height-${group.group}`}>${number(group.height)}</a>
      <span class="faint">${behind > 0 ? `sealed to ${number(group.sealedHeight)}` : "sealed"}${group.syncing ? ", catching up" : ""}</span></div>
    <${Facts} rows=${[
      ["Interval", html`<span class="num">${span(median)}</span> <span class="faint">median, ${span(high)} p95</span>`],
      ["Latency", html`<span class="num">${span(delay)}</span> <span class="faint">median${highDelay === undefined ? "" : `, ${span(highDelay)} p95`}</span>`],
      ["Leader", group.leader === null ? "none" : html`${validatorName(group.leader)} <span class="faint">view ${number(group.view)}</span>`],
      ["Validators", html`<span class="num">${group.connectedValidators} of ${group.validators}</span> <span class="faint">connected</span>`],
      ["Waiting", html`<span class="num">${number(group.mempool)}</span> <span class="faint">transactions</span>`],
    ]} />
  </${Card}>`;
}

function Blocks({ id, blocks, sealedHeight, now }) {
  const rows = blocks.slice(0, LISTED).map((block) => [
    html`<${BlockRef} group=${id} height=${block.height}>${number(block.height)}</${BlockRef}>`,
    html`<${Name} of=${block.blockId} href=${`#/block/${id}/${block.height}`} />`,
    html`<span class="num">${number(block.txCount)}</span>`,
    validatorName(block.proposer),
    block.height <= sealedHeight ? html`<span class="good-text">sealed</span>` : html`<span class="faint">executed</span>`,
    html`<span class="num" title=${time(block.timeMs)}>${age(block.timeMs, now)}</span>`,
  ]);
  return html`<${Card} title=${html`<${Group} id=${id} />`} side=${html`<span class="faint">newest blocks</span>`}>
    <${Table} head=${["Height", "Block", "Txs", "Proposer", "State", "Made"]} rows=${rows} testid=${`blocks-${id}`}
      keys=${blocks.slice(0, LISTED).map(({ height }) => height)} empty="Waiting for the first block." />
  </${Card}>`;
}

function Plots({ groups, seconds, ids, now }) {
  const plotted = useMemo(() => series(seconds, ids, now - clockOffset()), [now]);
  const lines = ids.map((id) => ({ token: `--g${id % 8}`, label: id === 0 ? "root" : `group ${id}` }));
  const paces = ids.map((id) => pace(groups.get(id) ?? []));
  const total = paces.reduce((sum, { perSecond = 0 }) => sum + perSecond, 0);
  return html`<div class="columns three">
    <${Card} title="Throughput" side=${html`<span class="num">${number(total)}</span> <span class="faint">transactions/s of late</span>`}>
      <${Chart} data=${plotted.transactions} series=${lines} show=${number} bars label="Transactions a second of each group, over two minutes" testid="plot-throughput" />
    </${Card}>
    <${Card} title="Block interval" side=${html`<span class="faint">ms between blocks</span>`}>
      <${Chart} data=${plotted.intervals} series=${lines} show=${number} label="Mean time between blocks of each group, over two minutes" testid="plot-interval" />
    </${Card}>
    <${Card} title="Latency" side=${html`<span class="faint" title="The clocks of the validators and of this browser are compared, so their difference is part of it.">ms from proposal to final, here</span>`}>
      <${Chart} data=${plotted.delays} series=${lines} show=${number} label="Mean time from a block's proposal until this page had it as final, over two minutes" testid="plot-latency" />
    </${Card}>
  </div>`;
}

export function Overview() {
  const state = useStore(status);
  const { groups, seconds } = useStore(live);
  useStore(network);
  const now = useClock();
  return html`<${Heading} sub="Every group has a chain of its own. Blocks come as this node executes them.">Overview</${Heading}>
    <${Asked} state=${state}>${(node) => {
      const ids = node.groups.map(({ group }) => group);
      return html`${!node.ready && html`<div class="failure" role="status"><strong>${node.reasons.join(", ") || "NOT READY"}</strong> transactions may not commit here now; <a href="#/consensus">Consensus</a> says why.</div>`}
        <div class="cards">${node.groups.map((group) => html`<${GroupCard} key=${group.group} group=${group} blocks=${groups.get(group.group) ?? []} />`)}</div>
        <${Plots} groups=${groups} seconds=${seconds} ids=${ids} now=${now} />
        <div class="columns many">${node.groups.map(({ group, sealedHeight }) => html`<${Blocks} key=${group} id=${group}
          blocks=${groups.get(group) ?? []} sealedHeight=${sealedHeight} now=${now - clockOffset()} />`)}</div>`;
    }}</${Asked}>`;
}
