// The explorer as a user has it: a real network, a real browser, and no answer made up but those that test a refusal.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { applied, client, far, first, keyOfEachGroup, keys, launch, signed, until } from "./support.mjs";

const UI = `${first.rpc}/ui`;
/** Where pictures go if they are asked for; else they go with the network. */
const KEPT = process.env.WITAN_SCREENSHOTS === "1" ? fileURLToPath(new URL("../../../docs/images/", import.meta.url)) : undefined;
const TABS = ["overview", "validators", "consensus", "network", "faults"];
/** How long the page may take to show what has happened. */
const PATIENCE = 30_000;

let browser, context, page, wrong, written;

/** Opens a page that notes everything that must not be. */
async function open(options = {}) {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  page = await context.newPage();
  wrong = [];
  await page.exposeBinding("noteViolation", (_source, what) => wrong.push(`policy: ${what}`));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => window.noteViolation(`${event.violatedDirective} ${event.blockedURI}`)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(`console: ${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
  page.on("request", (request) => new URL(request.url()).origin !== first.rpc && !request.url().startsWith("data:") && wrong.push(`request: ${request.url()}`));
  page.on("websocket", (socket) => new URL(socket.url()).host !== new URL(first.rpc).host && wrong.push(`websocket: ${socket.url()}`));
  return page;
}

const at = (id) => page.getByTestId(id);
const go = (place) => page.goto(`${UI}#/${place}`);
const shown = (id) => at(id).first().waitFor();

async function fits(what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${what} is ${over} px too wide`);
}

async function search(text) {
  await page.locator("body").press("/");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-testid")), "search", "/ leads to the search");
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

/** Those that README.md shows, by what they are called while the test runs. */
const OF_README = { "overview-at-work": "overview", followed: "transaction", "fault-verdict": "fault", "validators-1440-dark": "validators" };

async function picture(name) {
  if (KEPT === undefined) return page.screenshot({ path: `${process.env.WITAN_PICTURES}/${name}.png` });
  if (OF_README[name]) await page.screenshot({ path: `${KEPT}${OF_README[name]}.png` });
}

before(async () => {
  mkdirSync(KEPT ?? process.env.WITAN_PICTURES, { recursive: true });
  browser = await launch();
  const places = await keyOfEachGroup("fruit");
  const [apple, pear] = [...places.values()];
  const tx = signed([{ op: "put", key: apple, value: "red" }, { op: "put", key: pear, value: "green" }, { op: "add", key: "visits", delta: 3 }, { op: "transfer", to: keys[5].address, amount: 25 }]);
  const outcome = await applied(tx);
  assert.equal(outcome.status, "committed");
  written = { apple, pear, tx, outcome };
});
after(() => browser?.close());
beforeEach(() => open());
afterEach(async () => {
  await context.close();
  assert.deepEqual(wrong, []);
});

test("the page is served at /ui under a strict policy", async () => {
  for (const path of ["/ui", "/ui/app.js", "/ui/vendor/witan-client.js"]) {
    const answer = await fetch(`${first.rpc}${path}`, { redirect: "error" });
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
    const again = await fetch(`${first.rpc}${path}`, { headers: { "if-none-match": answer.headers.get("etag") } });
    assert.deepEqual([again.status, await again.text()], [304, ""], path);
  }
});

for (const [width, colorScheme] of [[1440, "light"], [1440, "dark"], [375, "light"], [375, "dark"]]) {
  test(`every tab at ${width} px in ${colorScheme} colours`, async () => {
    await context.close();
    await open({ viewport: { width, height: width < 500 ? 760 : 900 }, colorScheme });
    await go("");
    for (const tab of TABS) {
      await at(`tab-${tab}`).click();
      await shown(`page-${tab}`);
      assert.equal(await at(`tab-${tab}`).getAttribute("aria-current"), "page");
      await { overview: () => shown("blocks-1"), validators: () => shown("votes-grid"), consensus: () => shown("explain"), network: () => shown("peers"), faults: () => shown("expect-isolate") }[tab]();
      await fits(tab);
      await picture(`${tab}-${width}-${colorScheme}`);
    }
    for (const [name, place, id] of [["transaction", `tx/${written.tx.txId}`, "swimlanes"], ["block", `block/${written.outcome.group}/${written.outcome.height}`, "signers"],
      ["account", `account/${keys[0].address}`, "account-transactions"], ["key", `key/0x${Buffer.from(written.apple).toString("hex")}`, "proved"]]) {
      await go(place);
      await shown(id);
      await fits(name);
      await picture(`${name}-${width}-${colorScheme}`);
    }
  });
}

test("blocks come by themselves, in every group, and plots are drawn", async () => {
  await go("");
  await page.getByTestId("live").getByText("live").waitFor();
  for (const group of [0, 1, 2]) {
    const height = Number((await at(`height-${group}`).textContent()).replace(/\D/g, ""));
    await page.waitForFunction(([id, before]) => Number(document.querySelector(`[data-testid="blocks-${id}"] tbody a`).textContent.replace(/\D/g, "")) > before + 1, [group, height]);
  }
  assert.equal(await page.locator(".chart canvas").count(), 3);
  // Twelve rounds of work, each done before the next.
  for (let round = 1; round <= 12; round += 1) {
    const txs = Array.from({ length: round * 4 }, (_, at) => signed(["one", "other"].map((key) => ({ op: "put", key: `work-${round}-${at}-${key}`, value: "done" }))).tx);
    await client.call("tx_submitBatch", { txs });
    await applied(signed([{ op: "add", key: "work", delta: 1 }]));
  }
  const { group, height } = (await client.call("node_status")).groups[1];
  await page.waitForFunction(([id, least]) => Number(document.querySelector(`[data-testid="height-${id}"]`).textContent.replace(/\D/g, "")) >= least, [group, height]);
  await picture("overview-at-work");
});

test("a search of each kind leads to what was meant, from any page", async () => {
  await go("validators");
  await shown("votes-grid");
  await search(written.tx.txId);
  await shown("ladder");
  assert.equal(await at("tx-id").textContent().then((text) => text.trim()), written.tx.txId);
  await search(written.apple);
  await at("value").getByText("red").waitFor();
  await search(`0x${Buffer.from(written.pear).toString("hex")}`);
  await at("value").getByText("green").waitFor();
  await search(keys[5].address);
  await shown("balance");
  const { balance } = await client.call("state_account", { account: keys[5].address });
  assert.equal((await at("balance").textContent()).replace(/,/g, ""), balance);
  await search("2:1");
  await shown("block-header");
  const block = await client.call("chain_getBlock", { group: 2, at: 1 });
  assert.equal(await at("block-id").locator("[title]").first().getAttribute("title"), block.blockId);
  await search("1");
  await at("meanings").getByText("block 1 of group 1").click();
  await shown("block-header");
  const unknown = `0x${"ab".repeat(32)}`;
  await search(unknown);
  await at("meanings").getByText(`transaction ${unknown}`).waitFor();
  await search("2:999999999");
  await shown("error");
});

test("a transaction across groups is followed to applied on its page", async () => {
  const ops = [{ op: "put", key: written.apple, value: "yellow" }, { op: "put", key: written.pear, value: "brown" }];
  const tx = signed(ops);
  await go(`tx/${tx.txId}`);
  await shown("tx-unknown");
  const submitted = applied(tx);
  await page.locator('[data-testid="ladder"][data-status="committed"][data-applied="true"]').waitFor();
  const { phases } = await submitted;
  assert.deepEqual(phases.map(({ phase }) => phase), ["committed", "applied"]);
  const [coordinator, other] = phases.map(({ group }) => group);
  const word = (group, phase) => at(`lane-${group}-${phase}`).getAttribute("data-word");
  assert.deepEqual([await word(coordinator, "decision"), await word(other, "vote"), await word(other, "applied")], ["committed", "yes", "applied"]);
  await at("ops").getByText("yellow").waitFor();
  await page.locator('[data-testid="proof"][data-verdict="verified"]').waitFor();
  await picture("followed");
});

test("one that is given up across groups says where and why", async () => {
  const ops = [{ op: "put", key: written.apple, value: "blue" }, { op: "put", key: written.pear, value: "blue" }];
  const checks = [{ check: "exists", key: written.apple }, { check: "value", key: written.pear, value: "purple" }];
  const tx = signed(ops, keys[1], checks);
  await go(`tx/${tx.txId}`);
  await shown("tx-unknown");
  const { status, result, phases } = await applied(tx);
  assert.equal(status, "aborted");
  await page.locator('[data-testid="ladder"][data-status="aborted"][data-applied="true"]').waitFor();
  assert.equal(await at("reason").textContent(), result.reason);
  const word = (place, phase) => at(`lane-${phases[place].group}-${phase}`).getAttribute("data-word");
  assert.deepEqual([await word(0, "decision"), await word(1, "applied")], ["aborted", "released"]);
  await page.locator('[data-testid="proof"][data-verdict="verified"]').waitFor();
  await picture("given-up");
});

test("a proof is verified in the browser, and refused once a byte of it is another one", async () => {
  const key = `0x${Buffer.from("visits").toString("hex")}`;
  await go(`key/${key}`);
  await page.locator('[data-testid="proof"][data-verdict="verified"]').waitFor();
  assert.match(await at("seal-signers").textContent(), /^[34] validators$/);
  const { value } = await client.call("state_get", { key });
  await at("proved").getByText(value, { exact: true }).waitFor();
  let place = 0.5;
  await page.route(`${first.rpc}/`, async (route) => {
    const request = route.request().postDataJSON();
    if (request.method !== "state_get" || !request.params.prove) return route.continue();
    const answer = await route.fetch();
    const body = await answer.json();
    const { bytes } = body.result.proof;
    const digit = Math.floor(bytes.length * place);
    body.result.proof.bytes = `${bytes.slice(0, digit)}${bytes[digit] === "0" ? "1" : "0"}${bytes.slice(digit + 1)}`;
    await route.fulfill({ response: answer, json: body });
  });
  for (place of [0.2, 0.5, 0.8, 0.95]) {
    await at("prove").click();
    await page.locator('[data-testid="proof"][data-verdict="refused"]').waitFor();
    assert.equal(await page.locator('[data-testid="proof"][data-verdict="verified"]').count(), 0, "nothing says that it is verified");
    await page.reload();
    await page.locator('[data-testid="proof"][data-verdict="refused"]').waitFor();
  }
  await page.unroute(`${first.rpc}/`);
  await at("prove").click();
  await page.locator('[data-testid="proof"][data-verdict="verified"]').waitFor();
});

test("a genesis of another chain than the node says is refused", async () => {
  await page.route(`${first.rpc}/`, async (route) => {
    if (route.request().postDataJSON().method !== "chain_getGenesis") return route.continue();
    const answer = await route.fetch();
    const body = await answer.json();
    body.result.genesis.timeMs += 1;
    await route.fulfill({ response: answer, json: body });
  });
  await go(`key/0x${Buffer.from("visits").toString("hex")}`);
  await page.locator('[data-testid="proof"][data-verdict="refused"]').getByText("WRONG_CHAIN").waitFor();
});

test("a fault is made and healed by button, and the verdict is as expected", async () => {
  await go("faults");
  await at("expect-isolate").getByText("goes on").first().waitFor();
  await at("isolate-seconds").fill("120");
  await at("stage-isolate").click();
  await shown("heal");
  assert.equal((await client.call("fault_list")).items.length, 1);
  const heights = async () => new Map((await far.call("node_status")).groups.map(({ group, height }) => [group, height]));
  const before = await heights();
  // The others go on, and the page's node learns of nothing: as far as it takes for that to be seen.
  await until("the others make four blocks in every group", async () => [...(await heights())].every(([group, height]) => height >= before.get(group) + 4));
  await picture("fault-staged");
  await at("heal").click();
  await page.locator('[data-testid="verdict"]').waitFor();
  assert.equal(await at("verdict").getAttribute("data-verdict"), "good", await at("findings").textContent());
  assert.match(await at("findings").textContent(), /verified here/);
  assert.deepEqual((await client.call("fault_list")).items, []);
  await picture("fault-verdict");
});

test("a verdict can be that it is not as expected", async () => {
  // The fault is said to be staged, and nothing is: the node goes on learning of blocks.
  await page.route(`${first.rpc}/`, async (route) => {
    const request = route.request().postDataJSON();
    if (request.method !== "fault_set") return route.continue();
    const staged = await client.call("fault_set", { kind: "clock", offsetMs: 0, forMs: request.params.forMs });
    await route.fulfill({ json: { jsonrpc: "2.0", id: request.id, result: staged } });
  });
  await go("faults");
  await at("isolate-seconds").fill("6");
  await at("stage-isolate").click();
  await page.locator('[data-testid="verdict"]').waitFor();
  assert.equal(await at("verdict").getAttribute("data-verdict"), "bad", await at("findings").textContent());
});

test("where calls need a token the page asks for it, shows it, and asks again and again instead of subscribing", async () => {
  const token = "a-token-of-many-characters";
  const shownTokens = new Set();
  await page.route(`${first.rpc}/`, async (route) => {
    const { authorization } = route.request().headers();
    if (authorization === `Bearer ${token}`) {
      shownTokens.add(authorization);
      return route.continue();
    }
    const { id } = [route.request().postDataJSON()].flat()[0];
    return route.fulfill({ json: { jsonrpc: "2.0", id, error: { code: -32041, message: "a token is needed", data: { reason: "UNAUTHORIZED" } } } });
  });
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await go("");
  await at("token").fill(token);
  await page.keyboard.press("Enter");
  await page.getByTestId("live").getByText("polling").waitFor();
  await shown("blocks-1");
  assert.deepEqual([[...shownTokens], sockets], [[`Bearer ${token}`], []]);
});

test("it is worked by keyboard alone, and remembers its colours", async () => {
  await go("");
  await shown("blocks-1");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the content");
  for (const tab of ["consensus", "network"]) {
    await at(`tab-${tab}`).focus();
    const outline = await at(`tab-${tab}`).evaluate((node) => getComputedStyle(node).outlineStyle);
    assert.equal(outline, "solid", "what has the focus is seen");
    await page.keyboard.press("Enter");
    await shown(`page-${tab}`);
  }
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  assert.equal(await scheme(), "light");
  await at("theme").press("Enter");
  assert.equal(await scheme(), "dark");
  await page.reload();
  assert.equal(await scheme(), "dark");
});

test("nobody sees the page, and it asks nothing; somebody looks again, and it goes on", async () => {
  await go("");
  await page.getByTestId("live").getByText("live").waitFor();
  const see = (hidden) => page.evaluate((is) => {
    Object.defineProperty(document, "hidden", { get: () => is, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await see(true);
  await page.getByTestId("live").getByText("paused").waitFor();
  await page.waitForLoadState("networkidle");
  const asked = [];
  page.on("request", (request) => asked.push(request.postData()));
  const height = (await far.call("node_status")).groups[1].height;
  await until("three more blocks, each a second after the last", async () => (await far.call("node_status")).groups[1].height > height + 3);
  assert.deepEqual(asked, []);
  await see(false);
  await page.getByTestId("live").getByText("live").waitFor();
  assert.notEqual(asked.length, 0);
});
