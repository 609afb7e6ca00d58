// The package works where only the web's own globals exist.

import { build } from "esbuild";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

const REPOSITORY = new URL("../../../", import.meta.url);
const json = (path: string) => JSON.parse(readFileSync(new URL(path, REPOSITORY), "utf8"));

async function bundle() {
  const found = await build({
    entryPoints: [fileURLToPath(new URL("../dist/index.js", import.meta.url))],
    bundle: true,
    platform: "browser",
    format: "iife",
    globalName: "witan",
    target: "es2022",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  return { ...found, text: found.outputFiles[0]?.text ?? assert.fail("no bundle") };
}

test("the bundle for browsers needs nothing of Node.js", async () => {
  const { metafile, warnings, text } = await bundle();
  const imports = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  assert.deepEqual(
    imports.filter((path) => path.startsWith("node:") || builtinModules.includes(path)),
    [],
  );
  assert.deepEqual(
    Object.values(metafile.outputs).flatMap(({ imports }) => imports),
    [],
  );
  assert.deepEqual(warnings, []);
  assert.doesNotMatch(text, /\b(require\(|process\.|Buffer\b)/);
});

test("in a context with the web's globals alone it proves, signs and calls", async () => {
  const { fetch, crypto, TextEncoder, TextDecoder, URL, AbortController, setTimeout, clearTimeout } = globalThis;
  const asked: unknown[] = [];
  const answering: typeof fetch = async (url, init) => {
    const { id, method } = JSON.parse(String(init?.body));
    asked.push([String(url), method]);
    return new Response(JSON.stringify({ jsonrpc: "2.0", id, result: { live: true } }));
  };
  class WebSocket {}
  const web = {
    fetch: answering,
    WebSocket,
    crypto,
    TextEncoder,
    TextDecoder,
    URL,
    AbortController,
    setTimeout,
    clearTimeout,
  };
  const context = createContext({
    ...web,
    genesis: json("cli/src/commands/verify/vectors/genesis.json"),
    shown: json("cli/src/commands/verify/vectors/bytes.json"),
  });
  runInContext((await bundle()).text, context);
  const run = (code: string) => runInContext(code, context);

  run("const proved = new witan.Verifier(genesis).verifyState(shown.proof, shown.key)");
  assert.deepEqual(run("[witan.utf8(proved.entry.value.value), proved.height, proved.trust].join()"), "blue,1,quorum");
  const tampered =
    "new witan.Verifier(genesis).verifyState({ ...shown.proof, bytes: shown.proof.bytes.replace('626c7565', '626c7564') }, shown.key)";
  assert.throws(() => run(tampered), /does not lead/);

  run("const key = witan.SecretKey.random()");
  run(
    "const built = witan.transaction({ chain: new witan.Verifier(genesis).chain, signer: key.address, ops: [{ op: 'put', key: 'a', value: 'b' }] })",
  );
  assert.match(run("witan.sign(built, key).tx"), /^0x[0-9a-f]+$/);

  assert.equal(
    await run("new witan.WitanClient('http://node.test').call('node_health').then((health) => health.live)"),
    true,
  );
  assert.deepEqual(asked, [["http://node.test", "node_health"]]);
  await assert.rejects(
    run("new witan.WitanClient('http://node.test', { token: 't' }).subscribe('consensus_subscribe', {})"),
    /can't send a token/,
  );
});
