// An account: what it has, and its transactions.

import { html, useState } from "/ui/vendor/preact.js";
import { calls } from "/ui/lib/api.js";
import { date, decimal } from "/ui/lib/format.js";
import { usePoll } from "/ui/lib/store.js";
import { Asked, BlockRef, Card, Copy, Facts, Failure, Group, Heading, Table, Tx } from "/ui/lib/ui.js";
import { Outcome } from "/ui/pages/transaction.js";

const LOOK_MS = 3000;
const PAGE = 25;

export function transactionRows(items) {
  return items.map((tx) => [
    html`<${Tx} id=${tx.txId} />`,
    html`<${Outcome} status=${tx.status} reason=${tx.reason} />`,
    tx.role ?? "",
    html`<${BlockRef} group=${tx.group} height=${tx.height} />`,
    html`<span class="num">${date(tx.timeMs)}</span>`,
  ]);
}

export function Account({ about: [account] }) {
  const [cursors, setCursors] = useState([undefined]);
  const cursor = cursors.at(-1);
  const state = usePoll(async (signal) => {
    const params = { account, limit: PAGE, ...(cursor && { cursor }) };
    const [balance, list] = await calls([{ method: "state_account", params: { account } }, { method: "tx_list", params }], { signal });
    if (balance instanceof Error) throw balance;
    return { balance, list };
  }, cursor ? 0 : LOOK_MS, [account, cursor]);
  return html`<${Heading} sub=${html`<span class="mono whole">${account}<${Copy} text=${account} /></span>`}>Account</${Heading}>
    <${Asked} state=${state}>${({ balance, list }) => html`
      <${Card}><div class="big"><span class="num" data-testid="balance">${decimal(balance.balance)}</span> <span class="faint">balance</span></div>
        <${Facts} rows=${[
          ["Kept by", html`<${Group} id=${balance.group} />`],
          ["As of", html`<${BlockRef} group=${balance.group} height=${balance.height} />`],
        ]} />
      </${Card}>
      <${Card} title="Transactions" side=${html`<span class="faint">signed by it, or paying it; newest first</span>`}>
        ${list instanceof Error ? html`<${Failure} error=${list} />` : html`
          <${Table} head=${["Transaction", "Outcome", "Role", "Block", "Block time"]} rows=${transactionRows(list.items)}
            keys=${list.items.map((tx) => tx.txId + tx.role)} empty="None yet." testid="account-transactions" />
          <p class="steps">${cursors.length > 1 && html`<button type="button" onClick=${() => setCursors(cursors.slice(0, -1))}>← newer</button>`}
            ${list.nextCursor && html`<button type="button" onClick=${() => setCursors([...cursors, list.nextCursor].slice(-100))}>older →</button>`}</p>`}
      </${Card}>`}</${Asked}>`;
}
