// Made from openrpc.json by scripts/generate.mjs; don't edit.

/** An account: an ed25519 public key in bech32m. */
export type Account = string;

export type AccountView = {
  account: Account;
  balance: Decimal;
  version: Decimal;
  group: GroupId;
  height: number;
  blockId: BlockId;
};

export type BatchAnswer = {
  items: BatchItem[];
};

/** What became of one transaction of a batch. */
export type BatchItem = {
  txId: TxId;
  status: TransactionState;
} | {
  error: ErrorView;
};

/** The hash of a block's header. */
export type BlockId = string;

export type BlockPage = {
  items: BlockView[];
  nextCursor: string | null;
};

export type BlockTransactions = TxId[] | { [name: string]: unknown }[];

/** A block: the answer of `chain_getBlock`. */
export type BlockView = {
  group: GroupId;
  height: number;
  blockId: BlockId;
  parent: BlockId;
  tag: number;
  epoch: Epoch;
  proposer: ValidatorIndex;
  timeMs: number;
  payloadRoot: Hash;
  stateRoot: Hash | null;
  receiptsRoot: Hash | null;
  txCount: number;
  sealed: boolean;
  txs?: BlockTransactions | null;
};

/** Bytes of a key or a value: lowercase 0x hex, or as the request's `encoding` says. */
export type Bytes = string;

/** One network: the hash of its genesis. */
export type ChainId = string;

/** A whole number of any size from 0 up, as a decimal string. */
export type Decimal = string;

export type Encoding = "hex" | "utf8" | "base64";

export type EngineKind = "hotstuff" | "pbft" | "raft";

/** One engine instance in the life of a group; the first is 1. */
export type Epoch = number;

export type ErrorView = {
  code: number;
  message: string;
  data?: unknown;
};

export type FaultModel = "byzantine" | "crash";

export type GenesisView = {
  chain: ChainId;
  genesis: { [name: string]: unknown };
  groups: GroupEngine[];
};

export type GroupEngine = {
  group: GroupId;
  engine: EngineKind;
  faults: FaultModel;
};

/** A group of validators with one engine, one chain, one state. 0 is the root group; user groups are 1 and up. */
export type GroupId = number;

/** A SHA-256 hash, or a key of 32 bytes. */
export type Hash = string;

/** Bytes as lowercase 0x hex. */
export type Hex = string;

export type KeyShardView = {
  slot: number;
  group: GroupId;
};

export type Order = "asc" | "desc";

export type Phase = "pending" | "committed" | "failed" | "aborted" | "asked" | "prepared" | "refused" | "applied" | "released";

/** How a transaction across groups stands in one of them. */
export type PhaseView = {
  group: GroupId;
  phase: Phase;
  height: number | null;
};

/** What to sign. */
export type PreparedView = {
  signingBytes: Hex;
  txId: TxId;
};

export type ProofView = {
  format: string;
  bytes: Hex;
};

/** What a get returned. */
export type ReadView = {
  key: Bytes;
  value: ValueForms | null;
  type: ValueType | null;
  version: Decimal;
};

export type SealView = {
  group: GroupId;
  epoch?: Epoch;
  height: number;
  blockId?: BlockId;
  stateRoot?: Hash;
  receiptsRoot?: Hash;
  outboxRoot?: Hash;
  nextEpoch?: Hash | null;
  signers?: ValidatorIndex[];
  signatures?: string[];
  encoded: Hex;
};

/** A whole number of any size, as a decimal string. */
export type SignedDecimal = string;

/** A value: the answer of `state_get`. */
export type StateValue = {
  key: Bytes;
  value: ValueForms | null;
  type: ValueType | null;
  version: Decimal;
  group: GroupId;
  height: number;
  blockId: BlockId;
  proof?: ProofView | null;
};

/** What came out of a transaction. */
export type TransactionResult = {
  reason?: string | null;
  reads?: ReadView[];
};

export type TransactionState = "unknown" | "accepted" | "pending" | "committed" | "failed" | "aborted" | "expired";

/** The hash of the bytes that a transaction's signer signs. */
export type TxId = string;

/** How a transaction stands. */
export type TxStatusView = {
  txId: TxId;
  status: TransactionState;
  result?: TransactionResult | null;
  group?: GroupId | null;
  height?: number | null;
  sealed: boolean;
  applied: boolean;
  phases?: PhaseView[];
};

/** A validator's place in its group's committee. */
export type ValidatorIndex = number;

/** A value as JSON has it. */
export type ValueForms = string | Bytes[];

export type ValueType = "bytes" | "list" | "counter" | "balance";

export type Wait = "accepted" | "committed" | "sealed" | "applied";

/** Every method: its parameters, by name, and what it answers. */
export interface Methods {
  /** Describes every method: this very document, in the OpenRPC format. */
  "rpc.discover": {
    params: {};
    result: { [name: string]: unknown };
  };
  /** How the node stands: identity, readiness, and each group's height, roots and view. */
  node_status: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** Whether the node lives and works; what /livez and /readyz say. */
  node_health: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** What runs. */
  node_version: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** The network's genesis, with the chain's id. */
  chain_getGenesis: {
    params: {};
    result: GenesisView;
  };
  /** What operators may change, and what they approve that has not happened. */
  chain_getConfiguration: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** One block. */
  chain_getBlock: {
    params: {
      /** The group whose chain it is in. */
      group: number;
      /** Which block; latest if absent. */
      at?: "latest" | "sealed" | number;
      /** How much of its transactions to answer: none if absent. */
      txs?: "none" | "ids" | "full" | boolean;
      /** How keys and values of full transactions are written; hex if absent. */
      encoding?: Encoding;
    };
    result: BlockView;
  };
  /** Blocks of one group, without their transactions. */
  chain_listBlocks: {
    params: {
      /** The group. */
      group: number;
      /** The first height; the latest if descending and absent, 0 if ascending and absent. */
      from?: number;
      /** Which way; descending if absent. */
      order?: "asc" | "desc";
      /** Blocks on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before. */
      cursor?: string;
    };
    result: BlockPage;
  };
  /** The seal of one block: a quorum's signatures on what came out of it. */
  chain_getSeal: {
    params: {
      /** The group. */
      group: number;
      /** The block's height. */
      height: number;
    };
    result: SealView;
  };
  /** Turns an unsigned transaction into the exact bytes to sign, and its id. */
  tx_prepare: {
    params: {
      /** chain, signer, salt, expiresAtMs, checks and ops. */
      unsigned: { [name: string]: unknown };
      /** How its keys and values are written; hex if absent. */
      encoding?: Encoding;
    };
    result: PreparedView;
  };
  /** Submits a signed transaction and waits for a step of its life. The same bytes again answer the same status. */
  tx_submit: {
    params: {
      /** The signed bytes, or the JSON form with its signature. */
      tx: string | { [name: string]: unknown };
      /** The step to wait for; committed if absent. */
      wait?: Wait;
      /** How long to wait, in milliseconds; 10000 if absent, at most 120000. */
      timeoutMs?: number;
      /** How keys and values are written, here and in the answer; hex if absent. */
      encoding?: Encoding;
    };
    result: TxStatusView;
  };
  /** Submits several signed transactions, each answered on its own, without waiting. */
  tx_submitBatch: {
    params: {
      /** The transactions; at most as many as the node's batch limit, 100 by default. */
      txs: (string | { [name: string]: unknown })[];
      /** How keys and values of JSON forms are written; hex if absent. */
      encoding?: Encoding;
    };
    result: BatchAnswer;
  };
  /** How a transaction stands. */
  tx_get: {
    params: {
      /** Its id. */
      txId: string;
      /** How keys and values of its reads are written; hex if absent. */
      encoding?: Encoding;
    };
    result: TxStatusView;
  };
  /** The value at a key. */
  state_get: {
    params: {
      /** The key. */
      key: string;
      /** At which block to read; latest if absent. */
      at?: "latest" | "sealed" | number;
      /** Whether to add a proof that an offline check can judge. */
      prove?: boolean;
      /** Whether to read what no earlier transaction can change any more, ordered as a transaction of its own. */
      strict?: boolean;
      /** How key and value are written; hex if absent. */
      encoding?: Encoding;
    };
    result: StateValue;
  };
  /** The values at several keys; strict: one snapshot of all groups, else one of each group. */
  state_getMany: {
    params: {
      /** The keys, at most 128. */
      keys: string[];
      /** At which block to read; latest if absent. */
      at?: "latest" | "sealed" | number;
      /** How keys and values are written; hex if absent. */
      encoding?: Encoding;
      /** Whether to read all of them at one moment, ordered as a transaction of its own. */
      strict?: boolean;
    };
    result: { [name: string]: unknown };
  };
  /** Keys with their values, those with a prefix, or from start up to but without end: in order, group after group. */
  state_scan: {
    params: {
      /** The prefix; instead of start and end. */
      prefix?: string;
      /** The first key. */
      start?: string;
      /** The first key beyond; all that follow if absent. */
      end?: string;
      /** Items on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before; it pins the height within a group. */
      cursor?: string;
      /** At which block to read; latest if absent. */
      at?: "latest" | "sealed" | number;
      /** How keys and values are written; hex if absent. */
      encoding?: Encoding;
    };
    result: { [name: string]: unknown };
  };
  /** An account's balance. */
  state_account: {
    params: {
      /** The account, witan1... */
      account: string;
      /** At which block to read; latest if absent. */
      at?: "latest" | "sealed" | number;
      /** Whether to read what no earlier transaction can change any more, ordered as a transaction of its own. */
      strict?: boolean;
    };
    result: AccountView;
  };
  /** The groups that hold keys, and the slots that each owns of the 4,096 that keys fall into. */
  shard_list: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** The slot that a key falls into, and the group that owns it. Keys with the same part in braces share a slot. */
  shard_forKey: {
    params: {
      /** The key. */
      key: string;
      /** How the key is written; hex if absent. */
      encoding?: Encoding;
    };
    result: KeyShardView;
  };
  /** The keys that transactions across groups have locked in a group, until they are decided. */
  shard_locks: {
    params: {
      /** The group. */
      group: number;
      /** Items on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before. */
      cursor?: string;
      /** How keys are written; hex if absent. */
      encoding?: Encoding;
    };
    result: { [name: string]: unknown };
  };
  /** What waits in the mempools of this node. */
  mempool_status: {
    params: {
      /** One group; all if absent. */
      group?: number;
    };
    result: { [name: string]: unknown };
  };
  /** This node on the network. */
  net_info: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** Who is connected to this node. */
  net_peers: {
    params: {};
    result: { [name: string]: unknown };
  };
  /** How consensus stands in a group, as this node sees it. */
  consensus_status: {
    params: {
      /** The group. */
      group: number;
    };
    result: { [name: string]: unknown };
  };
  /** Who decides in a group. */
  consensus_validators: {
    params: {
      /** The group. */
      group: number;
      /** At which block; latest if absent. */
      at?: "latest" | "sealed" | number;
    };
    result: { [name: string]: unknown };
  };
}

/** Witan's own errors with the code of each. */
export const ERROR_CODES = {
  BadParameter: -32602,
  CursorInvalid: -32034,
  FutureHeight: -32032,
  Internal: -32603,
  MempoolFull: -32022,
  NotFound: -32030,
  NotHosted: -32030,
  NotReady: -32033,
  Pruned: -32031,
  RateLimited: -32040,
  ReadAborted: -32024,
  Rejected: -32020,
  Unauthorized: -32041,
  WaitTimeout: -32023,
} as const;
