// The wire format: borsh (https://borsh.io), which has exactly one encoding for each value, under a limit for each list and
// byte string. The counterpart of types/src/codec.rs. Codecs are put together from small ones, so that one description serves
// both directions.

import { type Bytes, concat, isBytes, shown, textBytes, utf8 } from "./bytes.js";

/** Bytes that are not the encoding of what was expected. */
export class MalformedError extends Error {
  override name = "MalformedError";
}

/** Reads and writes one type of value. */
export interface Codec<T> {
  /** Appends the encoding. Throws a `TypeError` or `RangeError` if the value is none of this type. */
  write(to: Writer, value: T): void;
  /** Takes one value. Throws a `MalformedError` if there is none. */
  read(from: Reader): T;
}

/** The type of the values of a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** The encoding of a value. */
export function encode<T>(codec: Codec<T>, value: T): Bytes {
  const to = new Writer();
  codec.write(to, value);
  return to.bytes();
}

/** The value that `bytes` encode, all of them; at most `limit` bytes. */
export function decode<T>(codec: Codec<T>, bytes: Bytes, limit: number): T {
  if (!isBytes(bytes)) {
    throw new MalformedError(`${shown(bytes)} is no bytes`);
  }
  if (bytes.length > limit) {
    throw new MalformedError(`${bytes.length} bytes, above the limit of ${limit}`);
  }
  const from = new Reader(bytes);
  const value = codec.read(from);
  from.end();
  return value;
}

/** Collects an encoding. */
export class Writer {
  private readonly parts: Bytes[] = [];

  raw(bytes: Bytes): void {
    this.parts.push(bytes);
  }

  /** A whole number of `size` bytes, little endian. */
  whole(value: bigint, size: number): void {
    let rest = BigInt.asUintN(8 * size, value);
    this.raw(
      Uint8Array.from({ length: size }, () => {
        const byte = Number(rest & 0xffn);
        rest >>= 8n;
        return byte;
      }),
    );
  }

  bytes(): Bytes {
    return concat(...this.parts);
  }
}

/** Takes values from bytes, and never more than there are. */
export class Reader {
  private at = 0;
  private readonly source: Bytes;

  constructor(source: Bytes) {
    // A Buffer's slices would share its memory.
    this.source = new Uint8Array(source.buffer, source.byteOffset, source.length);
  }

  take(length: number): Bytes {
    const end = this.at + length;
    if (end > this.source.length) {
      throw new MalformedError(`cut short: ${length} bytes wanted at ${this.at}, ${this.source.length} there are`);
    }
    const taken = this.source.slice(this.at, end);
    this.at = end;
    return taken;
  }

  whole(size: number): bigint {
    return this.take(size).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }

  /** The length of a list or byte string. */
  length(limit: number): number {
    const length = Number(this.whole(4));
    if (length > limit) {
      throw new MalformedError(`a length of ${length}, above ${limit}`);
    }
    return length;
  }

  end(): void {
    if (this.at !== this.source.length) {
      throw new MalformedError(`${this.source.length - this.at} bytes too many`);
    }
  }
}

function big(size: number, signed: boolean): Codec<bigint> {
  const bits = 8 * size;
  const fits = (value: bigint) => value === (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
  return {
    write(to, value) {
      if (typeof value !== "bigint" || !fits(value)) {
        throw new RangeError(`${shown(String(value))} is no ${signed ? "signed" : "unsigned"} number of ${bits} bits`);
      }
      to.whole(value, size);
    },
    read: (from) => (signed ? BigInt.asIntN(bits, from.whole(size)) : from.whole(size)),
  };
}

function small(size: number): Codec<number> {
  return {
    write(to, value) {
      if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
        throw new RangeError(`${shown(value)} is no unsigned number of ${8 * size} bits`);
      }
      to.whole(BigInt(value), size);
    },
    read: (from) => Number(from.whole(size)),
  };
}

export const u8 = small(1);
export const u16 = small(2);
export const u32 = small(4);
export const u64 = big(8, false);
export const u128 = big(16, false);
export const i128 = big(16, true);

export const bool: Codec<boolean> = {
  write: (to, value) => u8.write(to, value ? 1 : 0),
  read(from) {
    const byte = u8.read(from);
    if (byte > 1) {
      throw new MalformedError(`${byte} stands for neither true nor false`);
    }
    return byte === 1;
  },
};

/** Exactly this many bytes, without a length. */
export function fixed(length: number): Codec<Bytes> {
  return {
    write(to, value) {
      if (!isBytes(value) || value.length !== length) {
        throw new TypeError(`expected ${length} bytes, got ${shown(value)}`);
      }
      to.raw(value);
    },
    read: (from) => from.take(length),
  };
}

/** A byte string of at most `limit` bytes. */
export function bytes(limit: number): Codec<Bytes> {
  return {
    write(to, value) {
      if (!isBytes(value) || value.length > limit) {
        throw new RangeError(`expected at most ${limit} bytes, got ${shown(value)}`);
      }
      u32.write(to, value.length);
      to.raw(value);
    },
    read: (from) => from.take(from.length(limit)),
  };
}

/** Text of at most `limit` bytes of UTF-8. */
export function text(limit: number): Codec<string> {
  const raw = bytes(limit);
  return {
    write: (to, value) => raw.write(to, textBytes(value)),
    read(from) {
      const found = utf8(raw.read(from));
      if (found === undefined) {
        throw new MalformedError("a text is no UTF-8");
      }
      return found;
    },
  };
}

/** A list of at most `limit` items. */
export function list<T>(item: Codec<T>, limit: number): Codec<T[]> {
  return {
    write(to, values) {
      if (values.length > limit) {
        throw new RangeError(`a list of ${values.length}, above ${limit}`);
      }
      u32.write(to, values.length);
      values.forEach((value) => item.write(to, value));
    },
    read: (from) => Array.from({ length: from.length(limit) }, () => item.read(from)),
  };
}

/** A value or none. */
export function option<T>(item: Codec<T>): Codec<T | null> {
  return {
    write(to, value) {
      bool.write(to, value !== null);
      if (value !== null) {
        item.write(to, value);
      }
    },
    read: (from) => (bool.read(from) ? item.read(from) : null),
  };
}

// A value of any type may stand in a field, whose own codec judges it.
type Fields = Record<string, Codec<any>>;
type Struct<F extends Fields> = { [N in keyof F]: ValueOf<F[N]> };

/** Fields in their order. */
export function struct<F extends Fields>(fields: F): Codec<Struct<F>> {
  const entries = Object.entries(fields);
  return {
    write: (to, value) => entries.forEach(([name, codec]) => codec.write(to, value[name as keyof F])),
    read: (from) => Object.fromEntries(entries.map(([name, codec]) => [name, codec.read(from)])) as Struct<F>,
  };
}

/** One of several names, numbered from 0 in their order. */
export function oneOf<const N extends string>(...names: N[]): Codec<N> {
  return {
    write(to, value) {
      const number = names.indexOf(value);
      if (number < 0) {
        throw new TypeError(`${shown(value)} is none of ${names.join(", ")}`);
      }
      u8.write(to, number);
    },
    read(from) {
      const number = u8.read(from);
      const found = names[number];
      if (found === undefined) {
        throw new MalformedError(`number ${number} stands for none of ${names.join(", ")}`);
      }
      return found;
    },
  };
}

type Variants = Record<string, Fields>;
type Choice<K extends string, V extends Variants> = {
  [N in keyof V]: { [P in K]: N } & Struct<V[N]>;
}[keyof V];

/** One of several structures, numbered from 0 in their order; the field `tag` names which. */
export function choice<K extends string, V extends Variants>(tag: K, variants: V): Codec<Choice<K, V>> {
  const all = Object.entries(variants).map(([name, fields]) => ({ name, fields: struct(fields) }));
  return {
    write(to, value) {
      const found = all.findIndex(({ name }) => name === value[tag]);
      const variant = all[found];
      if (variant === undefined) {
        throw new TypeError(`${tag} ${shown(value[tag])} is none of ${all.map(({ name }) => name).join(", ")}`);
      }
      u8.write(to, found);
      variant.fields.write(to, value);
    },
    read(from) {
      const number = u8.read(from);
      const variant = all[number];
      if (variant === undefined) {
        throw new MalformedError(`there is no ${tag} ${number}`);
      }
      return { [tag]: variant.name, ...variant.fields.read(from) } as Choice<K, V>;
    },
  };
}
