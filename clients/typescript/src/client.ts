// The typed client of one node, over HTTP.

import { shown, utf8 } from "./bytes.js";
import { TransportError, WitanError, isObject } from "./errors.js";
import type { Methods } from "./rpc-types.js";
import {
  type SubscriptionName,
  type Subscriptions,
  Subscription,
  SubscriptionSocket,
  type WebSocketLike,
} from "./subscription.js";

/** The name of a method. */
export type MethodName = keyof Methods;
/** The parameters of a method, by name. */
export type Params<M extends MethodName> = Methods[M]["params"];
/** What a method answers. */
export type Answer<M extends MethodName> = Methods[M]["result"];

/** Parameters may be left out where none is required. */
type Given<P> = {} extends P ? [params?: P, options?: CallOptions] : [params: P, options?: CallOptions];

/** One call of a batch. */
export type BatchCall = {
  [M in MethodName]: {} extends Params<M> ? { method: M; params?: Params<M> } : { method: M; params: Params<M> };
}[MethodName];
/** What became of one call of a batch. */
export type BatchResult<C> = C extends { method: infer M extends MethodName } ? Answer<M> | WitanError : never;

export interface ClientOptions {
  /** The platform's `fetch`, or another one. */
  fetch?: typeof globalThis.fetch;
  /** The bearer token of a node whose `rpc.auth` asks for one. */
  token?: string;
  /** How long an answer may take, in milliseconds; 15,000 if absent. A `tx_submit` that waits gets its wait on top. */
  timeoutMs?: number;
  /** Opens a WebSocket; `new WebSocket(url)` if absent, which Node.js has from 22 on. A token needs one that sends headers. */
  webSocket?: (url: string, token: string | undefined) => WebSocketLike;
}

export interface CallOptions {
  /** Instead of the client's. */
  timeoutMs?: number;
  /** Ends the call early. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 15_000;
/** How long a node waits on a submission that does not say. */
const DEFAULT_WAIT_MS = 10_000;
/** The most bytes that an answer may have; a node's own limit is 10 MiB by default. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A client of one node. It trusts what the node says: what needs no trust is judged by a `Verifier`. */
export class WitanClient {
  /** The node's address: `http://host:port`. */
  readonly url: string;
  readonly #options: ClientOptions;
  #nextId = 1;
  #socket: SubscriptionSocket | undefined;

  constructor(url: string, options: ClientOptions = {}) {
    if (!/^https?:$/.test(new URL(url).protocol)) {
      throw new TypeError(`${shown(url)} is no address of a node: expected http://host:port`);
    }
    this.url = url;
    this.#options = options;
  }

  /** Calls a method. Throws a `WitanError` if the node answers one, and a `TransportError` if no answer comes. */
  async call<M extends MethodName>(method: M, ...[params, options]: Given<Params<M>>): Promise<Answer<M>> {
    const id = this.#nextId++;
    const timeoutMs = options?.timeoutMs ?? this.#timeout(method, params);
    const answer = await this.#post({ jsonrpc: "2.0", id, method, params: params ?? {} }, timeoutMs, options?.signal);
    return resultOf(answer, id) as Answer<M>;
  }

  /** Calls several methods in one request. Each ends on its own: its answer, or its `WitanError` as a value. */
  async batch<const C extends readonly BatchCall[]>(
    calls: C,
    options: CallOptions = {},
  ): Promise<{ [I in keyof C]: BatchResult<C[I]> }> {
    if (calls.length === 0) {
      return [] as { [I in keyof C]: BatchResult<C[I]> };
    }
    const requests = calls.map(({ method, params }) => ({
      jsonrpc: "2.0",
      id: this.#nextId++,
      method,
      params: params ?? {},
    }));
    const timeoutMs =
      options.timeoutMs ?? Math.max(...calls.map(({ method, params }) => this.#timeout(method, params)));
    const answers = await this.#post(requests, timeoutMs, options.signal);
    if (!Array.isArray(answers)) {
      // A batch that is refused as a whole is answered by one error.
      resultOf(answers, null);
      throw new TransportError(`${this.url} answered a batch with ${shown(answers)}`);
    }
    const results = requests.map(({ id }) => {
      try {
        return resultOf(
          answers.find((answer) => isObject(answer) && answer["id"] === id),
          id,
        );
      } catch (error) {
        if (error instanceof WitanError) {
          return error;
        }
        throw error;
      }
    });
    return results as { [I in keyof C]: BatchResult<C[I]> };
  }

  /**
   * Subscribes over WebSocket: `for await (const news of await client.subscribe("chain_subscribeBlocks", { group: 1 }))`. All
   * subscriptions of a client share one connection, which is closed with the last of them.
   */
  async subscribe<S extends SubscriptionName>(
    name: S,
    params: Subscriptions[S]["params"],
  ): Promise<Subscription<Subscriptions[S]["news"]>> {
    const { webSocket, token, timeoutMs } = this.#options;
    if (this.#socket === undefined || this.#socket.isClosed) {
      const address = new URL(this.url);
      address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
      address.pathname = `${address.pathname.replace(/\/$/, "")}/ws`;
      const open = webSocket ?? platformWebSocket;
      this.#socket = new SubscriptionSocket(open(address.href, token), address.href, timeoutMs ?? DEFAULT_TIMEOUT_MS);
    }
    return this.#socket.subscribe(name, params);
  }

  #timeout(method: MethodName, params: unknown): number {
    const wait = method === "tx_submit" && isObject(params) ? Number(params["timeoutMs"] ?? DEFAULT_WAIT_MS) : 0;
    return (this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS) + wait;
  }

  /** Posts a document and reads the answer, all within the time. */
  async #post(document: unknown, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    const { fetch = globalThis.fetch, token } = this.#options;
    const abort = new AbortController();
    const stop = () => abort.abort(signal?.reason);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted === true) {
      stop();
    }
    const timer = setTimeout(() => abort.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(this.url, {
        method: "POST",
        // A node never redirects, and a token goes nowhere else.
        redirect: "error",
        headers: { "content-type": "application/json", ...authorization },
        body: JSON.stringify(document),
        signal: abort.signal,
      });
      return readAnswer(await readBounded(response), response.status);
    } catch (error) {
      throw error instanceof TransportError
        ? error
        : new TransportError(`${this.url}: ${reasonOf(abort.signal.reason ?? error)}`);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }
}

function platformWebSocket(url: string, token: string | undefined): WebSocketLike {
  if (token !== undefined) {
    throw new TypeError("the platform's WebSocket can't send a token: give the client a `webSocket` that does");
  }
  if (globalThis.WebSocket === undefined) {
    throw new TypeError(
      "this platform has no WebSocket: give the client a `webSocket`, e.g. (url) => new WebSocket(url) of package ws",
    );
  }
  return new globalThis.WebSocket(url);
}

/** What failed, with what that came of: `fetch` hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: unknown; cause?: { message?: unknown; code?: unknown } };
  const below = cause?.message || cause?.code;
  return `${String(message ?? error)}${below ? ` (${String(below)})` : ""}`;
}

async function readBounded(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    parts.push(part.value);
    size += part.value.length;
    if (size > MAX_ANSWER_BYTES) {
      await reader?.cancel();
      throw new TransportError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    }
  }
  const whole = new Uint8Array(size);
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  const text = utf8(whole);
  if (text === undefined) {
    throw new TransportError("an answer that is no UTF-8");
  }
  return text;
}

/** The JSON of an answer, whatever its status: a node says in JSON what is wrong. */
function readAnswer(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TransportError(`status ${status} with no JSON: ${shown(text)}`);
  }
}

/** The result of an answer to request `id`; an error may come without it, if the request could not be read. */
export function resultOf(answer: unknown, id: number | null): unknown {
  if (isObject(answer) && answer["error"] !== undefined && (answer["id"] === id || answer["id"] === null)) {
    throw WitanError.from(answer["error"]);
  }
  if (!isObject(answer) || answer["id"] !== id || !("result" in answer)) {
    throw new TransportError(`no answer to request ${id}: ${shown(answer)}`);
  }
  return answer["result"];
}
