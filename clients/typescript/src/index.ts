// A client of Witan: typed JSON-RPC, transactions signed locally, and proofs that need no trust in any node.

export { addressOf, publicKeyOf } from "./account.js";
export { fromHex, toHex, utf8 } from "./bytes.js";
export {
  type Answer,
  type BatchCall,
  type BatchResult,
  type CallOptions,
  type ClientOptions,
  type MethodName,
  type Params,
  WitanClient,
} from "./client.js";
export { MalformedError } from "./codec.js";
export { TransportError, WitanError } from "./errors.js";
export type { Engine } from "./epochs.js";
export { GenesisError } from "./genesis.js";
export { SecretKey, verifySignature } from "./keys.js";
export { slotOf } from "./merkle.js";
export type { Position } from "./positions.js";
export { ProofError, type ProofReason } from "./proof-error.js";
export type * as Rpc from "./rpc-types.js";
export { ERROR_CODES } from "./rpc-types.js";
export { type SubmitOptions, submit } from "./submit.js";
export {
  type Subscription,
  SubscriptionError,
  type SubscriptionName,
  type Subscriptions,
  type WebSocketLike,
} from "./subscription.js";
export {
  type CheckInput,
  type OpInput,
  type Signed,
  type Text,
  type TransactionInput,
  type Whole,
  decodeSigned,
  sign,
  signedWith,
  transaction,
  transactionId,
  transactionSigningBytes,
} from "./transaction.js";
export {
  type Checkpoint,
  type ProofInput,
  Verifier,
  type Verified,
  type VerifiedEntry,
  type VerifiedEpoch,
  type VerifiedHeader,
  type VerifiedOutcome,
  type VerifiedReceipt,
  type VerifiedSlot,
} from "./verifier.js";
export type {
  Change,
  Entry,
  EpochRecord,
  Outcome,
  Receipt,
  SignedTransaction,
  SlotEntry,
  Transaction,
} from "./wire.js";
