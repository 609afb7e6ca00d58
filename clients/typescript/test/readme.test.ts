// The example of README.md runs exactly as printed, and says what it should.

import { transform } from "esbuild";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WITHOUT_TESTNET, testnet } from "./support.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(PACKAGE, "README.md"), "utf8"))?.[1] ?? assert.fail("no example");

/** A folder inside the package, so that the example finds the package by its name. */
function folder(): string {
  return mkdtempSync(join(PACKAGE, "build", "readme-"));
}

test("the example of the README has right types", () => {
  const place = folder();
  try {
    writeFileSync(join(place, "example.ts"), example);
    const compilerOptions = { types: ["node"], noEmit: true, rootDir: PACKAGE };
    writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["example.ts"] }));
    execFileSync(process.execPath, [join(PACKAGE, "node_modules", "typescript", "bin", "tsc"), "-p", place], { encoding: "utf8" });
  } finally {
    rmSync(place, { recursive: true });
  }
});

test("the example of the README runs as printed", { skip: WITHOUT_TESTNET }, async () => {
  const place = folder();
  try {
    mkdirSync(join(place, ".witan"));
    symlinkSync(dirname(resolve(testnet().path)), join(place, ".witan", "local"));
    writeFileSync(join(place, "example.mjs"), (await transform(example, { loader: "ts" })).code);
    const said = execFileSync(process.execPath, ["example.mjs"], { cwd: place, encoding: "utf8", timeout: 60_000 });
    assert.match(said, /^committed in block \d+ of group \d+\nhello at height \d+, by the word of a (quorum|members)\n$/);
  } finally {
    rmSync(place, { recursive: true });
  }
});
