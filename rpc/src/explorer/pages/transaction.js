// A transaction: how far it is, what it says, what came of it, and across groups how two-phase commit went.

import { html, useEffect, useState } from "/ui/vendor/preact.js";
import { call, calls, canSubscribe, subscribe } from "/ui/lib/api.js";
import { date, decimal, plural } from "/ui/lib/format.js";
import { network } from "/ui/lib/live.js";
import { Judgement, judge } from "/ui/lib/proof.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { AccountName, Asked, Badge, BlockRef, Card, Copy, Facts, Failure, Group, Heading, KeyName, Table, Value } from "/ui/lib/ui.js";
import { Swimlanes } from "/ui/pages/swimlanes.js";

const LOOK_MS = 700;
/** Blocks before the decision in which the one that began the transaction is looked for. */
const LOOK_BACK = 90;
const ENDED = ["committed", "failed", "aborted", "expired"];

const KIND = { committed: "good", failed: "bad", aborted: "bad", expired: "bad", pending: "warn", accepted: "warn" };

export function Outcome({ status, reason }) {
  return html`<${Badge} kind=${KIND[status] ?? "plain"}>${status}</${Badge}>${reason && html` <code>${reason}</code>`}`;
}

const isOver = (tx) => ENDED.includes(tx.status) && (tx.status === "expired" || (tx.applied && tx.sealed));

/** Follows it to its end, and remembers each phase of each group that was seen on the way. */
function useTransaction(txId) {
  const [seen, setSeen] = useState(() => new Map());
  const note = (tx) => setSeen((before) => {
    const after = new Map(before);
    for (const { group, phase, height } of tx.phases ?? []) {
      if (height !== null && height !== undefined) after.set(`${group}/${phase}`, { group, phase, height });
    }
    return after.size === before.size ? before : after;
  });
  const state = usePoll(async (signal) => {
    const tx = await call("tx_get", { txId }, { signal });
    note(tx);
    return tx;
  }, (tx) => (tx !== undefined && isOver(tx) ? 0 : LOOK_MS), [txId]);
  useEffect(() => {
    let [news, left] = [undefined, false];
    const watch = async () => {
      if (!canSubscribe()) return;
      news = await subscribe("tx_subscribe", { txId });
      if (left) return news.close();
      for await (const tx of news) note(tx);
    };
    // What is missed is asked for: only the way there is told in less detail then.
    watch().catch(() => {});
    return () => {
      left = true;
      news?.close();
    };
  }, [txId]);
  return { state, seen };
}

/** The block that took the transaction in, with the transaction as it was signed. */
async function origin(tx, seen, signal) {
  const coordinator = tx.group ?? tx.phases?.[0]?.group;
  const decided = tx.height ?? tx.phases?.[0]?.height;
  if (coordinator === undefined || coordinator === null || decided === undefined || decided === null) return undefined;
  const crosses = (tx.phases?.length ?? 0) > 1;
  const known = seen.get(`${coordinator}/pending`)?.height;
  const heights = known !== undefined ? [known] : Array.from({ length: crosses ? LOOK_BACK : 1 }, (_, back) => decided - back).filter((height) => height > 0);
  const ids = await calls(heights.map((at) => ({ method: "chain_getBlock", params: { group: coordinator, at, txs: "ids" } })), { signal });
  const found = ids.find((block) => !(block instanceof Error) && block.txs?.includes(tx.txId));
  if (found === undefined) return undefined;
  const block = await call("chain_getBlock", { group: coordinator, at: found.height, txs: "full" }, { signal });
  const signed = block.txs?.find(({ txId }) => txId === tx.txId);
  return { group: coordinator, height: block.height, timeMs: block.timeMs, signed };
}

/** The times of the blocks that took a step. */
async function times(places, signal) {
  const wanted = places.slice(0, 200);
  const blocks = await calls(wanted.map(({ group, height: at }) => ({ method: "chain_getBlock", params: { group, at, txs: "none" } })), { signal });
  return new Map(blocks.flatMap((block) => (block instanceof Error ? [] : [[`${block.group}/${block.height}`, block.timeMs]])));
}

function Ladder({ tx }) {
  const bad = ["failed", "aborted", "expired"].includes(tx.status);
  const across = (tx.phases?.length ?? 0) > 1;
  const decided = ENDED.includes(tx.status);
  const steps = [
    ["accepted", tx.status !== "unknown", "in a mempool"],
    ...(across ? [["pending", true, "prepare is out"]] : []),
    [bad ? tx.status : "committed", decided, bad ? tx.result?.reason ?? "" : "decided and executed"],
    ["sealed", tx.sealed, "provable"],
    [bad ? "over" : "applied", tx.applied && decided, bad ? "in every group, without effect" : "visible in every group"],
  ];
  const at = steps.findIndex(([, done]) => !done);
  return html`<ol class="ladder" data-testid="ladder" data-status=${tx.status} data-applied=${String(tx.applied && decided)}>
    ${steps.map(([name, done, text], index) => html`<li key=${index} class=${done ? (bad && name === tx.status ? "bad" : "done") : index === at ? "now" : "todo"}
      aria-current=${index === at ? "step" : undefined}><b>${name}</b><span>${text}</span></li>`)}</ol>`;
}

function opRow(op) {
  const key = op.key && html`<${KeyName} hex=${op.key} />`;
  switch (op.op) {
    case "put": return ["put", key, html`<${Value} type="bytes" value=${op.value} />`];
    case "append": return ["append", key, html`<${Value} type="bytes" value=${op.value} />`];
    case "add": return ["add", key, html`<span class="num">${op.delta}</span>`];
    case "transfer": return ["transfer", html`<${AccountName} account=${op.to} />`, html`<span class="num">${decimal(op.amount)}</span>`];
    case "approve": return ["approve", `version ${op.change.version}`, html`<code class="value">${JSON.stringify(op.change.parameters ?? op.change.operators)}</code>`];
    default: return [op.op, key, ""];
  }
}

function checkRow(check) {
  const about = check.key ? html`<${KeyName} hex=${check.key} />` : html`<${AccountName} account=${check.account} />`;
  const value = check.check === "value" ? html`<${Value} type="bytes" value=${check.value} />`
    : check.check === "version" ? html`<span class="num">${decimal(check.version)}</span>`
    : check.check === "balance" ? html`at least <span class="num">${decimal(check.atLeast)}</span>` : "";
  return [check.check, about, value];
}

function Contents({ found, tx }) {
  const signed = found?.signed;
  if (signed === undefined) return html`<p class="empty">${tx.status === "accepted" ? "It waits in a mempool; what it says is told by the block that takes it in." : "The block that took it in is not kept here."}</p>`;
  return html`<${Facts} rows=${[
      ["Signer", html`<${AccountName} account=${signed.signer} />`],
      ["Taken in by", html`<${BlockRef} group=${found.group} height=${found.height} /> <span class="faint num">${date(found.timeMs)}</span>`],
      ["Expires", html`<span class="num">${date(signed.expiresAtMs)}</span>`],
      ["Salt", html`<span class="mono">${signed.salt}</span>`],
    ]} />
    <h3>Checks</h3>
    <${Table} head=${["Check", "Of", "Value"]} rows=${(signed.checks ?? []).map(checkRow)} empty="None: it happens whatever stands there." />
    <h3>Operations</h3>
    <${Table} head=${["Op", "Of", "Value"]} rows=${(signed.ops ?? []).map(opRow)} empty="None." testid="ops" />`;
}

function Proof({ tx }) {
  const known = useStore(network);
  const ready = known !== undefined && isOver(tx) && tx.status !== "expired";
  const state = usePoll(async (signal) => {
    if (!ready) return undefined;
    const { proof } = await call("tx_get", { txId: tx.txId, prove: true }, { signal });
    return judge((verifier) => verifier.verifyOutcome(proof, tx.txId), signal);
  }, 0, [tx.txId, ready]);
  if (!ready) return html`<p class="empty">${tx.status === "expired" ? "What never happened leaves no receipt to prove." : "It can be proved once it is over and sealed in every group."}</p>`;
  return html`<${Judgement} state=${state} />${state.error === undefined && state.data && html`<p class="faint">Proved: it was <b>${state.data.verified.receipt.outcome.status}</b>${
    state.data.verified.parts.length > 0 ? `, and ${plural(state.data.verified.parts.length, "other group")} obeyed` : ""}.</p>`}`;
}

function Details({ tx, seen }) {
  const places = [...seen.values()];
  const steps = places.map(({ group, phase, height }) => `${group}/${phase}/${height}`).join();
  const found = usePoll((signal) => origin(tx, seen, signal), (answer) => (answer === undefined && !isOver(tx) ? LOOK_MS : 0), [tx.txId, tx.status, tx.height]);
  const taken = found.data;
  const all = taken === undefined ? places : [...places, { group: taken.group, phase: "taken", height: taken.height }];
  const at = usePoll((signal) => times(all, signal), 0, [steps, taken?.height]);
  const across = (tx.phases?.length ?? 0) > 1;
  return html`<${Card} title="Life" side=${html`<${Outcome} status=${tx.status} reason=${tx.result?.reason} />`}><${Ladder} tx=${tx} />
      <${Facts} testid="tx-facts" rows=${[
        tx.group !== null && tx.group !== undefined && ["Decided by", html`<${Group} id=${tx.group} /> ${tx.height !== null && tx.height !== undefined && html`in block <${BlockRef} group=${tx.group} height=${tx.height} />`}`],
        tx.result?.reason && ["Reason", html`<code data-testid="reason">${tx.result.reason}</code>`],
      ]} /></${Card}>
    ${across && html`<${Card} title="Two-phase commit" side=${html`<span class="faint">${plural(tx.phases.length, "group")}, the coordinator first</span>`}>
      <${Swimlanes} tx=${tx} seen=${seen} taken=${taken} times=${at.data ?? new Map()} /></${Card}>`}
    <div class="columns two">
      <${Card} title="What was signed">${found.error ? html`<${Failure} error=${found.error} />` : found.loading ? html`<p class="empty loading">Loading…</p>` : html`<${Contents} found=${taken} tx=${tx} />`}</${Card}>
      <div>
        ${tx.result?.reads?.length > 0 && html`<${Card} title="What its reads returned"><${Table} head=${["Key", "Value", "Version"]}
          rows=${tx.result.reads.map((read) => [html`<${KeyName} hex=${read.key} />`, html`<${Value} ...${read} />`, html`<span class="num">${decimal(read.version)}</span>`])} /></${Card}>`}
        <${Card} title="Proof"><${Proof} tx=${tx} /></${Card}>
      </div>
    </div>`;
}

export function Transaction({ about: [txId] }) {
  const { state, seen } = useTransaction(txId);
  return html`<${Heading} sub=${html`<span class="mono whole" data-testid="tx-id">${txId}<${Copy} text=${txId} /></span>`}>Transaction</${Heading}>
    <${Asked} state=${state}>${(tx) => tx.status === "unknown"
      ? html`<${Card} testid="tx-unknown"><p class="empty">This node knows no such transaction. It may be new, have expired without being executed, or be of another network; it is looked for again and again.</p></${Card}>`
      : html`<${Details} tx=${tx} seen=${seen} />`}</${Asked}>`;
}
