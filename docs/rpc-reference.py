#!/usr/bin/env python3
"""Writes docs/rpc.md from the OpenRPC document of a running node, which is made from the table that the server runs:

    curl -s http://127.0.0.1:27001/openrpc.json | python3 docs/rpc-reference.py > docs/rpc.md
"""

import json
import sys

HEAD = """\
# JSON-RPC

Made from a node's own description by `docs/rpc-reference.py`; don't edit. The same as a document for programs is the
answer of `rpc.discover` and of `GET /openrpc.json`.

JSON-RPC 2.0: `POST /` over HTTP, or WebSocket at `/ws`, on one port, beside `/livez`, `/readyz` and `/openrpc.json`.
Parameters go by name or by position. Bytes are lowercase `0x` hex (calls with keys and values take `encoding`:
`hex`, `utf8` or `base64`), accounts are `witan1...`, amounts, versions and salts decimal strings, times Unix milliseconds.
`at` is `latest` (executed and flushed here), `sealed`, or a height.

A transaction that executed and failed, or was aborted across groups, is a result, not an error. The steps that `wait` names: `accepted` (in a mempool;
not durable), `committed` (decided, executed, flushed here), `sealed` (provable), `applied` (visible in every group it touches).

`status` is `unknown`, `accepted`, `pending` (across groups, the outcome is open), `committed`, `failed` (executed without effect),
`aborted` (across groups, given up: `result.reason` is `CONFLICT`, `DEADLINE`, or why it would have failed in another group) or
`expired`. Of a transaction across groups `phases` lists how it stands in each group, the coordinator first: `pending`, then
`committed`, `failed` or `aborted`; the others `asked`, `prepared` or `refused`, then `applied` or `released`. `height` is null where
no block has taken the step yet, and once the group has forgotten it, some time after the expiry.

A plain read answers what this node has executed; of a group that it does not host, the newest sealed value, which members of
that group proved to it. `committed` of a transaction that such a group coordinates means proved in a sealed block. A `strict` one is
ordered like a transaction: it sees everything that was committed
before, over all groups at one moment, and takes as long as a transaction does.

## Transactions in JSON

```json
{"chain": "0x...", "signer": "witan1...", "salt": "7", "expiresAtMs": 1795357553909, "signature": "0x...",
 "checks": [{"check": "absent", "key": "0x61"}, {"check": "exists", "key": "0x61"},
            {"check": "value", "key": "0x61", "value": "0x62"}, {"check": "version", "key": "0x61", "version": "12884901888"},
            {"check": "balance", "account": "witan1...", "atLeast": "10"}],
 "ops": [{"op": "put", "key": "0x61", "value": "0x62"}, {"op": "delete", "key": "0x61"},
         {"op": "append", "key": "0x61", "value": "0x62"}, {"op": "add", "key": "0x61", "delta": "-1"},
         {"op": "transfer", "to": "witan1...", "amount": "10"}, {"op": "get", "key": "0x61"}]}
```

An operator's approval of a change is the only op of its transaction, and names every parameter or all operators:
`{"op": "approve", "change": {"version": 2, "parameters": {"blockTimeMs": 0, ...}}}`, or `"operators": {"accounts": ["witan1..."],
"threshold": 1}` in the place of `parameters`.

`tx_prepare` takes it without the signature. docs/protocol.md says what each check and op means, and shows a whole client.
"""

TAIL = """\
-32020 stands for every rejected transaction: `BAD_SIGNATURE`, `WRONG_CHAIN`, `EXPIRED`, `EXPIRY_TOO_FAR`, `TOO_LARGE`,
`MALFORMED`, `FORBIDDEN_KEY`. -32024 is a strict read that was given up: `CONFLICT` or `DEADLINE`. -32033 is `NO_QUORUM` or `SYNCING`."""


def kind(schema):
    """What a JSON schema allows, in a few words."""
    if "enum" in schema:
        return ", ".join("`%s`" % value for value in schema["enum"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(kind(option) for option in options)
    name = schema.get("type", "any")
    name = " or ".join(name) if isinstance(name, list) else name
    if name == "array" and "items" in schema:
        return "list of " + kind(schema["items"])
    return name


def cell(text):
    """Text that may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def method(document):
    lines = ["### `%s`" % document["name"], "", document["summary"], ""]
    if document["params"]:
        lines += ["| parameter | kind | |", "|---|---|---|"]
        for parameter in document["params"]:
            about = parameter["description"] + ("" if parameter["required"] else " Optional.")
            lines.append("| `%s` | %s | %s |" % (parameter["name"], cell(kind(parameter["schema"])), cell(about)))
        lines.append("")
    return lines + ["Answers: " + document["result"]["description"], ""]


def errors(examples):
    lines = ["## Errors", "", "`{code, message, data: {reason, retryable, hint, ...}}`; an example of each:", "",
             "| code | reason | more in `data` | retry | message |", "|---|---|---|---|---|"]
    for error in sorted(examples.values(), key=lambda error: -error["code"]):
        data = error["data"]
        more = ", ".join("`%s`" % name for name in data if name not in ("reason", "retryable", "hint"))
        retry = "yes" if data["retryable"] else "no"
        row = (error["code"], data["reason"], more, retry, cell(error["message"]))
        lines.append("| %d | `%s` | %s | %s | %s |" % row)
    return lines + ["", TAIL]


def main():
    document = json.load(sys.stdin)
    lines = [HEAD, "## Methods", ""]
    for described in document["methods"]:
        lines += method(described)
    print("\n".join(lines + errors(document["components"]["errors"])))


if __name__ == "__main__":
    main()
