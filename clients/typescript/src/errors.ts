// What can go wrong with a request: the node answers with an error, or no answer comes.

/** An error that a node answered: {code, message, data: {reason, retryable, hint, ...}}. docs/rpc.md lists them. */
export class WitanError extends Error {
  override name = "WitanError";
  /** The JSON-RPC error code. */
  readonly code: number;
  /** The most specific name of what is wrong, such as `BAD_SIGNATURE`; empty if the node gave none. */
  readonly reason: string;
  /** Whether the very same request may succeed later. */
  readonly retryable: boolean;
  /** The next step, for people. */
  readonly hint: string;
  /** Everything the node said beside code and message. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: number, message: string, data: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.data = data;
    this.reason = typeof data["reason"] === "string" ? data["reason"] : "";
    this.retryable = data["retryable"] === true;
    this.hint = typeof data["hint"] === "string" ? data["hint"] : "";
  }

  /** From the `error` of an answer, whatever it holds. */
  static from(error: unknown): WitanError {
    const { code, message, data } = (isObject(error) ? error : {}) as Record<string, unknown>;
    return new WitanError(
      typeof code === "number" ? code : -32603,
      typeof message === "string" ? message : "the node answered an error without a message",
      isObject(data) ? data : {},
    );
  }
}

/** No answer that can be read: the node is unreachable, too slow, or speaks something else. Whether it did anything is open. */
export class TransportError extends Error {
  override name = "TransportError";
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
