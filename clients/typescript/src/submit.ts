// Submitting until the outcome is known, whichever node fails meanwhile.

import { type Answer, type ClientOptions, WitanClient } from "./client.js";
import { ERROR_CODES } from "./rpc-types.js";
import { TransportError, WitanError } from "./errors.js";
import type { Signed } from "./transaction.js";

export interface SubmitOptions extends ClientOptions {
  /** The step to wait for: `committed` if absent. `accepted` is not durable. */
  wait?: "accepted" | "committed" | "sealed" | "applied";
  /** How long one node is waited for before the next one is asked, in milliseconds; 10,000 if absent. */
  waitMs?: number;
  /** How long to go on, in milliseconds; until a minute after the transaction expired if absent. */
  deadlineMs?: number;
  /** How keys and values of reads are written; hex if absent. */
  encoding?: "hex" | "utf8" | "base64";
}

const DEFAULT_WAIT_MS = 10_000;
/** By then every node that works can tell what became of an expired transaction. */
const AFTER_EXPIRY_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Whether the next node may know more: not if every node would refuse the same, or if the transaction can't happen any more. */
function isOpen(error: unknown): error is Error {
  const isFinal = (code: number) => code === ERROR_CODES.Rejected || code === ERROR_CODES.BadParameter;
  const isRefused = (refusal: WitanError) => isFinal(refusal.code) || refusal.data["status"] === "expired";
  return error instanceof TransportError || (error instanceof WitanError && !isRefused(error));
}

/**
 * Submits the same bytes to one node after another until one tells how the transaction ended. That is safe: bytes are executed
 * once at most, however often they arrive, and every node answers the same outcome.
 *
 * Throws a `WitanError` if the transaction is refused, and the last error met if the time is over.
 */
export async function submit(
  nodes: readonly (string | WitanClient)[],
  signed: Signed,
  options: SubmitOptions = {},
): Promise<Answer<"tx_submit">> {
  const { wait = "committed", waitMs = DEFAULT_WAIT_MS, encoding = "hex" } = options;
  const clients = nodes.map((node) => (typeof node === "string" ? new WitanClient(node, options) : node));
  const until =
    options.deadlineMs === undefined ? signed.expiresAtMs + AFTER_EXPIRY_MS : Date.now() + options.deadlineMs;
  let last: Error = new TypeError("there is no node to submit to");
  for (let round = 0; clients.length > 0; round++) {
    let pause = Math.min(FIRST_PAUSE_MS * 2 ** round, LONGEST_PAUSE_MS);
    for (const client of clients) {
      const left = until - Date.now();
      if (left <= 0) {
        throw last;
      }
      try {
        return await client.call("tx_submit", { tx: signed.tx, wait, timeoutMs: Math.min(waitMs, left), encoding });
      } catch (error) {
        if (!isOpen(error)) {
          throw error;
        }
        last = error;
        const { retryAfterMs } = error instanceof WitanError ? error.data : {};
        pause = Math.max(pause, Math.min(Number(retryAfterMs ?? 0), LONGEST_PAUSE_MS));
      }
    }
    await new Promise((resume) => setTimeout(resume, Math.max(0, Math.min(pause, until - Date.now()))));
  }
  throw last;
}
