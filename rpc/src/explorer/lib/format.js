// How things are written.

import { fromHex, utf8 } from "/ui/vendor/witan-client.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const number = (value) => (value === null || value === undefined ? "–" : whole.format(value));

/** Decimal text of any length, in groups of three digits. */
export const decimal = (text) => String(text).replace(/\B(?=(\d{3})+$)/g, ",");

export const short = (hash) => (hash.length > 18 ? `${hash.slice(0, 8)}…${hash.slice(-6)}` : hash);
export const shortAccount = (account) => (account.length > 22 ? `${account.slice(0, 11)}…${account.slice(-6)}` : account);

export function time(ms) {
  const date = new Date(ms);
  return `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
export const date = (ms) => `${day.format(new Date(ms))}, ${time(ms)}`;

export function age(ms, now = Date.now()) {
  const seconds = Math.max(0, (now - ms) / 1000);
  if (seconds < 2) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function span(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (Math.abs(ms) < 10) return `${ms.toFixed(1)} ms`;
  if (Math.abs(ms) < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** Bytes in hex as text, if they are text that can be shown; else as they are. */
export function readable(hex) {
  const text = textOf(hex);
  return text === undefined ? hex : text;
}

export function textOf(hex) {
  try {
    const text = utf8(fromHex(hex));
    return text !== undefined && text !== "" && !/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Text as hex. */
export function hexOf(text) {
  return `0x${[...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export const clip = (text, most = 160) => (text.length > most ? `${text.slice(0, most)}…` : text);

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** Names in a row: a, b and c. */
export const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
