// The types of the RPC are those of openrpc.json, and what the generator does not know is never a wrong type.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const PACKAGE = new URL("../", import.meta.url);
const { generate } = (await import(new URL("scripts/generate.mjs", PACKAGE).href)) as {
  generate: (document: unknown) => string;
};
const read = (path: string) => readFileSync(new URL(path, PACKAGE), "utf8");

test("the types of the package are what openrpc.json says now", () => {
  assert.equal(
    read("src/rpc-types.ts"),
    generate(JSON.parse(read("openrpc.json"))),
    "run: npm run generate",
  );
});

test("every method of openrpc.json has a type", () => {
  const { methods } = JSON.parse(read("openrpc.json")) as { methods: { name: string }[] };
  assert.ok(methods.length >= 25);
  for (const { name } of methods) {
    assert.match(read("src/rpc-types.ts"), new RegExp(`^  "?${name}"?: \\{$`, "m"));
  }
});

test("the package has the version of the nodes whose document it is made from", () => {
  assert.equal(JSON.parse(read("package.json")).version, JSON.parse(read("openrpc.json")).info.version);
});

test("the lock file names no registry but npm's own", () => {
  const addresses = read("package-lock.json").match(/"resolved": "[^"]*/g) ?? [];
  assert.deepEqual(addresses.filter((address) => !address.startsWith('"resolved": "https://registry.npmjs.org/')), []);
});

/** The type that a schema becomes, as the result of a method. */
function typeOf(schema: unknown): string {
  const text = generate({ methods: [{ name: "m", params: [], result: { schema } }] });
  return /result: ([\s\S]*?);\n  \};\n\}/.exec(text)?.[1]?.replaceAll(/\s+/g, " ") ?? assert.fail(text);
}

test("each form of JSON Schema that nodes use becomes the type of its values", () => {
  const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  const cases: [unknown, string][] = [
    [{ type: "string", pattern: "^0x" }, "string"],
    [{ type: "integer", format: "uint64", minimum: 0 }, "number"],
    [{ type: ["integer", "null"] }, "number | null"],
    [{ type: "boolean" }, "boolean"],
    [{ enum: ["a", 1, null] }, '"a" | 1 | null'],
    [{ type: "string", enum: ["a", "b"] }, '"a" | "b"'],
    [{ oneOf: [{ type: "string", const: "a", description: "One." }, { const: "b" }] }, '"a" | "b"'],
    [{ anyOf: [ref("Hash"), { type: "null" }] }, "Hash | null"],
    [{ type: "array", items: ref("Hash") }, "Hash[]"],
    [{ type: "array", items: { type: ["string", "null"] } }, "(string | null)[]"],
    [{ type: "array", prefixItems: [ref("Hash"), { type: "integer" }] }, "[Hash, number]"],
    [{ type: "array" }, "unknown[]"],
    [{ type: "object" }, "{ [name: string]: unknown }"],
    [{ type: "object", additionalProperties: ref("Hash") }, "{ [name: string]: Hash }"],
    [{ type: "object", properties: { a: true, "b-c": ref("Hash") }, required: ["a"] }, '{ a: unknown; "b-c"?: Hash; }'],
    [{ ...ref("Hash"), description: "Beside a reference." }, "Hash"],
    [{ allOf: [ref("A"), ref("B")] }, "A & B"],
    [{ type: "object", properties: { a: ref("A") }, oneOf: [ref("B"), ref("C")] }, "{ a?: A; } & (B | C)"],
    [ref("Odd.Name"), "Odd_Name"],
    [true, "unknown"],
    [false, "never"],
    [{}, "unknown"],
    [{ type: "octonion" }, "unknown"],
  ];
  for (const [schema, type] of cases) {
    assert.equal(typeOf(schema), type, JSON.stringify(schema));
  }
  assert.throws(() => typeOf({ $ref: "https://elsewhere.test/schema" }), /does not lead below/);
});

test("parameters are required or optional as the document says, and comments can't end early", () => {
  const params = [
    { name: "key", required: true, schema: { type: "string" }, description: "A key */ and more." },
    { name: "at", required: false, schema: {} },
  ];
  const text = generate({
    methods: [{ name: "state_get", summary: "Reads.", params, result: { schema: {} } }],
    components: { errors: { Gone: { code: -1 } } },
  });
  assert.match(text, /\/\*\* A key \* \/ and more\. \*\/\n      key: string;\n      at\?: unknown;/);
  assert.match(text, /ERROR_CODES = \{\n  Gone: -1,\n\}/);
});
