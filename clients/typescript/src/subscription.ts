// Subscriptions over WebSocket, as things to iterate over.

import { shown } from "./bytes.js";
import { TransportError, WitanError, isObject } from "./errors.js";
import { type From, type Position, withPositions } from "./positions.js";
import type { Methods } from "./rpc-types.js";

/** What each notification has: its number, 1, 2, 3, ..., and which kind of news it is. */
interface News {
  seq: number;
  type: string;
}

type Encoding = "hex" | "utf8" | "base64";

/** A transaction that an account signed, or that transfers to it. */
interface AccountTransaction {
  txId: string;
  status: string;
  reason?: string;
  signer: string;
  group: number;
  height: number;
  blockId: string;
  next: Position;
}

/** A key as a block left it. */
interface StateChange {
  key: string;
  value: string | string[] | null;
  valueType: string | null;
  version: string;
  group: number;
  height: number;
  blockId: string;
  next: Position;
}

/** Every subscription: its parameters and its news. */
export interface Subscriptions {
  chain_subscribeBlocks: {
    params: { group?: number; from?: From; txs?: "none" | "ids" | "full"; encoding?: Encoding };
    news: News & Methods["chain_getBlock"]["result"] & { next: Position };
  };
  /** By `txId`: what tx_get answers, until it is over. By `account`: its transactions, as blocks decide them. */
  tx_subscribe: {
    params: { txId: string; encoding?: Encoding } | { account: string; group?: number; from?: From };
    news: News & ((Methods["tx_get"]["result"] & { next?: undefined }) | AccountTransaction);
  };
  state_subscribe: {
    params: { prefix: string; group?: number; from?: From; encoding?: Encoding };
    news: News & StateChange;
  };
  consensus_subscribe: {
    params: { group?: number };
    news: News & Methods["consensus_status"]["result"];
  };
}

/** The name of a subscription. */
export type SubscriptionName = keyof Subscriptions;

const UNSUBSCRIBE: Record<SubscriptionName, string> = {
  chain_subscribeBlocks: "chain_unsubscribeBlocks",
  tx_subscribe: "tx_unsubscribe",
  state_subscribe: "state_unsubscribe",
  consensus_subscribe: "consensus_unsubscribe",
};

/** News that may wait for their reader; beyond that a subscription ends like one that the node finds too slow. */
const MAX_WAITING = 1024;

/** A subscription that ended before its reader wanted it to. */
export class SubscriptionError extends Error {
  override name = "SubscriptionError";

  constructor(
    /** `LAGGED`: the reader was too slow. `LOST`: the connection. `GAP`: news are missing. Else the node's reason. */
    readonly reason: string,
    message: string,
    /** What `from` takes to go on after the last news that were read, in every group: what comes meanwhile is told then. */
    readonly resumeFrom: Position[],
  ) {
    super(message);
  }
}

/** What of a WebSocket is used: browsers, Node.js from 22 on, and the package ws have it. */
export interface WebSocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
}

/**
 * News, one after another, each once. Iterating ends when everything was told or `close` was called, and throws a
 * `SubscriptionError` that says where to go on in any other case.
 */
export class Subscription<N> implements AsyncIterableIterator<N> {
  readonly #waiting: N[] = [];
  readonly #places = new Map<number, Position>();
  #reader: { resolve: (result: IteratorResult<N>) => void; reject: (error: Error) => void } | undefined;
  #seq = 0;
  #end: (() => Error | undefined) | undefined;
  readonly #release: () => void;

  /** @internal */
  constructor(params: unknown, release: () => void) {
    this.#release = release;
    const begin = isObject(params) && Array.isArray(params["from"]) ? (params["from"] as Position[]) : [];
    begin.forEach((position) => this.#places.set(position.group, position));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Where its reader stands: what `from` takes to go on after the news read so far, later or elsewhere. */
  positions(): Position[] {
    return [...this.#places.values()];
  }

  /** The next news. */
  next(): Promise<IteratorResult<N>> {
    const news = this.#waiting.shift();
    if (news !== undefined) {
      this.#read(news);
      return Promise.resolve({ done: false, value: news });
    }
    if (this.#end !== undefined) {
      const error = this.#end();
      this.#end = () => undefined;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    if (this.#reader !== undefined) {
      return Promise.reject(
        new TypeError("a subscription has one reader, which waits for its news before it asks for more"),
      );
    }
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }));
  }

  /** Ends the subscription; `break` out of a loop calls it. */
  return(): Promise<IteratorResult<N>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the subscription. News that wait are dropped. */
  close(): void {
    this.#waiting.length = 0;
    this.stop(() => undefined);
  }

  /** @internal One notification. */
  take(told: unknown): void {
    if (this.#end !== undefined || !isObject(told)) {
      return;
    }
    this.#seq += 1;
    if (told["seq"] !== this.#seq) {
      this.fail("GAP", `number ${shown(told["seq"])} came where ${this.#seq} was due`);
    } else if (told["type"] === "end") {
      this.stop(() => undefined);
    } else if (told["lagged"] === true || told["type"] === "error") {
      this.#last(told);
    } else if (this.#reader !== undefined) {
      const { resolve } = this.#reader;
      this.#reader = undefined;
      this.#read(told as N);
      resolve({ done: false, value: told as N });
    } else if (this.#waiting.length >= MAX_WAITING) {
      this.fail("LAGGED", `${MAX_WAITING} news wait for their reader`);
    } else {
      this.#waiting.push(told as N);
    }
  }

  /** What the node says when it ends a subscription early. */
  #last({ error, resumeFrom }: Record<string, unknown>): void {
    const told = error === undefined ? undefined : WitanError.from(error);
    const places = Array.isArray(resumeFrom) ? (resumeFrom as Position[]) : undefined;
    this.fail(told?.reason ?? "LAGGED", told?.message ?? "the node found the reader too slow", places);
  }

  /** @internal Ends it with an error, which comes after the news that wait. */
  fail(reason: string, message: string, places?: Position[]): void {
    this.stop(() => new SubscriptionError(reason, message, places ?? this.positions()));
  }

  /** @internal Ends it; the first reason counts. */
  stop(end: () => Error | undefined): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = end;
    this.#release();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) {
      this.next().then(reader.resolve, reader.reject);
    }
  }

  #read(news: N): void {
    const { next } = news as { next?: Position };
    if (next !== undefined) {
      this.#places.set(next.group, next);
    }
  }
}

interface Pending {
  answer: (result: unknown) => void;
  refuse: (error: Error) => void;
}

/** @internal One WebSocket with its subscriptions. */
export class SubscriptionSocket {
  isClosed = false;
  readonly #socket: WebSocketLike;
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #opened: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #running = new Map<unknown, Subscription<any>>();
  #nextId = 1;
  /** Subscriptions that are being asked for. */
  #asking = 0;

  constructor(socket: WebSocketLike, url: string, timeoutMs: number) {
    [this.#socket, this.#url, this.#timeoutMs] = [socket, url, timeoutMs];
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("error", () => this.#lose("the connection failed"));
    socket.addEventListener("close", () => this.#lose("the connection was closed"));
    this.#opened = new Promise((resolve, reject) => {
      this.#pending.set(0, { answer: () => resolve(), refuse: reject });
      socket.addEventListener("open", () => this.#settle(0)?.answer(undefined));
    });
  }

  async subscribe<N>(name: SubscriptionName, params: unknown): Promise<Subscription<N>> {
    const timer = setTimeout(() => this.#lose(`no answer within ${this.#timeoutMs} ms`), this.#timeoutMs);
    this.#asking += 1;
    try {
      await this.#opened;
      const placed = await withPositions(name, params, (method, asked) =>
        this.#ask(method, asked, (answer) => answer),
      );
      // Notifications may follow at once, so the subscription is there before anyone hears of it.
      return await this.#ask(name, placed, (id) => {
        const subscription = new Subscription<N>(placed, () => this.#release(id, name));
        this.#running.set(id, subscription);
        return subscription;
      });
    } finally {
      clearTimeout(timer);
      this.#asking -= 1;
      this.#closeIfIdle();
    }
  }

  /** Asks, and takes what is answered in the moment it comes. */
  #ask<T>(method: string, params: unknown, take: (answer: unknown) => T): Promise<T> {
    if (this.isClosed) {
      return Promise.reject(new TransportError(`${this.#url}: the connection was closed`));
    }
    return new Promise((resolve, refuse) =>
      this.#send(method, params, { answer: (answer) => resolve(take(answer)), refuse }),
    );
  }

  #send(method: string, params: unknown, pending: Pending): void {
    const id = this.#nextId++;
    this.#pending.set(id, pending);
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  }

  #settle(id: unknown): Pending | undefined {
    const pending = typeof id === "number" ? this.#pending.get(id) : undefined;
    this.#pending.delete(id as number);
    return pending;
  }

  #receive(data: unknown): void {
    let message: unknown;
    try {
      message = JSON.parse(String(data));
    } catch {
      return this.#lose(`${shown(data)} is no JSON`);
    }
    if (!isObject(message)) {
      return;
    }
    const { id, result, error, params } = message;
    if (isObject(params)) {
      this.#running.get(params["subscription"])?.take(params["result"]);
    } else if (error !== undefined) {
      this.#settle(id)?.refuse(WitanError.from(error));
    } else {
      this.#settle(id)?.answer(result);
    }
  }

  /** A subscription ended: the node hears of it, or sees that nothing is left of the connection. */
  #release(id: unknown, name: SubscriptionName): void {
    this.#running.delete(id);
    this.#closeIfIdle();
    if (!this.isClosed) {
      const forget = () => {};
      this.#send(UNSUBSCRIBE[name], [id], { answer: forget, refuse: forget });
    }
  }

  #closeIfIdle(): void {
    if (this.#running.size === 0 && this.#asking === 0 && !this.isClosed) {
      this.isClosed = true;
      this.#socket.close();
    }
  }

  #lose(why: string): void {
    if (this.isClosed) {
      return;
    }
    this.isClosed = true;
    const error = new TransportError(`${this.#url}: ${why}`);
    this.#pending.forEach(({ refuse }) => refuse(error));
    this.#pending.clear();
    this.#running.forEach((subscription) => subscription.fail("LOST", error.message));
    this.#socket.close();
  }
}
