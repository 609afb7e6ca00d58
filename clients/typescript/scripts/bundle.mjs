// Makes the client of the explorer, one module for browsers, from src/ and the libraries below it:
//
//   npm run bundle               writes ../../rpc/src/explorer/vendor/witan-client.js
//   npm run bundle -- --check    fails if what stands there is not what src/ makes

import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { argv, exit } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Where the module stands. */
export const BUNDLE = new URL("../../../rpc/src/explorer/vendor/witan-client.js", import.meta.url);

/** What the explorer uses of the client. */
const NAMES =
  "Verifier, WitanClient, WitanError, TransportError, ProofError, MalformedError, SubscriptionError, toHex, fromHex, utf8";

/** The module's text. */
export async function bundle() {
  const made = await build({
    stdin: { contents: `export { ${NAMES} } from "./index.ts";`, resolveDir: fileURLToPath(new URL("../src", import.meta.url)) },
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    banner: { js: "// Made by `npm run bundle` in clients/typescript; don't edit. Licences stand in manifest.json beside it." },
    bundle: true,
    minify: true,
    legalComments: "none",
    platform: "browser",
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return made.outputFiles[0].text;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const text = await bundle();
  if (argv.includes("--check")) {
    if ((await readFile(BUNDLE, "utf8").catch(() => "")) !== text) {
      console.error("the explorer's client is not what src/ makes: npm run bundle");
      exit(1);
    }
  } else {
    await writeFile(BUNDLE, text);
  }
}
