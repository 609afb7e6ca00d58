// Fake nodes: what a client meets is decided by each test.

import assert from "node:assert/strict";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";

/** What a fake node answers: a status and a body; nothing leaves the request open. */
export interface Response {
  status?: number;
  body: unknown;
}

export interface Request {
  headers: IncomingHttpHeaders;
  body: any;
}

/** A fake node that answers each request as `answer` says; the requests it got so far. */
export async function fakeNode(
  test: TestContext,
  answer: (request: Request, count: number) => Response | "nothing" | "hang up",
) {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const got = { headers: request.headers, body: JSON.parse(Buffer.concat(parts).toString()) };
      requests.push(got);
      const given = answer(got, requests.length);
      if (given === "hang up") {
        request.socket.destroy();
      } else if (given !== "nothing") {
        const body = typeof given.body === "string" ? given.body : JSON.stringify(given.body);
        response.writeHead(given.status ?? 200, { "content-type": "application/json" }).end(body);
      }
    });
  });
  const url = await listening(server);
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, requests };
}

/** A fake node that serves WebSocket alone: `serve` gets each connection and what arrives on it. */
export async function fakeSocket(test: TestContext, serve: (socket: WebSocket, request: any) => void) {
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: "/ws" });
  const requests: any[] = [];
  sockets.on("connection", (socket) =>
    socket.on("message", (data) => {
      const request = JSON.parse(String(data));
      requests.push(request);
      serve(socket, request);
    }),
  );
  const url = await listening(server);
  test.after(() => {
    sockets.clients.forEach((socket) => socket.terminate());
    server.close();
  });
  return { url, requests, sockets };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The answer to a request. */
export const result = (request: Request, value: unknown): Response => ({
  body: { jsonrpc: "2.0", id: request.body.id, result: value },
});

/** An error of a node. */
export const refusal = (request: Request, code: number, reason: string, data: object = {}): Response => ({
  body: {
    jsonrpc: "2.0",
    id: request.body.id,
    error: { code, message: reason.toLowerCase(), data: { reason, ...data } },
  },
});

/** Waits until `holds`, for 10 s at the most. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !holds();) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
}

/** What a real network's testnet.json says, if `WITAN_TESTNET` names one. */
export interface Testnet {
  nodes: { name: string; rpc: string; ws: string }[];
  accounts: { address: string; secret: string }[];
  groups: { id: number; engine: string; validators: string[] }[];
}

export const TESTNET = process.env["WITAN_TESTNET"];
/** Says why a test of a real network does not run. */
export const WITHOUT_TESTNET =
  TESTNET === undefined ? "WITAN_TESTNET names no testnet.json; scripts/test-clients.sh starts a network" : false;

export function testnet(): { network: Testnet; genesis: unknown; path: string } {
  const path = TESTNET ?? assert.fail();
  const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
  return { network: read(path), genesis: read(path.replace(/testnet\.json$/, "genesis.json")), path };
}
