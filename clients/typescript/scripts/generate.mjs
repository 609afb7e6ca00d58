// Makes src/rpc-types.ts from a node's OpenRPC document, which is kept as openrpc.json:
//
//   npm run generate -- http://127.0.0.1:27001/openrpc.json
//   npm run generate                                          from openrpc.json as it stands
//
// JSON Schema (draft 2020-12) as far as that document uses it: what it does not know becomes `unknown`, never a wrong type.

import { readFile, writeFile } from "node:fs/promises";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

const SCHEMAS = "#/components/schemas/";
const MAX_LINE = 120;

/** The TypeScript file for an OpenRPC document. */
export function generate(document) {
  const schemas = Object.entries(document.components?.schemas ?? {});
  const errors = Object.entries(document.components?.errors ?? {});
  const methods = document.methods.map(method).join("");
  const codes = errors.map(([name, { code }]) => `  ${name}: ${code},\n`).join("");
  const parts = [
    "// Made from openrpc.json by scripts/generate.mjs; don't edit.\n",
    ...schemas.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, schema]) => declaration(name, schema)),
    `/** Every method: its parameters, by name, and what it answers. */\nexport interface Methods {\n${methods}}\n`,
    `/** Witan's own errors with the code of each. */\nexport const ERROR_CODES = {\n${codes}} as const;\n`,
  ];
  return parts.join("\n");
}

function declaration(name, schema) {
  return `${comment(schema.description, "")}export type ${identifier(name)} = ${typeOf(schema, "")};\n`;
}

function method({ name, summary, params, result }) {
  const fields = params.map((one) => field(one.name, one.schema, one.required === true, "      ", one.description));
  const given = fields.length === 0 ? "{}" : `{\n${fields.join("")}    }`;
  const answer = typeOf(result.schema, "    ");
  return `${comment(summary, "  ")}  ${property(name)}: {\n    params: ${given};\n    result: ${answer};\n  };\n`;
}

function field(name, schema, required, indent, description = schema.description) {
  return `${comment(description, indent)}${indent}${property(name)}${required ? "" : "?"}: ${typeOf(schema, indent)};\n`;
}

/** The type of a schema; its parts are joined by `&`, since all of them hold at once. */
function typeOf(schema, indent) {
  if (typeof schema === "boolean") {
    return schema ? "unknown" : "never";
  }
  const parts = [];
  if (schema.$ref !== undefined) {
    parts.push(reference(schema.$ref));
  }
  if (schema.const !== undefined) {
    parts.push(JSON.stringify(schema.const));
  } else if (schema.enum !== undefined) {
    parts.push(union(schema.enum.map((value) => JSON.stringify(value))));
  } else if (schema.type !== undefined) {
    parts.push(union([schema.type].flat().map((type) => plain(type, schema, indent))));
  } else if (schema.properties !== undefined) {
    parts.push(object(schema, indent));
  }
  for (const choice of [schema.oneOf, schema.anyOf].filter((given) => given !== undefined)) {
    parts.push(union(choice.map((one) => typeOf(one, indent))));
  }
  parts.push(...(schema.allOf ?? []).map((one) => typeOf(one, indent)));
  return parts.length === 0 ? "unknown" : parts.map((part) => (parts.length > 1 ? grouped(part) : part)).join(" & ");
}

function plain(type, schema, indent) {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return schema.prefixItems === undefined
        ? `${grouped(typeOf(schema.items ?? true, indent))}[]`
        : `[${schema.prefixItems.map((item) => typeOf(item, indent)).join(", ")}]`;
    case "object":
      return object(schema, indent);
    default:
      return "unknown";
  }
}

function object({ properties, required = [], additionalProperties = true }, indent) {
  const fields = Object.entries(properties ?? {});
  const others = typeof additionalProperties === "object" ? typeOf(additionalProperties, indent) : "unknown";
  if (fields.length === 0) {
    return additionalProperties === false ? "{}" : `{ [name: string]: ${others} }`;
  }
  // Other fields than these may come with a later release, and nobody should go by them.
  const inner = fields.map(([name, schema]) => field(name, schema, required.includes(name), `${indent}  `));
  return `{\n${inner.join("")}${indent}}`;
}

function reference(ref) {
  if (!ref.startsWith(SCHEMAS)) {
    throw new Error(`${ref} does not lead below ${SCHEMAS}`);
  }
  return identifier(decodeURIComponent(ref.slice(SCHEMAS.length)));
}

const identifier = (name) => name.replaceAll(/[^A-Za-z0-9_]/g, "_");
const property = (name) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name));
const union = (types) => [...new Set(types)].join(" | ");
const grouped = (type) => (/ [|&] /.test(type) && !/^\{[^{}]*\}$/.test(type) ? `(${type})` : type);

/** A comment of lines that are not too long. */
function comment(text, indent) {
  if (text === undefined || text === "") {
    return "";
  }
  const safe = text.replaceAll("*/", "* /").replaceAll(/\s+/g, " ").trim();
  if (indent.length + safe.length + 7 <= MAX_LINE) {
    return `${indent}/** ${safe} */\n`;
  }
  const lines = safe.match(new RegExp(`.{1,${MAX_LINE - indent.length - 3}}(?: |$)|\\S+`, "g")) ?? [];
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line.trim()}\n`).join("")}${indent} */\n`;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const own = new URL("../openrpc.json", import.meta.url);
  const source = argv[2] ?? own.pathname;
  const text = await (/^https?:/.test(source) ? fetch(source).then((answer) => answer.text()) : readFile(source, "utf8"));
  const given = JSON.parse(text);
  const document = given.result ?? given;
  if (pathToFileURL(source).href !== own.href) {
    await writeFile(own, `${JSON.stringify(document, null, 2)}\n`);
  }
  await writeFile(new URL("../src/rpc-types.ts", import.meta.url), generate(document));
}
