// What a search can mean, where that is more than one thing.

import { html } from "/ui/vendor/preact.js";
import { status } from "/ui/lib/live.js";
import { meanings } from "/ui/lib/search.js";
import { useStore } from "/ui/lib/store.js";
import { Badge, Card, Heading } from "/ui/lib/ui.js";

export function Search({ about: [query = ""] }) {
  const { data } = useStore(status);
  const found = meanings(query, data?.groups.map(({ group }) => group) ?? []);
  return html`<${Heading} sub="A transaction that this node does not know may be new, expired or of another network.">“${query}”</${Heading}>
    <${Card} title="What it can mean">
      ${found.length === 0 && html`<p class="empty">Nothing: a search is a transaction's id, a key, an account, a height, or group:height.</p>`}
      <ul class="meanings" data-testid="meanings">${found.map(({ kind, label, href }) => html`<li key=${href}><${Badge}>${kind}</${Badge}> <a href=${href}>${label}</a></li>`)}</ul>
    </${Card}>`;
}
