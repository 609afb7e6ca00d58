// The example of README.md runs exactly as printed, and says what it should.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WITHOUT_TESTNET, testnet } from "./support.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

test("the example of the README runs as printed", { skip: WITHOUT_TESTNET }, () => {
  const example =
    /```js\n([\s\S]*?)```/.exec(readFileSync(join(PACKAGE, "README.md"), "utf8"))?.[1] ?? assert.fail("no example");
  // Inside the package, so that the example finds it by its name.
  const place = mkdtempSync(join(PACKAGE, "build", "readme-"));
  try {
    mkdirSync(join(place, ".witan"));
    symlinkSync(dirname(resolve(testnet().path)), join(place, ".witan", "local"));
    writeFileSync(join(place, "example.mjs"), example);
    const said = execFileSync(process.execPath, ["example.mjs"], { cwd: place, encoding: "utf8", timeout: 60_000 });
    assert.match(said, /^committed in block \d+ of group \d+\nhello at height \d+ \(trust: (quorum|members)\)\n$/);
  } finally {
    rmSync(place, { recursive: true });
  }
});
