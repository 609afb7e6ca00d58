// Why something is not proved. The counterpart of light/src/error.rs, with its names.

/** Why something is not proved, for programs. */
export type ProofReason =
  /** It is about something else than what was asked for. */
  | "ANOTHER_SUBJECT"
  | "ANOTHER_TRANSACTION"
  | "BEFORE_THE_START"
  | "CONFLICTING_EPOCH"
  | "EPOCH_SKIPPED"
  | "FORGED_EPOCH"
  /** Of a format that this release does not read. */
  | "FORMAT"
  | "NO_SUCH_EPOCH"
  | "NOT_AN_EPOCH"
  | "NOT_HEARD"
  | "NOT_SIGNED"
  | "NOT_THE_CHECKPOINT"
  | "NOT_THE_END"
  | "NOT_THE_ROOT"
  | "OUTSIDE_EPOCH"
  | "PAYLOAD_OF_ANOTHER_BLOCK"
  | "ROOT_GROUP"
  /** No quorum of the committee signed. */
  | "SEAL"
  | "SEAL_OF_ANOTHER_BLOCK"
  | "SLOT_FROZEN"
  | "SLOT_NOT_OWNED"
  | "TOO_MANY_EPOCHS"
  | "UNKNOWN_EPOCH"
  | "UNKNOWN_GROUP"
  | "UNSOUND_EPOCH"
  | "WHOLE_SLOT_FROZEN"
  | "WRONG_CHAIN"
  | "WRONG_PARTS"
  | "WRONG_PATH"
  | "WRONG_RECEIPT"
  | "WRONG_SLOT";

/** Something that is not proved, with the reason. */
export class ProofError extends Error {
  override name = "ProofError";

  constructor(
    /** Why, for programs. */
    readonly reason: ProofReason,
    message: string,
  ) {
    super(message);
  }
}

export function refuse(reason: ProofReason, why: string): never {
  throw new ProofError(reason, `not proved: ${why}`);
}

/** A number of the wire that is surely exact here; no honest chain comes near 2^53 blocks. */
export function exact(value: bigint, what: string): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : refuse("FORMAT", `${what} ${value} is above 2^53`);
}
