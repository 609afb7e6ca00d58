// One block: its header, what it carries, and who signed what came out of it.

import { html } from "/ui/vendor/preact.js";
import { call, calls } from "/ui/lib/api.js";
import { date, decimal, number, plural } from "/ui/lib/format.js";
import { network, status, validatorName } from "/ui/lib/live.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { Asked, Badge, Card, Facts, Group, Heading, Name, Table, Tx } from "/ui/lib/ui.js";

/** The transactions of a block that are listed. */
const LISTED = 500;
const LOOK_MS = 1000;

function load(group, at, signal) {
  return async () => {
    const block = await call("chain_getBlock", { group, at, txs: "ids" }, { signal });
    const [seal] = block.sealed && block.height > 0
      ? await calls([{ method: "chain_getSeal", params: { group, height: block.height } }], { signal })
      : [undefined];
    return { block, seal: seal instanceof Error ? undefined : seal };
  };
}

function Seal({ block, seal }) {
  const members = useStore(status).data?.groups.find(({ group }) => group === block.group)?.validators;
  if (seal === undefined) {
    return html`<p class="empty">${block.height === 0 ? "The first block comes from genesis, and needs no seal." : "No seal is here yet: validators sign once they have executed the block."}</p>`;
  }
  return html`<p data-testid="signers">${plural(seal.signers.length, "validator")}${members ? ` of ${members}` : ""} signed what came out of this block:
      ${seal.signers.map((index) => html` <${Badge} kind="good" key=${index}>${validatorName(index)}</${Badge}>`)}</p>
    <${Facts} rows=${[
      ["State root", html`<${Name} of=${seal.stateRoot} />`],
      ["Receipts root", html`<${Name} of=${seal.receiptsRoot} />`],
      ["Outbox root", html`<${Name} of=${seal.outboxRoot} />`],
      seal.nextEpoch && ["Next epoch", html`<${Name} of=${seal.nextEpoch} />`],
    ]} />`;
}

export function Block({ about: [group, height] }) {
  useStore(network);
  const [id, at] = [Number(group), height === undefined ? "latest" : Number(height)];
  const state = usePoll((signal) => load(id, at, signal)(), (found) => (found?.seal || found?.block.height === 0 ? 0 : LOOK_MS), [id, at]);
  const newest = useStore(status).data?.groups.find((one) => one.group === id)?.height;
  return html`<${Asked} state=${state}>${({ block, seal }) => {
    const txs = block.txs ?? [];
    return html`<div class="heading row"><div><h1>Block ${number(block.height)}</h1><p><${Group} id=${id} /></p></div>
      <nav class="steps" aria-label="Blocks beside this one">
        ${block.height > 0 && html`<a class="button" href=${`#/block/${id}/${block.height - 1}`}>← ${number(block.height - 1)}</a>`}
        ${newest !== undefined && block.height < newest && html`<a class="button" href=${`#/block/${id}/${block.height + 1}`}>${number(block.height + 1)} →</a>`}
      </nav></div>
    <div class="columns two">
      <${Card} title="Header" side=${block.sealed ? html`<${Badge} kind="good">sealed</${Badge}>` : html`<${Badge}>executed</${Badge}>`}>
        <${Facts} testid="block-header" rows=${[
          ["Block id", html`<${Name} of=${block.blockId} testid="block-id" />`],
          ["Parent", html`<${Name} of=${block.parent} href=${block.height > 0 ? `#/block/${id}/${block.height - 1}` : undefined} />`],
          ["Block time", html`<span class="num">${date(block.timeMs)}</span>`],
          ["Proposer", validatorName(block.proposer)],
          ["Epoch", number(block.epoch)],
          ["Tag", html`<span class="num" title="HotStuff's round, Raft's term, 0 under PBFT">${number(block.tag)}</span>`],
          ["Payload root", html`<${Name} of=${block.payloadRoot} />`],
        ]} />
      </${Card}>
      <${Card} title="Seal"><${Seal} block=${block} seal=${seal} /></${Card}>
    </div>
    <${Card} title="Transactions" side=${html`<span class="num">${decimal(block.txCount)}</span>`}>
      <${Table} head=${["#", "Transaction"]} rows=${txs.slice(0, LISTED).map((tx, index) => [html`<span class="num">${index}</span>`, html`<${Tx} id=${tx} whole />`])}
        empty="It carries none." testid="block-transactions" />
      ${txs.length > LISTED && html`<p class="faint">The first ${LISTED} of ${number(txs.length)} are listed.</p>`}
    </${Card}>`;
  }}</${Asked}>`;
}
