// Small parts that every page uses.

import { html, useEffect, useRef, useState } from "/ui/vendor/preact.js";
import { told } from "/ui/lib/api.js";
import { clip, readable, short, shortAccount, textOf } from "/ui/lib/format.js";

export function Copy({ text }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    const timer = done ? setTimeout(() => setDone(false), 1200) : undefined;
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    await navigator.clipboard.writeText(text).then(() => setDone(true), () => {});
  };
  // Browsers give it to pages of this machine and of TLS alone.
  if (!navigator.clipboard) return null;
  const label = done ? "copied" : `copy ${text}`;
  return html`<button type="button" class="copy" onClick=${copy} aria-label=${label} title=${label}>${done
    ? html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.5 6.5 12 13 4.5" /></svg>`
    : html`<svg viewBox="0 0 16 16" aria-hidden="true"><rect x="5.5" y="5.5" width="8" height="8" rx="1.6" /><path d="M3.5 10.5h-1v-8h8v1" /></svg>`}</button>`;
}

/** A hash, an id or an account, short, with a link if there is a page for it. */
export function Name({ of, href, whole = false, testid }) {
  const shown = whole ? of : of.startsWith("witan1") ? shortAccount(of) : short(of);
  const inner = href ? html`<a href=${href} title=${of}>${shown}</a>` : html`<span title=${of}>${shown}</span>`;
  return html`<span class=${whole ? "mono whole" : "mono"} data-testid=${testid}>${inner}<${Copy} text=${of} /></span>`;
}

export const Tx = ({ id, whole }) => html`<${Name} of=${id} href=${`#/tx/${id}`} whole=${whole} />`;
export const AccountName = ({ account, whole }) => html`<${Name} of=${account} href=${`#/account/${account}`} whole=${whole} />`;
export const BlockRef = ({ group, height, children }) =>
  html`<a class="num" href=${`#/block/${group}/${height}`}>${children ?? `${group}:${height}`}</a>`;

export function KeyName({ hex }) {
  return html`<a class="mono" href=${`#/key/${hex}`} title=${hex}>${clip(readable(hex), 48)}</a>`;
}

/** A value as a node answers it in hex: bytes, a list of bytes, or decimal text. */
export function Value({ type, value, most = 400 }) {
  if (value === null || value === undefined) return html`<span class="faint">nothing</span>`;
  if (Array.isArray(value)) {
    const shown = value.slice(-50);
    return html`<span class="list">${value.length > 50 && html`<span class="faint">… ${value.length - 50} before</span>`}
      ${shown.map((item, at) => html`<code key=${at}>${clip(readable(item), most)}</code>`)}</span>`;
  }
  const text = type === "bytes" ? readable(value) : value;
  return html`<code class="value">${clip(text, most)}</code>${type === "bytes" && textOf(value) === undefined && value !== "0x" && html`<span class="faint"> hex</span>`}`;
}

export const Badge = ({ kind = "plain", children, title, testid }) =>
  html`<span class=${`badge ${kind}`} title=${title} data-testid=${testid}>${children}</span>`;

/** A group, with the colour that it has on every page. */
export const Group = ({ id }) =>
  html`<span class=${`group g${id % 8}`}><i></i>${id === 0 ? "root" : `group ${id}`}</span>`;

/** An engine with what its members may do wrong: whoever reads that a group runs it has to see what that trusts. */
export const Engine = ({ engine, faults }) =>
  html`<span class="engine">${engine} <${Badge} kind=${faults === "crash" ? "warn" : "plain"}
    title=${faults === "crash" ? "its members are trusted not to lie" : "withstands members that lie"}>${faults}</${Badge}></span>`;

export function Card({ title, side, children, testid, wide = false }) {
  return html`<section class=${wide ? "card wide" : "card"} data-testid=${testid}>
    ${(title || side) && html`<header><h2>${title}</h2>${side && html`<div class="side">${side}</div>`}</header>`}
    ${children}
  </section>`;
}

export const Facts = ({ rows, testid }) => html`<dl class="facts" data-testid=${testid}>
  ${rows.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
</dl>`;

/** Rows under headings; on narrow screens it scrolls in itself. */
export function Table({ head, rows, empty = "Nothing yet.", testid, keys }) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="table"><table data-testid=${testid}>
    <thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${rows.map((row, at) => html`<tr key=${keys?.[at] ?? at}>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

export function Failure({ error, testid = "error" }) {
  const { reason, text, hint } = told(error);
  return html`<div class="failure" role="alert" data-testid=${testid}><strong>${reason}</strong> ${text}${hint && html`<p>${hint}</p>`}</div>`;
}

/** What was asked: loading, failed, or drawn with what was answered. */
export function Asked({ state, children }) {
  const { data, error } = state;
  if (data === undefined) return error ? html`<${Failure} error=${error} />` : html`<p class="empty loading">Loading…</p>`;
  return html`${error && html`<${Failure} error=${error} />`}${children(data)}`;
}

export function Heading({ children, sub }) {
  const heading = useRef(null);
  return html`<div class="heading"><h1 ref=${heading} tabindex="-1">${children}</h1>${sub && html`<p>${sub}</p>`}</div>`;
}

/** One of several, by arrow keys too: the platform's own select. */
export const Choice = ({ label, value, options, onChange, testid }) => html`<label class="choice">${label}
  <select value=${value} onChange=${(event) => onChange(event.target.value)} data-testid=${testid}>
    ${options.map(([id, name]) => html`<option value=${id} selected=${String(id) === String(value)}>${name}</option>`)}
  </select></label>`;
