// Made from openrpc.json by scripts/generate.mjs; don't edit.

/** An account: an ed25519 public key in bech32m. */
export type Account = string;

/** What an account has to do with a transaction of its list. */
export type AccountRole = "signer" | "recipient";

/** A transaction that an account signed, or that transfers to it, as a block decided it. */
export type AccountTransaction = {
  /** That block. */
  blockId: BlockId;
  /** The group that decided it. */
  group: GroupId;
  /** The height of the block that decided it. */
  height: number;
  /** What `from` takes to go on after it. */
  next: Position;
  /** Why it failed or was given up. */
  reason?: string | null;
  /** Who signed it. */
  signer: Account;
  /** How it ended: committed, failed or aborted. */
  status: TransactionState;
  /** Its id. */
  txId: TxId;
};

/** An account: the answer of `state_account`. */
export type AccountView = {
  /** Whose. */
  account: Account;
  /** Its balance; 0 for an account never heard of. */
  balance: Decimal;
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** When the balance was last written; 0 if never. */
  version: Decimal;
};

/** A change that operators approve and that has not happened. */
export type ApprovalView = {
  /** What it would change. */
  change: ChangeView;
  /** Its short name. */
  hash: Hash;
  /** Who approves it. */
  operators: TextAccount[];
};

/** What a line does to what travels over it. What is absent or 0 does nothing. */
export type BadLine = {
  /** At most so many bytes a second pass. */
  bytesPerSecond: number;
  /** Everything takes so many milliseconds longer; at most 60000. */
  delayMs: number;
  /** So many of 100 arrive twice. */
  duplicatePercent: number;
  /** And up to so many more, in order all the same; at most 60000. */
  jitterMs: number;
  /** So many of 100 messages are lost. */
  lossPercent: number;
  /** So many of 100 are overtaken by what is sent after them. */
  reorderPercent: number;
};

/** The answer of `tx_submitBatch`. */
export type BatchAnswer = {
  /** One a transaction, in the order given. */
  items: BatchItem[];
};

/** What became of one transaction of a batch. */
export type BatchItem = {
  /** How far it is. */
  status: TransactionState;
  /** Its id. */
  txId: TxId;
} | {
  /** Why: what `tx_submit` would have answered. */
  error: ErrorView;
};

/** The hash of a block's header. */
export type BlockId = string;

/** The news of `chain_subscribeBlocks`. */
export type BlockNews = FollowedBlock & {
  type: "block";
};

/** Blocks of one group: the answer of `chain_listBlocks`. */
export type BlockPage = {
  /** The blocks, in the order asked for, without their transactions. */
  items: BlockView[];
  /** Where the next page begins; null on the last. */
  nextCursor: string | null;
};

/** A transaction of a block, with its id. */
export type BlockTransaction = {
  /** The network it is for. */
  chain: ChainId;
  /** What must hold before, or nothing happens. */
  checks?: TransactionCheck[];
  /** When it expires, by block time. */
  expiresAtMs: number;
  /** What happens, in order. */
  ops?: TransactionOp[];
  /** Any number below 2^64: what tells apart two transactions that are otherwise the same. */
  salt: Decimal;
  /** The signer's ed25519 signature of the signing bytes. */
  signature: Hex;
  /** Whose it is. */
  signer: Account;
  /** Its id. */
  txId: TxId;
};

/** A block's transactions, in order of execution. */
export type BlockTransactions = TextId[] | BlockTransaction[];

/** A block: the answer of `chain_getBlock`. */
export type BlockView = {
  /** Its id. */
  blockId: BlockId;
  /** The group's epoch. */
  epoch: Epoch;
  /** The group whose chain it is in. */
  group: GroupId;
  /** Its height. */
  height: number;
  /** The block before. */
  parent: BlockId;
  /** What it commits to. */
  payloadRoot: Hash;
  /** Who made it. */
  proposer: ValidatorIndex;
  /** Its receipts; null like the state root. */
  receiptsRoot: Hash | null;
  /** Whether a seal for it is here. */
  sealed: boolean;
  /** The state after it; null for a block before the oldest whose result is kept. */
  stateRoot: Hash | null;
  /** Fixed at first proposal: HotStuff's round, Raft's term, 0 under PBFT. */
  tag: number;
  /** Its block time, Unix milliseconds. */
  timeMs: number;
  /** Number of transactions. */
  txCount: number;
  /** The transactions, as far as `txs` asked for them. */
  txs?: BlockTransactions | null;
};

/** Bytes of a key or a value: lowercase 0x hex, or as the request's `encoding` says. */
export type Bytes = string;

/** One network: the hash of its genesis. */
export type ChainId = string;

/** A change: one of `parameters` and `operators`, whole. */
export type ChangeView = {
  /** The operators from then on, if it changes those. */
  operators?: Operators | null;
  /** The parameters from then on, if it changes those. */
  parameters?: Parameters | null;
  /** The version that it makes. */
  version: number;
};

/** What operators may change: the answer of `chain_getConfiguration`. */
export type ConfigurationView = {
  /** What operators approve that has not happened. */
  approvals: ApprovalView[];
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** Who may change it, and how many have to agree. */
  operators: Operators;
  /** What all groups go by as soon as they have heard of it. */
  parameters: Parameters;
  /** Ascends by one with each change; 1 is what genesis says. */
  version: number;
};

/** The news of `consensus_subscribe`: what is different from the look before, each with how consensus stands now. */
export type ConsensusNews = ConsensusStatusView & {
  type: "view";
} | ConsensusStatusView & {
  type: "leader";
} | ConsensusStatusView & {
  type: "decided";
} | ConsensusStatusView & {
  type: "sealed";
} | ConsensusStatusView & {
  type: "timeout";
};

/** How consensus stands in a group, as this node sees it: the answer of `consensus_status`. */
export type ConsensusStatusView = {
  /** Height of the newest certified block. */
  certifiedHeight: number;
  /** Views that ended by time-out since the last one that did not. */
  consecutiveTimeouts: number;
  /** Height of the newest decided block. */
  decidedHeight: number;
  /** Its engine. */
  engine: EngineKind;
  /** The epoch. */
  epoch: Epoch;
  /** Height of the newest executed block. */
  executedHeight: number;
  /** What its members may do wrong. */
  faults: FaultModel;
  /** The group. */
  group: GroupId;
  /** Who leads it. */
  leader: ValidatorIndex | null;
  /** Height of the newest sealed block. */
  sealedHeight: number;
  /** Validators heard to have given up the current view. */
  timedOut: ValidatorIndex[];
  /** Whether the view's timer runs; it does only while there is work. */
  timerRunning: boolean;
  /** The engine's round, view or term. */
  view: number;
};

/** Which way nothing passes between two nodes. */
export type CutDirection = "both" | "in" | "out";

/** A whole number of any size from 0 up, as a decimal string. */
export type Decimal = string;

/** Who opened a connection. */
export type Direction = "inbound" | "outbound";

/** How state keys and values are written, in a request and in its answer. */
export type Encoding = "hex" | "utf8" | "base64";

/** A consensus engine, as genesis and users name it. */
export type EngineKind = "hotstuff" | "pbft" | "raft";

/** One engine instance in the life of a group; the first is 1. */
export type Epoch = number;

/** A validator that runs a group in an epoch. */
export type EpochMemberView = {
  /** Its place in the group's committee: what seals and proposers name. */
  index: ValidatorIndex;
  /** The key that it signs votes and seals with. */
  key: Hash;
  /** Its name. */
  name: string;
  /** Its network identity. */
  nodeId: NodeId;
  /** Its place among all validators. */
  place: ValidatorIndex;
};

/** Who runs a group in an epoch, and how: the answer of `chain_getEpoch`. */
export type EpochView = {
  /** After which block of the root group it stood so. */
  at: ReadPoint;
  /** The network. */
  chain: ChainId;
  /** Whether it is over. */
  closed: boolean;
  /** Its engine. */
  engine: EngineKind;
  /** Which of its epochs, from 1. */
  epoch: Epoch;
  /** What its members may do wrong. */
  faults: FaultModel;
  /** Which group. */
  group: GroupId;
  /**
   * The hash of the record as the epoch opened: what the epoch before names in its last seal, and what a checkpoint
   * names.
   */
  hash: Hash;
  /** Its last block; null while it goes on. */
  lastBlockId: BlockId | null;
  /** Its last block's height; null while it goes on. */
  lastHeight: number | null;
  /** How many faulty members it withstands. */
  maxFaulty: number;
  /** Its members, in the order of the committee. */
  members: EpochMemberView[];
  /** The proof, if asked for. */
  proof?: ProofView | null;
  /** How many members decide. */
  quorum: number;
  /** The record in its wire format: what an offline check reads. */
  record: Hex;
};

/** An error as it travels: the JSON-RPC error object. */
export type ErrorView = {
  /** The JSON-RPC error code. */
  code: number;
  /** `reason`, `retryable`, `hint` and more for Witan's own errors; anything, or nothing, for others. */
  data?: unknown;
  /** What is wrong, for people. */
  message: string;
};

/** What this node itself caught validators signing: the answer of `consensus_evidence`. */
export type EvidencePage = {
  /** By group, epoch, validator and kind of conflict. */
  items: EvidenceView[];
  /** Where the next page begins; null on the last. */
  nextCursor: string | null;
};

/** Two messages that no honest validator signs both of. */
export type EvidenceView = {
  /** What kind of conflict, such as "two votes in a round". */
  conflict: string;
  /** In which epoch. */
  epoch: Epoch;
  /** The first message. */
  first: SignedMessageView;
  /** In which group. */
  group: GroupId;
  /** The key that it signs with. */
  key: Hash;
  /** Its name in genesis. */
  name: string;
  /** The second. */
  second: SignedMessageView;
  /** When this node saw the second, by its own clock. */
  seenMs: number;
  /** Who signed both: its place in the group's committee. */
  validator: ValidatorIndex;
};

/** How one group stands on the node. */
export type ExplainedGroup = {
  /** Its engine. */
  engine: EngineKind;
  /** Which group. */
  group: GroupId;
  /** The last block executed here. */
  height: number;
  /** Who leads, if the node votes and knows it. */
  leader?: string | null;
  /** The members that can't be reached or don't vote. */
  missing: string[];
  /** In how many milliseconds the view is given up, if its timer runs. */
  nextTimeoutMs?: number | null;
  /** Whether it makes blocks, or would if there was work. */
  progressing: boolean;
  /** The number of members that a block needs. */
  quorum: number;
  /** The number of members that can be reached and vote, the node itself included. */
  reached: number;
  /** The last block with a seal here. */
  sealedHeight: number;
  /** The engine's round, view or term; 0 if the node does not vote. */
  view: number;
};

/** What the node does, or what keeps it from doing it: the answer of `node_explain`. */
export type Explanation = {
  /** What is wrong, the most important first; nothing if all is well. */
  findings: Finding[];
  /** How each group stands that the node hosts. */
  groups: ExplainedGroup[];
  /** Whether every group here makes blocks, or would if there was work. */
  progressing: boolean;
  /** Whether transactions can be expected to commit here; as in `node_health`. */
  ready: boolean;
  /** One paragraph for people. Its first sentence names the nodes concerned. */
  summary: string;
};

/** The kinds of faults. */
export type FaultKind = "clock" | "disk" | "diskFull" | "diskFailSync" | "network" | "line" | "byzantine" | "proposals" | "channel";

/** The faults that are staged on the node: the answer of `fault_list`. */
export type FaultList = {
  /** One a fault, oldest first. */
  items: FaultView[];
};

/** What faulty members may do. */
export type FaultModel = "byzantine" | "crash";

/** A fault that was staged: the answer of `fault_set`. */
export type FaultStaged = {
  /** Its number. */
  id: number;
};

/** A staged fault. */
export type FaultView = {
  /** In how many milliseconds it ends by itself, if it does. */
  endsInMs?: number | null;
  /** Its number. */
  id: number;
} & ({
  kind: "clock";
  /** So many milliseconds ahead; behind if negative. */
  offsetMs: number;
} | {
  /** Each sync takes so many milliseconds longer. */
  delayMs: number;
  kind: "disk";
} | {
  kind: "diskFull";
} | {
  kind: "diskFailSync";
} | {
  /** Which way nothing passes. */
  direction: CutDirection;
  /** Which, by name or node id. */
  drop: string[];
  kind: "network";
} | {
  kind: "line";
  /** What the line does. */
  line: BadLine;
  /** Which, by name or node id; null for all other validators. */
  nodes: string[] | null;
} | {
  /** How. */
  behaviour: Lie;
  kind: "byzantine";
} | {
  /** So many milliseconds late. */
  delayMs: number;
  /** The group. */
  group: GroupId;
  kind: "proposals";
} | {
  /** The group that speaks. */
  fromGroup: GroupId;
  kind: "channel";
  /** The group that should hear it. */
  toGroup: GroupId;
});

/** Faults that ended: the answer of `fault_clear`. */
export type FaultsCleared = {
  /** Their numbers. */
  cleared: number[];
};

/** One thing that is wrong. */
export type Finding = {
  /** What would fix it, for people. */
  fix: string;
  /** The group it is about, if it is about one. */
  group?: GroupId | null;
  /** The nodes concerned, by name; at most 8. */
  nodes: string[];
  /** What it is, as a name: `NO_QUORUM`, `DEAD_LEADER`, ... */
  reason: string;
  /** What is wrong, for people. */
  text: string;
};

/** A block, and where its reader then stands. */
export type FollowedBlock = {
  /** Its id. */
  blockId: BlockId;
  /** The group's epoch. */
  epoch: Epoch;
  /** The group whose chain it is in. */
  group: GroupId;
  /** Its height. */
  height: number;
  /** What `from` takes to go on after it. */
  next: Position;
  /** The block before. */
  parent: BlockId;
  /** What it commits to. */
  payloadRoot: Hash;
  /** Who made it. */
  proposer: ValidatorIndex;
  /** Its receipts; null like the state root. */
  receiptsRoot: Hash | null;
  /** Whether a seal for it is here. */
  sealed: boolean;
  /** The state after it; null for a block before the oldest whose result is kept. */
  stateRoot: Hash | null;
  /** Fixed at first proposal: HotStuff's round, Raft's term, 0 under PBFT. */
  tag: number;
  /** Its block time, Unix milliseconds. */
  timeMs: number;
  /** Number of transactions. */
  txCount: number;
  /** The transactions, as far as `txs` asked for them. */
  txs?: BlockTransactions | null;
};

/** The first agreement of a network. */
export type Genesis = {
  /** All balances. */
  balances: GenesisBalance[];
  /** Whether fault injection and development accounts are allowed. */
  devnet: boolean;
  /** In a permissioned network the nodes that may connect beside the validators, without a vote. */
  followers?: NodeId[];
  /** All groups; group 0 is the root. */
  groups: GenesisGroup[];
  /** A name for people; part of the chain's id like all else. */
  name: string;
  /** Who may change the configuration, and how many of them it takes. Without operators it stays as it is. */
  operators?: Operators;
  /** Shared numbers. */
  parameters: Parameters;
  /** Whether only listed nodes may connect: validators and followers. Raft requires it. */
  permissioned: boolean;
  /** Unix milliseconds; the time of the base blocks. */
  timeMs: number;
  /** All validators. */
  validators: GenesisValidator[];
};

/** A balance that exists from the start. Nothing else ever issues. */
export type GenesisBalance = {
  /** Whose. */
  account: Account;
  /** How much, as a decimal string. */
  balance: Decimal;
};

/** A group at genesis. */
export type GenesisGroup = {
  /** Its engine. */
  engine: EngineKind;
  /** Which group. */
  id: GroupId;
  /**
   * Which validators are its members, by their places in the list of validators, ascending; none means all. All are
   * members of the root group.
   */
  members?: number[] | null;
};

/** A validator: its place in the list is its place in every group it is a member of. */
export type GenesisValidator = {
  /** What it signs votes and seals with. */
  key: PublicKey;
  /** A name for people. */
  name: string;
  /** Its network identity. */
  node: NodeId;
};

/** The first agreement of the network: the answer of `chain_getGenesis`. */
export type GenesisView = {
  /** The hash of `genesis`. */
  chain: ChainId;
  /** The document, as it stands in a genesis file. */
  genesis: Genesis;
  /** The engine of each group in its first epoch, and what that trusts its members with. */
  groups: GroupEngine[];
};

/** How a group decides. */
export type GroupEngine = {
  /** Its engine. */
  engine: EngineKind;
  /** What its members may do wrong. */
  faults: FaultModel;
  /** Which group. */
  group: GroupId;
};

/** A group of validators with one engine, one chain, one state. 0 is the root group; user groups are 1 and up. */
export type GroupId = number;

/** How one group stands on this node. */
export type GroupStatus = {
  /** Its id. */
  blockId: BlockId;
  /** How many of them are connected to this node, itself included. */
  connectedValidators: number;
  /** Its engine. */
  engine: EngineKind;
  /** What its members may do wrong. */
  faults: FaultModel;
  /** Which group. */
  group: GroupId;
  /** The last block executed here. */
  height: number;
  /** Who leads it. */
  leader: ValidatorIndex | null;
  /** Transactions waiting here. */
  mempool: number;
  /** The last block with a seal here. */
  sealedHeight: number;
  /** The state after that. */
  sealedStateRoot: Hash;
  /** The state after it. */
  stateRoot: Hash;
  /** Whether the node is catching up. */
  syncing: boolean;
  /** Number of validators. */
  validators: number;
  /** The engine's round, view or term. */
  view: number;
};

/** A SHA-256 hash, or a key of 32 bytes. */
export type Hash = string;

/** Whether the node lives and works: the answer of `node_health`, `/livez` and `/readyz`. */
export type Health = {
  /** What is behind the reasons, for people, and what would fix it. */
  details: string[];
  /** Whether its event loop turns. */
  live: boolean;
  /** Whether transactions can be expected to commit here. */
  ready: boolean;
  /** Why not, as names: `SYNCING`, `NO_QUORUM`, ... */
  reasons: string[];
};

/** Bytes as lowercase 0x hex. */
export type Hex = string;

/** Bytes in a list, always as `0x` hex. */
export type HexBytes = Hex;

/** A version of a key. */
export type HistoryItem = {
  /** That block. */
  blockId: BlockId;
  /** The height of the block that did it. */
  height: number;
  /** Its time. */
  timeMs: number;
  /** Which of these it is; null for nothing. */
  type: ValueType | null;
  /** What the key holds: bytes, a list of bytes, or a decimal string; null for nothing. */
  value: ValueForms | null;
  /** When it was written; 0 if it was deleted. */
  version: Decimal;
};

/** The versions of a key, newest first: the answer of `state_history`. */
export type HistoryPage = {
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** The versions: the newest of each block that changed the key. */
  items: HistoryItem[];
  /** Where the next page begins; null on the last. */
  nextCursor: string | null;
};

/** Where a key lives: the answer of `shard_forKey`. */
export type KeyShardView = {
  /** The group that owns the slot. */
  group: GroupId;
  /** Its slot, of 4,096. */
  slot: number;
};

/** The last notification of a subscription that the node ends. */
export type Last = {
  type: "end";
} | {
  /** Always true. */
  lagged: boolean;
  /** What `from` takes to go on after the last news sent. */
  resumeFrom: Position[];
  type: "lagged";
} | {
  /** Why. */
  error: ErrorView;
  /** What `from` takes to go on after the last news sent. */
  resumeFrom: Position[];
  type: "error";
};

/** How a validator lies. */
export type Lie = "mute" | "equivocate" | "delay" | "withhold" | "replay" | "corrupt" | "mislead-sync" | "false-shares";

/** A block without its payload, with all that is needed to judge it: the answer of `chain_getLightBlock`. */
export type LightBlockView = {
  /** Its id. */
  blockId: BlockId;
  /** The network. */
  chain: ChainId;
  /** Header and seal in their wire format: what an offline check reads. */
  encoded: Hex;
  /** The group's epoch. */
  epoch: Epoch;
  /**
   * From each epoch of the root group so far to the next, oldest first, in their wire format: the last block of the one
   * and the record of the other. Empty while the root group is in its first epoch.
   */
  epochs: HexBytes[];
  /** The group whose chain it is in. */
  group: GroupId;
  /** Its height. */
  height: number;
  /** The next epoch's record, if the block ends its epoch. */
  nextEpoch: Hash | null;
  /** Its messages to other groups. */
  outboxRoot: Hash;
  /** The block before. */
  parent: BlockId;
  /** What it carries. */
  payloadRoot: Hash;
  /** Who made it. */
  proposer: ValidatorIndex;
  /** Its receipts. */
  receiptsRoot: Hash;
  /** Who signed, ascending. */
  signers: ValidatorIndex[];
  /** The state after it. */
  stateRoot: Hash;
  /** Fixed at first proposal: HotStuff's round, Raft's term, 0 under PBFT. */
  tag: number;
  /** Its block time, Unix milliseconds. */
  timeMs: number;
};

/** A transaction that has ended, in a list. */
export type ListedTransaction = {
  /** The group whose block decided it: of several the coordinator's. */
  group: GroupId;
  /** That block's height. */
  height: number;
  /** The place of its receipt among those of the block, from 0. */
  index: number;
  /** Why it failed or was given up. */
  reason?: string | null;
  /** In a list of one account, what it has to do with the transaction. */
  role?: AccountRole | null;
  /** Whether that block has a seal here. */
  sealed: boolean;
  /** Who signed it. */
  signer: Account;
  /** How it ended: committed, failed or aborted. */
  status: TransactionState;
  /** That block's time. */
  timeMs: number;
  /** Its id. */
  txId: TxId;
};

/** What others may do with a locked key until the decision. */
export type LockMode = "read" | "write" | "add";

/** The locks of a group, transaction by transaction: the answer of `shard_locks`. */
export type LockPage = {
  /** One a transaction and key. */
  items: LockView[];
  /** Where the next page begins; null on the last. Locks come and go between pages. */
  nextCursor: string | null;
};

/** A key that a transaction across groups has locked. */
export type LockView = {
  /** What an add reserves: a decimal number, below zero if it takes away. */
  delta?: string | null;
  /** The key. */
  key: Bytes;
  /** How it is locked. */
  mode: LockMode;
  /** The block of the group since which the transaction is under way there. */
  sinceHeight: number;
  /** The transaction. */
  txId: TxId;
};

/** A key that another transaction keeps it from. */
export type LockedKeyView = {
  /** The group that owns the key. */
  group: GroupId;
  /** The key. */
  key: Bytes;
  /** A transaction that holds it, or claims it since it has waited for longer. */
  txId: TxId;
};

/** Values at several keys: the answer of `state_getMany`. */
export type ManyValues = {
  /** Where the read stands in each group it touched. */
  at: ReadPoint[];
  /** In the order of the keys asked for. */
  items: ScanItem[];
};

/** The mempools of this node: the answer of `mempool_status`. */
export type MempoolStatus = {
  /** One a group, or the one asked for. */
  items: MempoolView[];
};

/** The mempool of one group. */
export type MempoolView = {
  /** Their bytes. */
  bytes: number;
  /** The group. */
  group: GroupId;
  /** The most bytes that may wait. */
  maxBytes: number;
  /** The most transactions that may wait. */
  maxTransactions: number;
  /** Transactions waiting. */
  transactions: number;
};

/** This node on the network: the answer of `net_info`. */
export type NetInfo = {
  /** Where it listens. */
  listen: string[];
  /** Its network identity. */
  nodeId: NodeId;
  /** Connected peers. */
  peers: number;
  /** Whether only listed nodes may connect. */
  permissioned: boolean;
  /** How many of them are validators. */
  validators: number;
};

/** The ed25519 public key of a node's network identity. */
export type NodeId = string;

/** How the node stands: the answer of `node_status`. */
export type NodeStatus = {
  /** The network. */
  chain: ChainId;
  /** Whether genesis allows fault injection and development accounts. */
  devnet: boolean;
  /** Every group the node follows. */
  groups: GroupStatus[];
  /** The name in its configuration or, for a validator, in genesis. */
  name?: string | null;
  /** Its network identity. */
  nodeId: NodeId;
  /** Connected peers. */
  peers: number;
  /** Whether transactions can be expected to commit here. */
  ready: boolean;
  /** Why not, as names: `SYNCING`, `NO_QUORUM`, ... */
  reasons: string[];
  /** Its place among the validators, if it is one. */
  validator: ValidatorIndex | null;
  /** The release. */
  version: string;
};

/** One notification of a subscription. */
export type Notification = {
  /** Its number in the subscription: 1, 2, 3, ... */
  seq: number;
} & (Last | BlockNews);

/** One notification of a subscription. */
export type Notification2 = {
  /** Its number in the subscription: 1, 2, 3, ... */
  seq: number;
} & (Last | TransactionNews);

/** One notification of a subscription. */
export type Notification3 = {
  /** Its number in the subscription: 1, 2, 3, ... */
  seq: number;
} & (Last | StateNews);

/** One notification of a subscription. */
export type Notification4 = {
  /** Its number in the subscription: 1, 2, 3, ... */
  seq: number;
} & (Last | ConsensusNews);

/** The accounts that may change the configuration together. */
export type Operators = {
  /** Who they are. */
  accounts: Account[];
  /** How many of them have to approve the same change before it happens. */
  threshold: number;
};

/** In which order a list comes. */
export type Order = "asc" | "desc";

/** Numbers that all validators share. */
export type Parameters = {
  /** Milliseconds before the first time-out of a view. */
  baseTimeoutMs: number;
  /** Least milliseconds between blocks. */
  blockTimeMs: number;
  /** Milliseconds after which a group without work makes an empty block. */
  idleIntervalMs: number;
  /** The most bytes of transactions in a block. */
  maxBlockBytes: number;
  /** How far a block's time may be ahead of a voter's clock, in milliseconds. */
  maxDriftMs: number;
  /** The longest time-out of a view, in milliseconds. */
  maxTimeoutMs: number;
  /** How far ahead of block time a transaction may expire, in milliseconds. */
  maxTxLifetimeMs: number;
  /**
   * After how many milliseconds of its coordinator's block time a transaction across groups is given up if not every
   * group has answered.
   */
  prepareTimeoutMs: number;
  /** The same for a transaction that only reads. */
  readTimeoutMs: number;
};

/** Who is connected: the answer of `net_peers`. */
export type PeerList = {
  /** One a peer. */
  items: PeerView[];
};

/** One connected peer. */
export type PeerView = {
  /** Where it is; null while unknown. */
  address: string | null;
  /** Who opened the connection; null while unknown. */
  direction: Direction | null;
  /** Its name, if genesis lists it. */
  name?: string | null;
  /** Its network identity. */
  nodeId: NodeId;
  /** The last round trip, in microseconds. */
  roundTripUs?: number | null;
  /** Its place among the validators, if it is one. */
  validator: ValidatorIndex | null;
  /** What it says it runs, at most 64 printable characters. */
  version?: string | null;
};

/** A step of a transaction in one of its groups. The coordinator is the group of its first key. */
export type Phase = "pending" | "committed" | "failed" | "aborted" | "asked" | "prepared" | "refused" | "applied" | "released";

/** How a transaction across groups stands in one of them. */
export type PhaseView = {
  /** The group. */
  group: GroupId;
  /** The height of the block that took it; none if there is none yet, or the group has forgotten it. */
  height: number | null;
  /** Its newest step. */
  phase: Phase;
};

/** A place in a chain: what comes next there. */
export type Position = {
  /** The group. */
  group: GroupId;
  /** The first block that is not told to its end. */
  height: number;
  /** How many news of that block were told already. */
  index?: number;
};

/** What to sign: the answer of `tx_prepare`. */
export type PreparedView = {
  /** The exact bytes to sign with ed25519. */
  signingBytes: Hex;
  /** The id: the SHA-256 of those bytes. */
  txId: TxId;
};

/** A proof that an offline check judges by a genesis file alone. */
export type ProofView = {
  /** The proof. */
  bytes: Hex;
  /** How to read the bytes. */
  format: string;
};

/** An ed25519 public key. */
export type PublicKey = string;

/** Where a read stands: after which block of which group. */
export type ReadPoint = {
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
};

/** What a get returned. */
export type ReadView = {
  /** The key. */
  key: Bytes;
  /** Which of these it is; null for nothing. */
  type: ValueType | null;
  /** What the key holds: bytes, a list of bytes, or a decimal string; null for nothing. */
  value: ValueForms | null;
  /** When it was written; 0 if the key was absent. */
  version: Decimal;
};

/** One key with its value, in a list. */
export type ScanItem = {
  /** The key. */
  key: Bytes;
  /** Which of these it is; null for nothing. */
  type: ValueType | null;
  /** What the key holds: bytes, a list of bytes, or a decimal string; null for nothing. */
  value: ValueForms | null;
  /** When it was written; 0 if the key is absent. */
  version: Decimal;
};

/** A stretch of keys in order: the answer of `state_scan`. */
export type ScanPage = {
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** Keys with their values, ascending. */
  items: ScanItem[];
  /** Where the next page begins; null on the last. */
  nextCursor: string | null;
};

/** A quorum's signatures on a block's result: the answer of `chain_getSeal`. */
export type SealView = {
  /** The block. */
  blockId: BlockId;
  /** The whole seal in its wire format: what an offline check reads. */
  encoded: Hex;
  /** The epoch. */
  epoch: Epoch;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** The next epoch's record, if the block ends its epoch. */
  nextEpoch: Hash | null;
  /** Its messages to other groups. */
  outboxRoot: Hash;
  /** Its receipts. */
  receiptsRoot: Hash;
  /** Their signatures, in the same order, `0x` hex. */
  signatures: string[];
  /** Who signed, ascending. */
  signers: ValidatorIndex[];
  /** The state after it. */
  stateRoot: Hash;
};

/** The groups that hold keys: the answer of `shard_list`. */
export type ShardList = {
  /** One a group, ascending. */
  items: ShardView[];
};

/** A group that holds keys. */
export type ShardView = {
  /** Its engine. */
  engine: EngineKind;
  /** What its members may do wrong. */
  faults: FaultModel;
  /** The group. */
  group: GroupId;
  /**
   * The version of the configuration that made the parameters by which the group goes what they are; none if this node
   * does not host the group.
   */
  parametersVersion?: number | null;
  /** The slots it owns, as ranges in order. */
  slots: SlotRange[];
};

/** A whole number of any size, as a decimal string. */
export type SignedDecimal = string;

/** A message with its signature, which anyone can check with the key. */
export type SignedMessageView = {
  /** The exact bytes that are signed, domain included. */
  message: Hex;
  /** The signature, 64 bytes, by ed25519 under ZIP-215. */
  signature: Hex;
};

/** A transaction with its signature. */
export type SignedTransactionJson = {
  /** The network it is for. */
  chain: ChainId;
  /** What must hold before, or nothing happens. */
  checks?: TransactionCheck[];
  /** When it expires, by block time. */
  expiresAtMs: number;
  /** What happens, in order. */
  ops?: TransactionOp[];
  /** Any number below 2^64: what tells apart two transactions that are otherwise the same. */
  salt: Decimal;
  /** The signer's ed25519 signature of the signing bytes. */
  signature: Hex;
  /** Whose it is. */
  signer: Account;
};

/** What would become of a transaction. */
export type SimulatedState = "committed" | "failed" | "aborted" | "deferred" | "repeated";

/** What would become of a transaction in the next blocks if nothing else happened: the answer of `tx_simulate`. */
export type SimulationView = {
  /** The newest block of each of its groups, on whose state its part was tried. They are no snapshot of one moment. */
  at: ReadPoint[];
  /** The keys that others keep it from. */
  locked?: LockedKeyView[];
  /**
   * What would come out. One that waits says `LOCKED` or `NO_ROOM`. The versions of what it wrote itself are made up.
   */
  result: TransactionResult;
  /** What would become of it. */
  status: SimulatedState;
  /** Its id. */
  txId: TxId;
  /** What it would change, group by group, ascending by key. */
  writes: WriteView[];
};

/** Slots next to each other. */
export type SlotRange = {
  /** The first. */
  first: number;
  /** The last, itself included. */
  last: number;
};

/** All that a slot holds: the answer of `state_getSlot`. */
export type SlotView = {
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** Every key in it with its value, ascending. */
  items: ScanItem[];
  /** The proof, if asked for. */
  proof?: ProofView | null;
  /** Which slot. */
  slot: number;
};

/** A key as a block left it. What several transactions of one block did to it is one change. */
export type StateChange = {
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** The key. */
  key: Bytes;
  /** What `from` takes to go on after it. */
  next: Position;
  /** What the key holds now; null if the block deleted it. */
  value: ValueForms | null;
  /** Which kind of value it is; null if the block deleted it. */
  valueType: ValueType | null;
  /** The version it got; 0 if the block deleted it. */
  version: Decimal;
};

/** The news of `state_subscribe`. */
export type StateNews = StateChange & {
  type: "change";
};

/** The value at a key: the answer of `state_get`. */
export type StateValue = {
  /** The block. */
  blockId: BlockId;
  /** The group. */
  group: GroupId;
  /** The block's height. */
  height: number;
  /** The key asked for. */
  key: Bytes;
  /** The proof, if asked for. */
  proof?: ProofView | null;
  /** Which of these it is; null for nothing. */
  type: ValueType | null;
  /** What the key holds: bytes, a list of bytes, or a decimal string; null for nothing. */
  value: ValueForms | null;
  /** When it was written; 0 if the key is absent. */
  version: Decimal;
};

/** An account in a list. */
export type TextAccount = Account;

/** A transaction id in a list. */
export type TextId = TxId;

/** What must hold before a transaction does anything. */
export type TransactionCheck = {
  check: "absent";
  /** Which key. */
  key: Bytes;
} | {
  check: "exists";
  /** Which key. */
  key: Bytes;
} | {
  check: "value";
  /** Which key. */
  key: Bytes;
  /** The bytes. */
  value: Bytes;
} | {
  check: "version";
  /** Which key. */
  key: Bytes;
  /** The version. */
  version: Decimal;
} | {
  /** Whose. */
  account: Account;
  /** How much. */
  atLeast: Decimal;
  check: "balance";
};

/** The news of `tx_subscribe`. */
export type TransactionNews = TxStatusView & {
  type: "status";
} | AccountTransaction & {
  type: "tx";
};

/** What a transaction does. */
export type TransactionOp = {
  /** Which key. */
  key: Bytes;
  op: "put";
  /** The value. */
  value: Bytes;
} | {
  /** Which key. */
  key: Bytes;
  op: "delete";
} | {
  /** Which key. */
  key: Bytes;
  op: "append";
  /** The item. */
  value: Bytes;
} | {
  /** How much; below zero to take away. */
  delta: SignedDecimal;
  /** Which key. */
  key: Bytes;
  op: "add";
} | {
  /** How much. */
  amount: Decimal;
  op: "transfer";
  /** To whom. */
  to: Account;
} | {
  /** Which key. */
  key: Bytes;
  op: "get";
} | {
  /** The change, whole. */
  change: ChangeView;
  op: "approve";
};

/** Transactions, newest first: the answer of `tx_list`. */
export type TransactionPage = {
  /** The newest block of each group that the list covers; the same on every page. */
  at: ReadPoint[];
  /** The transactions; those of several groups by the time of their blocks. */
  items: ListedTransaction[];
  /** Where the next page begins; null on the last. */
  nextCursor: string | null;
};

/** What came out of a transaction. */
export type TransactionResult = {
  /** What its gets returned, in order. */
  reads?: ReadView[];
  /** Why it failed or was given up: `CHECK_FAILED`, `INSUFFICIENT_BALANCE`, `CONFLICT`, ... */
  reason?: string | null;
};

/** How far a transaction is. */
export type TransactionState = "unknown" | "accepted" | "pending" | "committed" | "failed" | "aborted" | "expired";

/** The hash of the bytes that a transaction's signer signs. */
export type TxId = string;

/** How a transaction stands: the answer of `tx_get` and `tx_submit`. */
export type TxStatusView = {
  /** Whether it is over in every group it touches, as this node has executed: an effect is visible in all of them. */
  applied: boolean;
  /** The group whose block decided it. */
  group?: GroupId | null;
  /** That block's height. */
  height?: number | null;
  /** For a cross-group one, how it stands in each group, the coordinator first. */
  phases?: PhaseView[];
  /** The proof of how it ended in every group it touches, if asked for. */
  proof?: ProofView | null;
  /** What came out, once executed or given up. */
  result?: TransactionResult | null;
  /** Whether that block has a seal here: the outcome is provable. */
  sealed: boolean;
  /** How far it is. */
  status: TransactionState;
  /** Its id. */
  txId: TxId;
};

/** A transaction without its signature. */
export type UnsignedTransaction = {
  /** The network it is for. */
  chain: ChainId;
  /** What must hold before, or nothing happens. */
  checks?: TransactionCheck[];
  /** When it expires, by block time. */
  expiresAtMs: number;
  /** What happens, in order. */
  ops?: TransactionOp[];
  /** Any number below 2^64: what tells apart two transactions that are otherwise the same. */
  salt: Decimal;
  /** Whose it is. */
  signer: Account;
};

/** A validator's place in its group's committee. */
export type ValidatorIndex = number;

/** Who decides in a group: the answer of `consensus_validators`. */
export type ValidatorSetView = {
  /** The epoch. */
  epoch: Epoch;
  /** What its members may do wrong. */
  faults: FaultModel;
  /** The group. */
  group: GroupId;
  /** The most faulty members that the group withstands. */
  maxFaulty: number;
  /** How many members decide. */
  quorum: number;
  /** The members, in order of their places. */
  validators: ValidatorView[];
};

/** One validator. */
export type ValidatorView = {
  /** Whether it is connected to this node, or is this node. */
  connected: boolean;
  /** Its place. */
  index: ValidatorIndex;
  /** What it signs votes and seals with, `0x` hex. */
  key: Hash;
  /** Its name in genesis. */
  name: string;
  /** Its network identity. */
  nodeId: NodeId;
};

/** A value as JSON has it. */
export type ValueForms = string | Bytes[];

export type ValueType = "bytes" | "list" | "counter" | "balance";

/** What runs: the answer of `node_version`. */
export type VersionView = {
  /** The commit it was built from, where the build knew it. */
  commit?: string | null;
  /** The engines it can run. */
  engines: EngineKind[];
  /** The release. */
  version: string;
};

/** How far a submission waits: each step includes those before. */
export type Wait = "accepted" | "committed" | "sealed" | "applied";

/** A key that a transaction would change. */
export type WriteView = {
  /** The group that owns it. */
  group: GroupId;
  /** The key. */
  key: Bytes;
  /** Which of these it is; null for nothing. */
  type: ValueType | null;
  /** What the key holds: bytes, a list of bytes, or a decimal string; null for nothing. */
  value: ValueForms | null;
};

/** Every method: its parameters, by name, and what it answers. */
export interface Methods {
  /** Describes every method: this very document, in the OpenRPC format. */
  "rpc.discover": {
    params: {};
    result: unknown;
  };
  /** How the node stands: identity, readiness, and each group's height, roots and view. */
  node_status: {
    params: {};
    result: NodeStatus;
  };
  /** Whether the node lives and works; what /livez and /readyz say. */
  node_health: {
    params: {};
    result: Health;
  };
  /** What the node does, or why it makes no progress and what would fix it. */
  node_explain: {
    params: {};
    result: Explanation;
  };
  /** What runs. */
  node_version: {
    params: {};
    result: VersionView;
  };
  /** The network's genesis, with the chain's id. */
  chain_getGenesis: {
    params: {};
    result: GenesisView;
  };
  /** What operators may change, and what they approve that has not happened. */
  chain_getConfiguration: {
    params: {};
    result: ConfigurationView;
  };
  /** One block. */
  chain_getBlock: {
    params: {
      /** The group whose chain it is in. */
      group: GroupId;
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
      group: GroupId;
      /** The first height; the latest if descending and absent, 0 if ascending and absent. */
      from?: number;
      /** Which way; descending if absent. */
      order?: Order;
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
      group: GroupId;
      /** The block's height. */
      height: number;
    };
    result: SealView;
  };
  /**
   * A block without its payload: header, seal, and the steps to the newest epoch of the root group, for offline checks.
   */
  chain_getLightBlock: {
    params: {
      /** The group. */
      group: GroupId;
      /** Which block, of those that have a seal; the newest sealed one if absent or latest. */
      at?: "latest" | "sealed" | number;
    };
    result: LightBlockView;
  };
  /** Who runs a group in an epoch, and how, as the root group has it. */
  chain_getEpoch: {
    params: {
      /** The group. */
      group: GroupId;
      /** Which of its epochs, from 1; the newest if absent. */
      epoch?: number;
      /** Whether to add a proof that an offline check can judge. */
      prove?: boolean;
    };
    result: EpochView;
  };
  /** Turns an unsigned transaction into the exact bytes to sign, and its id. */
  tx_prepare: {
    params: {
      /** chain, signer, salt, expiresAtMs, checks and ops. */
      unsigned: UnsignedTransaction;
      /** How its keys and values are written; hex if absent. */
      encoding?: Encoding;
    };
    result: PreparedView;
  };
  /** Submits a signed transaction and waits for a step of its life. The same bytes again answer the same status. */
  tx_submit: {
    params: {
      /** The signed bytes, or the JSON form with its signature. */
      tx: Hex | SignedTransactionJson;
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
      txs: (Hex | SignedTransactionJson)[];
      /** How keys and values of JSON forms are written; hex if absent. */
      encoding?: Encoding;
    };
    result: BatchAnswer;
  };
  /** How a transaction stands. */
  tx_get: {
    params: {
      /** Its id. */
      txId: TxId;
      /** How keys and values of its reads are written; hex if absent. */
      encoding?: Encoding;
      /**
       * Whether to add a proof of how it ended in every group it touches; an error if it has not, or is not sealed,
       * yet.
       */
      prove?: boolean;
    };
    result: TxStatusView;
  };
  /** Transactions that have ended, newest first: of one account, signed by it or paying it, or of all. */
  tx_list: {
    params: {
      /** The account, witan1...; all if absent. */
      account?: Account;
      /**
       * The group that decided them, of several groups the coordinator; all that this node hosts if absent, merged by
       * block time.
       */
      group?: GroupId;
      /** Items on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before; it pins the newest block of each group. */
      cursor?: string;
    };
    result: TransactionPage;
  };
  /**
   * What would become of a transaction in the next blocks if nothing else happened, with nothing changed. Each part is
   * tried on the newest state of its group here: across groups that is no snapshot.
   */
  tx_simulate: {
    params: {
      /** The signed bytes, or the JSON form with its signature, which is checked. */
      tx?: Hex | SignedTransactionJson;
      /** Instead of tx: chain, signer, salt, expiresAtMs, checks and ops. */
      unsigned?: UnsignedTransaction;
      /** How keys and values are written, here and in the answer; hex if absent. */
      encoding?: Encoding;
    };
    result: SimulationView;
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
    result: ManyValues;
  };
  /**
   * All keys of one slot with their values: at most 4,096 keys and 1 MiB. The node walks all keys of the group to find
   * them, one such walk at a time, so it takes as long as there are keys.
   */
  state_getSlot: {
    params: {
      /** Which slot, 0 to 4095; instead of key. */
      slot?: number;
      /** A key of the slot. */
      key?: string;
      /** At which block to read; latest if absent. */
      at?: "latest" | "sealed" | number;
      /** Whether to add a proof that an offline check can judge, and that leaves no key out. */
      prove?: boolean;
      /** How keys and values are written; hex if absent. */
      encoding?: Encoding;
    };
    result: SlotView;
  };
  /**
   * Keys with their values, those with a prefix, or from start up to but without end: in order, group after group. A
   * page may have fewer than asked for, even none, where many keys are gone: what comes next begins at nextCursor until
   * that is null.
   */
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
    result: ScanPage;
  };
  /** What a key has held, newest first: one version for each block that changed it. */
  state_history: {
    params: {
      /** The key. */
      key: string;
      /** Items on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before; it pins the newest block. */
      cursor?: string;
      /** How key and values are written; hex if absent. */
      encoding?: Encoding;
    };
    result: HistoryPage;
  };
  /** An account's balance. */
  state_account: {
    params: {
      /** The account, witan1... */
      account: Account;
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
    result: ShardList;
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
  /**
   * The keys that transactions across groups have locked in a group, until they are decided. A page may have fewer than
   * asked for, even none, where many transactions are over: what comes next begins at nextCursor until that is null.
   */
  shard_locks: {
    params: {
      /** The group. */
      group: GroupId;
      /** Items on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before. */
      cursor?: string;
      /** How keys are written; hex if absent. */
      encoding?: Encoding;
    };
    result: LockPage;
  };
  /** What waits in the mempools of this node. */
  mempool_status: {
    params: {
      /** One group; all if absent. */
      group?: GroupId;
    };
    result: MempoolStatus;
  };
  /** This node on the network. */
  net_info: {
    params: {};
    result: NetInfo;
  };
  /** Who is connected to this node. */
  net_peers: {
    params: {};
    result: PeerList;
  };
  /** How consensus stands in a group, as this node sees it. */
  consensus_status: {
    params: {
      /** The group. */
      group: GroupId;
    };
    result: ConsensusStatusView;
  };
  /** Who decides in a group. */
  consensus_validators: {
    params: {
      /** The group. */
      group: GroupId;
      /** At which block; latest if absent. */
      at?: "latest" | "sealed" | number;
    };
    result: ValidatorSetView;
  };
  /**
   * Conflicting messages that this node itself caught validators signing, each pair checkable offline with the key.
   * Nodes do not tell each other of them.
   */
  consensus_evidence: {
    params: {
      /** Items on a page; 100 if absent, at most 1000. */
      limit?: number;
      /** nextCursor of the page before. */
      cursor?: string;
    };
    result: EvidencePage;
  };
  /** Stages a fault on this node. Only where genesis says devnet. */
  fault_set: {
    params: {
      /** What goes wrong. */
      kind: FaultKind;
      /** Clock: how many milliseconds it is ahead, or behind if negative; at most a day. */
      offsetMs?: number;
      /** Disk: how many milliseconds longer each sync takes; proposals: how many later they leave; at most 60000. */
      delayMs?: number;
      /** Network: names or ids of the nodes that nothing passes to or from; at most 64. */
      drop?: string[];
      /** Network: which way nothing passes; both if absent. */
      direction?: CutDirection;
      /** After how many milliseconds it ends by itself; at most an hour, never if absent. */
      forMs?: number;
      /** Line: names or ids of the nodes that it leads to, at most 64; all other validators if absent. */
      nodes?: string[];
      /** Line: what it does to what this node sends. */
      line?: BadLine;
      /** Byzantine: how the node lies, in every group that it is a member of. */
      behaviour?: Lie;
      /** Proposals: in which group. */
      group?: GroupId;
      /** Channel: the group that speaks. */
      fromGroup?: GroupId;
      /** Channel: the group that does not hear it. */
      toGroup?: GroupId;
    };
    result: FaultStaged;
  };
  /** The faults staged on this node. Only where genesis says devnet. */
  fault_list: {
    params: {};
    result: FaultList;
  };
  /** Ends a fault staged on this node, or all of them. Only where genesis says devnet. */
  fault_clear: {
    params: {
      /** The fault's number; all if absent. */
      id?: number;
    };
    result: FaultsCleared;
  };
  /** Follows the blocks of one group, or of all groups of the node: each block once, in the order of its chain. */
  chain_subscribeBlocks: {
    params: {
      /** One group; all that the node hosts if absent. */
      group?: GroupId;
      /**
       * The first block not seen yet: a height beside group, or a list of {group, height}; where absent, the next one.
       */
      from?: number | Position[];
      /** How much of the blocks' transactions to tell: none if absent. */
      txs?: "none" | "ids" | "full" | boolean;
      /** How keys and values of full transactions are written; hex if absent. */
      encoding?: Encoding;
    };
    result: string;
  };
  /** Ends a subscription that chain_subscribeBlocks started on this connection. */
  chain_unsubscribeBlocks: {
    params: {
      /** The subscription's id. */
      subscription: string;
    };
    result: boolean;
  };
  /** Follows one transaction to its end, or the transactions that an account signed or that transfer to it. */
  tx_subscribe: {
    params: {
      /** The transaction; this or account. */
      txId?: TxId;
      /** The account; this or txId. */
      account?: Account;
      /** Of an account: one group; all groups of the network if absent, which the node then has to host. */
      group?: GroupId;
      /** Of an account: the first block not seen yet, as for chain_subscribeBlocks. */
      from?: number | Position[];
      /** How keys and values of the transaction's reads are written; hex if absent. */
      encoding?: Encoding;
    };
    result: string;
  };
  /** Ends a subscription that tx_subscribe started on this connection. */
  tx_unsubscribe: {
    params: {
      /** The subscription's id. */
      subscription: string;
    };
    result: boolean;
  };
  /** Follows the keys that start with a prefix: one change a key and block, with the value that the block left. */
  state_subscribe: {
    params: {
      /** What the keys start with; 0x for every key. */
      prefix: string;
      /** One group; all groups of the network if absent, which the node then has to host. */
      group?: GroupId;
      /** The first block not seen yet, as for chain_subscribeBlocks. */
      from?: number | Position[];
      /** How prefix, keys and values are written; hex if absent. */
      encoding?: Encoding;
    };
    result: string;
  };
  /** Ends a subscription that state_subscribe started on this connection. */
  state_unsubscribe: {
    params: {
      /** The subscription's id. */
      subscription: string;
    };
    result: boolean;
  };
  /**
   * Follows how consensus stands. Looks now and then and tells what changed since: what came and went in between is not
   * told.
   */
  consensus_subscribe: {
    params: {
      /** One group; all that the node hosts if absent. */
      group?: GroupId;
    };
    result: string;
  };
  /** Ends a subscription that consensus_subscribe started on this connection. */
  consensus_unsubscribe: {
    params: {
      /** The subscription's id. */
      subscription: string;
    };
    result: boolean;
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
  TooManySubscriptions: -32006,
  Unauthorized: -32041,
  WaitTimeout: -32023,
  WebSocketOnly: -32042,
} as const;
