// Makes the explorer's libraries, each one module, from the packages that package-lock.json pins, with their licences and a
// manifest of versions and hashes:
//
//   npm run vendor    writes ../../src/explorer/vendor
//   npm run check     fails if what stands there is not what the packages make

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";

const VENDOR = new URL("../../src/explorer/vendor/", import.meta.url);
const here = (path) => new URL(path, import.meta.url);
const CLIENT = "../../../clients/typescript/";

/** The modules, what is in each, and where that comes from. */
const MODULES = [
  {
    file: "preact.js",
    contents: `export { h, render, Component, createContext } from "preact";
      export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext } from "preact/hooks";
      import { h } from "preact"; import htm from "htm"; export const html = htm.bind(h);`,
    from: ["preact", "htm"],
  },
  { file: "uplot.js", contents: `export { default } from "uplot";`, from: ["uplot"] },
];

async function module({ contents }) {
  const made = await build({
    stdin: { contents, resolveDir: fileURLToPath(here(".")) },
    absWorkingDir: fileURLToPath(here(".")),
    banner: { js: "// Made by `npm run vendor` in rpc/tests/web; don't edit. Licences stand in manifest.json beside it." },
    bundle: true,
    minify: true,
    legalComments: "none",
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return made.outputFiles[0].text;
}

const installed = async (folder, name) => {
  const { version, license } = JSON.parse(await readFile(here(`${folder}node_modules/${name}/package.json`), "utf8"));
  return { name, version, license };
};

/** Every file of the folder with its text, the manifest last. */
async function files() {
  const made = new Map();
  const modules = [];
  const add = async (file, text, from) => {
    made.set(file, text);
    modules.push({ file, sha256: createHash("sha256").update(text).digest("hex"), from });
  };
  for (const one of MODULES) {
    await add(one.file, await module(one), await Promise.all(one.from.map((name) => installed("", name))));
  }
  await add("uplot.css", await readFile(here("node_modules/uplot/dist/uPlot.min.css"), "utf8"), [await installed("", "uplot")]);
  const below = ["@noble/curves", "@noble/hashes", "@scure/base"];
  const client = await readFile(new URL("witan-client.js", VENDOR), "utf8");
  await add("witan-client.js", client, await Promise.all(below.map((name) => installed(CLIENT, name))));
  const licences = [];
  for (const [folder, name] of [["", "preact"], ["", "htm"], ["", "uplot"], ...below.map((name) => [CLIENT, name])]) {
    licences.push(`${name}\n${"=".repeat(name.length)}\n\n${await readFile(here(`${folder}node_modules/${name}/LICENSE`), "utf8")}`);
  }
  made.set("licences.txt", licences.map((text) => text.trim()).join("\n\n\n").concat("\n"));
  made.set("manifest.json", `${JSON.stringify({ licences: "licences.txt", modules }, null, 2)}\n`);
  return made;
}

let differs = false;
for (const [file, text] of await files()) {
  const place = new URL(file, VENDOR);
  if (!argv.includes("--check")) {
    await writeFile(place, text);
  } else if ((await readFile(place, "utf8").catch(() => "")) !== text) {
    console.error(`vendor/${file} is not what the packages make: npm run vendor`);
    differs = true;
  }
}
exit(differs ? 1 : 0);
