// How consensus stands in each group, and what the node says about itself.

import { html } from "/ui/vendor/preact.js";
import { call, calls } from "/ui/lib/api.js";
import { listed, number, span } from "/ui/lib/format.js";
import { network, status, validatorName } from "/ui/lib/live.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { Asked, Badge, BlockRef, Card, Engine, Facts, Failure, Group, Heading } from "/ui/lib/ui.js";

const LOOK_MS = 1000;

function Explained({ explanation }) {
  const { summary, progressing, findings } = explanation;
  return html`<${Card} title="What this node says" side=${progressing ? html`<${Badge} kind="good">progressing</${Badge}>` : html`<${Badge} kind="bad">stalled</${Badge}>`} wide>
    <p class="summary" data-testid="explain">${summary}</p>
    ${findings.length > 0 && html`<ul class="findings">${findings.map(({ reason, group, text, fix }, at) => html`<li key=${at}><b>${reason}</b>
      ${group !== null && group !== undefined && html` <${Group} id=${group} />`} ${text}${fix && html`<p class="faint">${fix}</p>`}</li>`)}</ul>`}
  </${Card}>`;
}

/** Four heights on one line: how far each step is behind the first. */
function Steps({ one }) {
  const steps = [["decided", one.decidedHeight], ["certified", one.certifiedHeight], ["executed", one.executedHeight], ["sealed", one.sealedHeight]];
  return html`<ol class="heights">${steps.map(([name, height]) => html`<li key=${name}><span>${name}</span>
    <${BlockRef} group=${one.group} height=${Math.min(height, one.executedHeight)}>${number(height)}</${BlockRef}></li>`)}</ol>`;
}

function GroupConsensus({ one, explained }) {
  if (one instanceof Error) return html`<${Failure} error=${one} />`;
  return html`<${Card} title=${html`<${Group} id=${one.group} />`} side=${html`<${Engine} ...${one} />`} testid=${`consensus-${one.group}`}>
    <${Steps} one=${one} />
    <${Facts} rows=${[
      [one.engine === "raft" ? "Term" : "View", html`<span class="num">${number(one.view)}</span>`],
      ["Leader", one.leader === null ? html`<span class="bad-text">none</span>` : validatorName(one.leader)],
      ["Timer", one.timerRunning ? html`<${Badge} kind="warn">running</${Badge}>` : html`<span class="faint">stopped: there is no work</span>`],
      explained?.nextTimeoutMs !== null && explained?.nextTimeoutMs !== undefined && ["Next time-out in", html`<span class="num">${span(explained.nextTimeoutMs)}</span>`],
      ["Time-outs in a row", html`<span class=${one.consecutiveTimeouts > 0 ? "num bad-text" : "num"}>${number(one.consecutiveTimeouts)}</span>`],
      ["Gave up this view", one.timedOut.length === 0 ? html`<span class="faint">nobody</span>` : listed(one.timedOut.map(validatorName))],
      explained && ["Reached", html`<span class="num">${explained.reached}</span> <span class="faint">validators, and ${explained.quorum} decide${explained.missing.length > 0 ? `; not ${listed(explained.missing)}` : ""}</span>`],
      ["Epoch", html`<span class="num">${number(one.epoch)}</span>`],
    ]} />
  </${Card}>`;
}

export function Consensus() {
  useStore(network);
  const groups = useStore(status).data?.groups.map(({ group }) => group) ?? [];
  const state = usePoll(async (signal) => {
    if (groups.length === 0) return undefined;
    const [explanation, each] = await Promise.all([
      call("node_explain", {}, { signal }),
      calls(groups.map((group) => ({ method: "consensus_status", params: { group } })), { signal }),
    ]);
    return { explanation, each };
  }, LOOK_MS, [groups.join()]);
  return html`<${Heading} sub="The engine of each group as this node sees it.">Consensus</${Heading}>
    <${Asked} state=${state}>${({ explanation, each }) => html`<${Explained} explanation=${explanation} />
      <div class="cards">${each.map((one, at) => html`<${GroupConsensus} key=${groups[at]} one=${one}
        explained=${explanation.groups.find(({ group }) => group === groups[at])} />`)}</div>`}</${Asked}>`;
}
