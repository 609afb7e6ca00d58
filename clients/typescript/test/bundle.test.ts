// The explorer verifies proofs with this client, so what it carries is what stands here.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const { BUNDLE, bundle } = (await import(new URL("../scripts/bundle.mjs", import.meta.url).href)) as {
  BUNDLE: URL;
  bundle: () => Promise<string>;
};

test("the explorer's copy of this client is made from these sources", async () => {
  assert.ok(readFileSync(BUNDLE, "utf8") === (await bundle()), "it is not: npm run bundle, and commit what that makes");
});
