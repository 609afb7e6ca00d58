# Writes a value and moves some balance, waits until both are visible everywhere, and reads them back.
import hashlib, json, secrets, time, urllib.request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

network = json.load(open(".witan/local/testnet.json"))
account, other = network["accounts"][0], network["accounts"][1]
key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(account["secret"][2:]))

def call(method, **params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(network["nodes"][0]["rpc"], body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    if "error" in answer:
        raise SystemExit(f"{method}: {answer['error']['message']}: {answer['error'].get('data')}")
    return answer["result"]

transaction = {
    "chain": network["chain"], "signer": account["address"], "salt": str(secrets.randbits(64)),
    "expiresAtMs": int(time.time() * 1000) + 60_000, "checks": [],
    "ops": [{"op": "put", "key": "greeting", "value": "hello"}, {"op": "transfer", "to": other["address"], "amount": "5"}],
}
# The node makes the bytes to sign. That their hash is the id shows that these are the bytes it means by it; a node that
# is not yours could still mean another transaction, so sign only what your own node prepared.
prepared = call("tx_prepare", unsigned=transaction, encoding="utf8")
message = bytes.fromhex(prepared["signingBytes"][2:])
if prepared["txId"] != "0x" + hashlib.sha256(message).hexdigest():
    raise SystemExit("the node's id is not the hash of its bytes")

transaction["signature"] = "0x" + key.sign(message).hex()
status = call("tx_submit", tx=transaction, wait="applied", encoding="utf8")
print(status["status"], "in block", status["height"], "of group", status["group"])
print(call("state_get", key="greeting", encoding="utf8")["value"], call("state_account", account=other["address"])["balance"])
