// The frame of the page: name, search, tabs, colour scheme, and the page that the address names.

import { html, render, useEffect, useRef, useState } from "/ui/vendor/preact.js";
import { locked, unlock } from "/ui/lib/api.js";
import { live, network, start, status } from "/ui/lib/live.js";
import { destination } from "/ui/lib/search.js";
import { useStore } from "/ui/lib/store.js";
import { Badge, Copy, Failure } from "/ui/lib/ui.js";
import { short } from "/ui/lib/format.js";
import { Overview } from "/ui/pages/overview.js";
import { Transaction } from "/ui/pages/transaction.js";
import { Block } from "/ui/pages/block.js";
import { Account } from "/ui/pages/account.js";
import { Key } from "/ui/pages/key.js";
import { Validators } from "/ui/pages/validators.js";
import { Consensus } from "/ui/pages/consensus.js";
import { Network } from "/ui/pages/network.js";
import { Faults } from "/ui/pages/faults.js";
import { Search } from "/ui/pages/search.js";

const TABS = [
  ["", "Overview", Overview],
  ["validators", "Validators", Validators],
  ["consensus", "Consensus", Consensus],
  ["network", "Network", Network],
  ["faults", "Faults", Faults],
];
const PAGES = new Map([
  ...TABS.map(([id, , page]) => [id, page]),
  ["tx", Transaction],
  ["block", Block],
  ["account", Account],
  ["key", Key],
  ["search", Search],
]);

/** What the address names: a page, and what it is about. */
function place() {
  const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const decoded = rest.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { page, about: decoded };
}

function usePlace() {
  const [now, setNow] = useState(place);
  useEffect(() => {
    const moved = () => {
      setNow(place());
      scrollTo(0, 0);
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return now;
}

function SearchBox() {
  const box = useRef(null);
  const [state, setState] = useState({});
  useEffect(() => {
    const focus = (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current.focus();
      box.current.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const search = async (event) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      const groups = status.get().data?.groups.map(({ group }) => group) ?? [];
      const href = await destination(box.current.value, groups);
      if (href !== undefined) {
        location.hash = href;
        box.current.value = "";
        box.current.blur();
      }
      setState({});
    } catch (error) {
      setState({ error });
    }
  };
  return html`<form class="search" role="search" onSubmit=${search}>
    <input ref=${box} type="search" name="q" autocomplete="off" spellcheck=${false} maxlength="600" data-testid="search"
      placeholder="Transaction, key, account, height or group:height" aria-label="Search for a transaction, key, account or block"
      onKeyDown=${(event) => event.key === "Escape" && event.target.blur()} />
    <kbd aria-hidden="true">/</kbd>
    ${state.error && html`<${Failure} error=${state.error} />`}
  </form>`;
}

function ThemeButton() {
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const [isDark, setDark] = useState(dark);
  const toggle = () => {
    const next = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("witan-theme", next);
    } catch {
      // It holds until the page is left.
    }
    setDark(next === "dark");
  };
  return html`<button type="button" class="icon" onClick=${toggle} data-testid="theme" aria-label=${isDark ? "light colours" : "dark colours"}
    title=${isDark ? "light colours" : "dark colours"}>${isDark ? "☀" : "☾"}</button>`;
}

function TokenForm() {
  const [text, setText] = useState("");
  const give = (event) => {
    event.preventDefault();
    if (text.trim() !== "") unlock(text.trim());
  };
  return html`<div class="veil"><form class="card token" onSubmit=${give} data-testid="token-form">
    <header><h2>This node asks for a token</h2></header>
    <p>Calls must show the bearer token of its configuration (rpc.auth). It is kept in this tab of the browser, and sent to this node alone.</p>
    <label>Token <input type="password" autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} autofocus data-testid="token" /></label>
    <button type="submit" class="main">Go on</button>
  </form></div>`;
}

const HOW = {
  live: ["good", "live", "blocks come as they are made"],
  polling: ["plain", "polling", "the node is asked every second: a browser can't send a token over WebSocket"],
  waiting: ["warn", "waiting", "the node is being reached"],
  paused: ["plain", "paused", "nobody sees the page"],
};

function Head({ page }) {
  const { data, error } = useStore(status);
  const { how } = useStore(live);
  const known = useStore(network);
  const [kind, word, title] = HOW[how];
  const nav = useRef(null);
  useEffect(() => nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [page]);
  const tabs = TABS.filter(([id]) => id !== "faults" || known?.genesis.devnet);
  return html`<header class="top">
    <div class="bar">
      <a class="brand" href="#/" aria-label="Witan explorer: overview"><img src="/ui/icon.svg" alt="" width="26" height="26" /><b>Witan</b></a>
      <div class="where" data-testid="network-name">${known && html`<span>${known.genesis.name}</span>`}
        ${data && html`<span class="faint">by ${data.name ?? short(data.nodeId)}</span>`}
        ${known?.genesis.devnet && html`<${Badge} title="genesis says devnet: faults may be staged">devnet</${Badge}>`}</div>
      <${SearchBox} />
      <div class="state"><${Badge} kind=${error ? "bad" : kind} title=${title} testid="live">${error ? "no answer" : word}</${Badge}><${ThemeButton} /></div>
    </div>
    <nav aria-label="Pages" ref=${nav}>${tabs.map(([id, name]) => html`<a key=${id} href=${`#/${id}`} data-testid=${`tab-${id || "overview"}`}
      aria-current=${page === id ? "page" : undefined}>${name}</a>`)}</nav>
  </header>`;
}

function Foot() {
  const { data, roundTripMs } = useStore(status);
  const known = useStore(network);
  return html`<footer class="foot">${known && html`<span>chain <span class="mono">${short(known.chain)}</span><${Copy} text=${known.chain} /></span>`}
    ${data && html`<span>Witan ${data.version}</span>`}
    ${roundTripMs !== undefined && html`<span>answers in <span class="num">${Math.max(1, Math.round(roundTripMs))} ms</span></span>`}
    <a href="/openrpc.json">OpenRPC</a><a href="/ui/vendor/manifest.json">libraries</a><a href="/ui/vendor/licences.txt">licences</a></footer>`;
}

function App() {
  const { page, about } = usePlace();
  const isLocked = useStore(locked);
  const Page = PAGES.get(page);
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector("main").focus(); }}>To the content</a>
    <${Head} page=${page} />
    <main tabindex="-1" data-testid=${`page-${page || "overview"}`}>
      ${Page ? html`<${Page} key=${[isLocked, page, ...about].join("/")} about=${about} />` : html`<p class="empty">There is no such page. The tabs above lead to those there are.</p>`}
    </main>
    <${Foot} />
    ${isLocked && html`<${TokenForm} />`}`;
}

start();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
