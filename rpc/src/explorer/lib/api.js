// The node that serves this page, asked as any client asks it. The page calls nothing else, and its policy would let it not.

import { TransportError, WitanClient, WitanError } from "/ui/vendor/witan-client.js";
import { store } from "/ui/lib/store.js";

const TOKEN = "witan-token";
const UNAUTHORIZED = -32041;
/** The most calls of one batch: what a node takes by default. */
const MAX_BATCH = 100;

/** Whether the node asks for a token that was not given yet, or for another one. */
export const locked = store(false);

let token = keptToken();
let client = new WitanClient(location.origin, { token });

function keptToken() {
  try {
    return sessionStorage.getItem(TOKEN) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Takes a token, for this tab of the browser alone. */
export function unlock(given) {
  token = given;
  try {
    sessionStorage.setItem(TOKEN, given);
  } catch {
    // Kept in memory only.
  }
  client = new WitanClient(location.origin, { token });
  locked.set(false);
}

/** Whether news can come by WebSocket: a browser can't send a token there. */
export const canSubscribe = () => token === undefined;

const judged = (error) => {
  if (error instanceof WitanError && error.code === UNAUTHORIZED) locked.set(true);
  return error;
};

export async function call(method, params = {}, options = {}) {
  try {
    return await client.call(method, params, options);
  } catch (error) {
    throw judged(error);
  }
}

/** Several calls at once; each ends as its answer, or as a `WitanError`. */
export async function calls(list, options = {}) {
  const answers = [];
  try {
    for (let at = 0; at < list.length; at += MAX_BATCH) {
      answers.push(...(await client.batch(list.slice(at, at + MAX_BATCH), options)));
    }
  } catch (error) {
    throw judged(error);
  }
  return answers;
}

export const subscribe = (name, params) => client.subscribe(name, params);

/** What went wrong, for people: what, and the next step if the node names one. */
export function told(error) {
  if (error instanceof WitanError) {
    return { reason: error.reason || `code ${error.code}`, text: error.message, hint: error.hint };
  }
  if (error instanceof TransportError) {
    return { reason: "NO ANSWER", text: "the node does not answer", hint: `it is asked again and again; ${error.message}` };
  }
  return { reason: error?.reason ?? error?.name ?? "ERROR", text: String(error?.message ?? error), hint: "" };
}
