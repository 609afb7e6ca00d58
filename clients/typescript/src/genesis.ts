// Genesis: all that a verifier trusts. Its hash is the chain's id, and it names who may seal. The counterpart of
// types/src/genesis.rs: the same documents are taken, with the same defaults, and the same ones are refused.

import { publicKeyOf } from "./account.js";
import { type Bytes, fixedBytes, shown, textBytes, toHex } from "./bytes.js";
import type { ValueOf } from "./codec.js";
import {
  type EpochRecord,
  MAX_GROUPS,
  MAX_NAME_BYTES,
  MAX_OPERATORS,
  MAX_VALIDATORS,
  chainOf,
  type genesis as wire,
  type parameters,
} from "./wire.js";

type Genesis = ValueOf<typeof wire>;
type Parameters = ValueOf<typeof parameters>;
type Group = Genesis["groups"][number];

const MAX_FOLLOWERS = 1024;
const MAX_U128 = (1n << 128n) - 1n;

const DEFAULT_PARAMETERS: Parameters = {
  blockTimeMs: 0n,
  idleIntervalMs: 10_000n,
  baseTimeoutMs: 1_000n,
  maxTimeoutMs: 30_000n,
  maxTxLifetimeMs: 120_000n,
  maxDriftMs: 500n,
  maxBlockBytes: 524_288n,
  prepareTimeoutMs: 5_000n,
  readTimeoutMs: 1_000n,
};

/** A genesis that keeps its rules: the chain it starts, and the first epoch of each group. */
export interface TrustedGenesis {
  chain: Bytes;
  records: EpochRecord[];
}

/** A genesis that breaks a rule, or is none. */
export class GenesisError extends Error {
  override name = "GenesisError";
}

const require = (holds: boolean, rule: string): void => {
  if (!holds) {
    throw new GenesisError(`the genesis is refused: ${rule}`);
  }
};

/** Reads a genesis as JSON has it: the content of `genesis.json`. Throws a `GenesisError`. */
export function readGenesis(json: unknown): TrustedGenesis {
  let genesis: Genesis;
  try {
    genesis = fromJson(json);
    check(genesis);
    return {
      chain: chainOf(genesis),
      records: genesis.groups.map((group) => firstEpoch(genesis, group)),
    };
  } catch (error) {
    throw error instanceof GenesisError ? error : new GenesisError(`no genesis: ${(error as Error).message}`);
  }
}

type Json = Record<string, unknown>;

/** The fields of an object, none of which may be one that is not listed. */
function fields(value: unknown, what: string, allowed: string[]): Json {
  require(typeof value === "object" && value !== null && !Array.isArray(value), `${what}: expected an object`);
  const unknown = Object.keys(value as Json).find((name) => !allowed.includes(name));
  require(unknown === undefined, `${what} has an unknown field ${shown(unknown)}`);
  return value as Json;
}

function array(value: unknown, what: string): unknown[] {
  require(Array.isArray(value), `${what}: expected a list`);
  return value as unknown[];
}

function string(value: unknown, what: string): string {
  require(typeof value === "string", `${what}: expected text, got ${shown(value)}`);
  return value as string;
}

function flag(value: unknown, what: string): boolean {
  require(value === undefined || typeof value === "boolean", `${what}: expected true or false, got ${shown(value)}`);
  return value === true;
}

/** A whole number; above 2^53 JSON may have rounded it, so that the chain's id would be another one. */
function whole(value: unknown, what: string): number {
  require(Number.isSafeInteger(value) &&
    (value as number) >= 0, `${what}: expected a whole number below 2^53, got ${shown(value)}`);
  return value as number;
}

const hash = (value: unknown, what: string): Bytes => fixedBytes(string(value, what), 32, what);

function fromJson(json: unknown): Genesis {
  const all = fields(json, "genesis", [
    "name",
    "timeMs",
    "devnet",
    "permissioned",
    "validators",
    "followers",
    "operators",
    "groups",
    "balances",
    "parameters",
  ]);
  return {
    name: string(all["name"], "name"),
    timeMs: BigInt(whole(all["timeMs"], "timeMs")),
    devnet: flag(all["devnet"], "devnet"),
    permissioned: flag(all["permissioned"], "permissioned"),
    validators: array(all["validators"], "validators").map((value) => {
      const { name, key, node } = fields(value, "a validator", ["name", "key", "node"]);
      return { name: string(name, "name"), key: hash(key, "key"), node: hash(node, "node") };
    }),
    followers: array(all["followers"] ?? [], "followers").map((node) => hash(node, "followers")),
    operators: operatorsFrom(all["operators"]),
    groups: array(all["groups"], "groups").map((value) => {
      const { id, engine, members } = fields(value, "a group", ["id", "engine", "members"]);
      const places = members === undefined || members === null ? null : array(members, "members");
      return {
        id: whole(id, "id"),
        engine: string(engine, "engine") as Group["engine"],
        members: places?.map((at) => whole(at, "members")) ?? null,
      };
    }),
    balances: array(all["balances"], "balances").map((value) => {
      const { account, balance } = fields(value, "a balance", ["account", "balance"]);
      require(/^[0-9]{1,39}$/.test(
        string(balance, "balance"),
      ), `balance: expected decimal text, got ${shown(balance)}`);
      return { account: string(account, "account"), balance: BigInt(balance as string) };
    }),
    parameters: parametersFrom(all["parameters"]),
  };
}

function operatorsFrom(json: unknown): Genesis["operators"] {
  if (json === undefined) {
    return { accounts: [], threshold: 0 };
  }
  const { accounts, threshold } = fields(json, "operators", ["accounts", "threshold"]);
  return {
    accounts: array(accounts, "operators").map((account) => string(account, "operators")),
    threshold: whole(threshold, "threshold"),
  };
}

function parametersFrom(json: unknown): Parameters {
  const given = fields(json ?? {}, "parameters", Object.keys(DEFAULT_PARAMETERS));
  const entries = Object.entries(given).map(([name, value]) => [name, BigInt(whole(value, name))]);
  return { ...DEFAULT_PARAMETERS, ...Object.fromEntries(entries) };
}

function check(genesis: Genesis): void {
  const { validators, followers, permissioned, operators } = genesis;
  require(validators.length >= 1 &&
    validators.length <= MAX_VALIDATORS, `1 to ${MAX_VALIDATORS} validators are possible`);
  require(validators.every(
    ({ name }) => textBytes(name).length <= MAX_NAME_BYTES,
  ), `a validator's name has at most ${MAX_NAME_BYTES} bytes`);
  require(distinct(validators.map(({ key }) => toHex(key))), "two validators share a key");
  const nodes = [...validators.map(({ node }) => node), ...followers].map(toHex);
  require(distinct(nodes), "a node is listed twice");
  require(followers.length <= MAX_FOLLOWERS, `at most ${MAX_FOLLOWERS} followers are possible`);
  require(followers.length === 0 || permissioned, "followers are listed in permissioned networks alone");
  const count = operators.accounts.length;
  require(count <= MAX_OPERATORS && distinct(operators.accounts), `operators: at most ${MAX_OPERATORS}, none twice`);
  require(operators.threshold >= Math.min(1, count) &&
    operators.threshold <= count, `the threshold of ${count} operators is ${operators.threshold}`);
  operators.accounts.forEach(publicKeyOf);
  checkGroups(genesis);
  require(distinct(genesis.balances.map(({ account }) => account)), "an account is listed twice");
  require(genesis.balances.reduce((sum, { balance }) => sum + balance, 0n) <=
    MAX_U128, "all balances together exceed 128 bits");
  checkParameters(genesis.parameters);
}

const distinct = (names: string[]): boolean => new Set(names).size === names.length;

function checkGroups({ groups, permissioned, validators }: Genesis): void {
  const inOrder = groups.every(({ id }, place) => id === place);
  require(inOrder &&
    groups.length >= 2 &&
    groups.length <= MAX_GROUPS, `groups are 0, 1, 2, ..., 2 to ${MAX_GROUPS} of them`);
  require(permissioned ||
    groups.every(({ engine }) => engine !== "raft"), 'raft trusts its members: "permissioned" must be true');
  const ascending = (places: number[]) =>
    places.length > 0 && places.every((place, at) => place < validators.length && place > (places[at - 1] ?? -1));
  require(groups.every(
    ({ id, members }) => members === null || (id !== 0 && ascending(members)),
  ), "members are places of validators, ascending, at least one, and none are listed for the root group");
}

function checkParameters(given: Parameters): void {
  const within = (name: keyof Parameters, least: bigint, most = (1n << 64n) - 1n) =>
    require(given[name] >= least && given[name] <= most, `${name} must be ${least} to ${most}, and is ${given[name]}`);
  within("baseTimeoutMs", 10n);
  within("maxTimeoutMs", given.baseTimeoutMs, 3_600_000n);
  within("idleIntervalMs", 100n);
  within("blockTimeMs", 0n, given.baseTimeoutMs / 2n);
  within("maxTxLifetimeMs", 1_000n);
  within("prepareTimeoutMs", 10n, 3_600_000n);
  within("readTimeoutMs", 10n, given.prepareTimeoutMs);
  within("maxBlockBytes", 262_144n, 1_048_576n);
}

function firstEpoch({ validators }: Genesis, { id, engine, members }: Group): EpochRecord {
  const member = (place: number) => {
    const validator = validators[place];
    return validator === undefined ? [] : [{ ...validator, place, name: textBytes(validator.name) }];
  };
  const places = members ?? [...validators.keys()];
  return { group: id, epoch: 1n, engine, members: places.flatMap(member), closed: null };
}
