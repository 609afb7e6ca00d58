// This node's links to others, and the network it is part of.

import { html } from "/ui/vendor/preact.js";
import { calls } from "/ui/lib/api.js";
import { date, number, span } from "/ui/lib/format.js";
import { network, status } from "/ui/lib/live.js";
import { usePoll, useStore } from "/ui/lib/store.js";
import { Asked, Badge, Card, Engine, Facts, Failure, Group, Heading, Name, Table } from "/ui/lib/ui.js";

const LOOK_MS = 2000;
/** The peers that are listed. */
const LISTED = 200;

function RoundTrip({ ms }) {
  if (ms === null || ms === undefined) return html`<span class="faint">–</span>`;
  const share = Math.min(1, Math.log10(1 + ms) / 3);
  return html`<span class="num">${span(ms)}</span> <svg class="bar" width="60" height="6" aria-hidden="true"><rect class="track" width="60" height="6" rx="3" /><rect width=${Math.max(3, 60 * share)} height="6" rx="3" /></svg>`;
}

/** The node amid its peers; the nearer, the quicker the answer. */
function Star({ name, peers }) {
  const shown = peers.slice(0, 24);
  const far = Math.max(1, ...shown.map(({ roundTripMs }) => roundTripMs ?? 1));
  const spots = shown.map((peer, at) => {
    const angle = (at * 2 * Math.PI) / shown.length - Math.PI / 2;
    const reach = 74 + 46 * Math.min(1, (peer.roundTripMs ?? far) / far);
    return { peer, x: 160 + Math.cos(angle) * reach * 1.1, y: 150 + Math.sin(angle) * reach };
  });
  return html`<svg class="star" viewBox="0 0 320 300" role="img" aria-label=${`${name} and its ${peers.length} peers`}>
    ${spots.map(({ peer, x, y }) => html`<line key=${peer.nodeId} x1="160" y1="150" x2=${x} y2=${y} class=${peer.validator === null ? "plain" : "member"} />`)}
    ${spots.map(({ peer, x, y }) => html`<g key=${peer.nodeId}><circle cx=${x} cy=${y} r="15" class=${peer.validator === null ? "plain" : "member"} />
      <text x=${x} y=${y + 4}>${(peer.name ?? peer.nodeId.slice(2, 6)).slice(0, 5)}</text></g>`)}
    <circle cx="160" cy="150" r="21" class="me" /><text x="160" y="154" class="me">${name.slice(0, 5)}</text></svg>`;
}

function Shards({ shards }) {
  return html`<${Table} head=${["Group", "Engine", "Slots", "Parameters"]} testid="shards"
    rows=${shards.items.map((shard) => [html`<${Group} id=${shard.group} />`, html`<${Engine} ...${shard} />`,
      html`<span class="num">${shard.slots.map(({ first, last }) => `${number(first)}–${number(last)}`).join(", ") || "none"}</span>`,
      shard.parametersVersion ? `version ${shard.parametersVersion}` : "–"])} />`;
}

export function Network() {
  const { data } = useStore(status);
  const known = useStore(network);
  const state = usePoll(async (signal) => {
    const [peers, info, version, shards] = await calls([{ method: "net_peers" }, { method: "net_info" }, { method: "node_version" }, { method: "shard_list" }], { signal });
    const refused = [peers, info, version].find((answer) => answer instanceof Error);
    if (refused) throw refused;
    return { peers: peers.items.map((peer) => ({ ...peer, roundTripMs: peer.roundTripUs && peer.roundTripUs / 1000 })), info, version, shards };
  }, LOOK_MS, [0]);
  return html`<${Heading} sub="Links of this node; every other node has its own page.">Network</${Heading}>
    <${Asked} state=${state}>${({ peers, info, version, shards }) => html`<div class="columns two">
      <${Card} title="This node" side=${html`<${Badge} kind="plain">${data?.validator === null ? "no vote" : "validator"}</${Badge}>`}>
        <${Star} name=${data?.name ?? "this"} peers=${peers} />
      </${Card}>
      <${Card} title="Identity"><${Facts} rows=${[
        ["Name", data?.name ?? "–"],
        ["Node id", html`<${Name} of=${info.nodeId} />`],
        ["Listens on", info.listen.map((one) => html`<span class="mono whole" key=${one}>${one} </span>`)],
        ["Release", html`${version.version}${version.commit && html` <span class="mono">${version.commit.slice(0, 10)}</span>`}`],
        ["Engines", version.engines.join(", ")],
        ["Peers", html`<span class="num" data-testid="peer-count">${info.peers}</span> <span class="faint">${info.validators} of them validators</span>`],
        ["Admission", info.permissioned ? "only nodes that genesis lists" : "open to followers"],
        known && ["Network", html`${known.genesis.name} <span class="faint">since ${date(known.genesis.timeMs)}</span>`],
        known && ["Chain", html`<${Name} of=${known.chain} />`],
      ]} /></${Card}></div>
      <${Card} title="Links" side=${html`<span class="num">${peers.length}</span>`}>
        <${Table} head=${["Peer", "Role", "Round trip", "Release", "Direction", "Address", "Node id"]} testid="peers" keys=${peers.map(({ nodeId }) => nodeId)}
          empty="Nobody is connected." rows=${peers.slice(0, LISTED).map((peer) => [html`<b>${peer.name ?? "–"}</b>`, peer.validator === null ? "no vote" : "validator",
            html`<${RoundTrip} ms=${peer.roundTripMs} />`, peer.version ?? "–", peer.direction ?? "–", html`<span class="mono">${peer.address ?? "–"}</span>`, html`<${Name} of=${peer.nodeId} />`])} />
      </${Card}>
      <${Card} title="Groups and their slots">${shards instanceof Error ? html`<${Failure} error=${shards} />` : html`<${Shards} shards=${shards} />`}</${Card}>`}</${Asked}>`;
}
