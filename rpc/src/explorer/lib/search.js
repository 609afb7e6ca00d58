// One box for everything: what a text can mean, the likeliest first.

import { call } from "/ui/lib/api.js";
import { hexOf } from "/ui/lib/format.js";

const ID = /^(0x)?[0-9a-f]{64}$/i;
const HEX = /^0x([0-9a-f]{2}){1,256}$/i;
const ACCOUNT = /^witan1[02-9ac-hj-np-z]{50,70}$/;
const PLACE = /^(?:group\s*)?(\d{1,9})\s*[:/]\s*(\d{1,15})$/i;
const HEIGHT = /^\d{1,15}$/;
/** The most bytes of a key. */
const MAX_KEY = 256;

/** Everything that a text can mean: { kind, label, href }. */
export function meanings(text, groups) {
  const query = text.trim();
  const found = [];
  const add = (kind, label, href) => found.push({ kind, label, href });
  if (query === "") return found;
  const place = PLACE.exec(query);
  if (ACCOUNT.test(query.toLowerCase())) add("account", `account ${query}`, `#/account/${query.toLowerCase()}`);
  if (ID.test(query)) {
    const id = query.toLowerCase().replace(/^(0x)?/, "0x");
    add("transaction", `transaction ${id}`, `#/tx/${id}`);
  }
  if (place) add("block", `block ${place[2]} of group ${place[1]}`, `#/block/${Number(place[1])}/${Number(place[2])}`);
  if (HEIGHT.test(query)) {
    for (const group of groups) add("block", `block ${query} of ${group === 0 ? "the root group" : `group ${group}`}`, `#/block/${group}/${Number(query)}`);
  }
  if (HEX.test(query)) add("key", `key of the bytes ${query}`, `#/key/${query.toLowerCase()}`);
  const hex = hexOf(query);
  if ((hex.length - 2) / 2 <= MAX_KEY) add("key", `key “${query}”`, `#/key/${hex}`);
  return found;
}

/** Where a search leads: to the one thing it means, or to a page that lists what it can mean. */
export async function destination(text, groups) {
  const found = meanings(text, groups);
  const list = `#/search/${encodeURIComponent(text.trim())}`;
  const [first] = found;
  if (first === undefined) return undefined;
  if (first.kind === "transaction") {
    const answer = await call("tx_get", { txId: first.href.slice("#/tx/".length) });
    return answer.status === "unknown" ? list : first.href;
  }
  const isPlain = first.kind === "account" || first.kind === "key" || PLACE.test(text.trim());
  if (isPlain || found.length === 1) return first.href;
  return list;
}
