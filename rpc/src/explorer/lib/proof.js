// Proofs, judged here by the TypeScript client, so that what the node says about its state needs no belief.

import { MalformedError, ProofError, Verifier } from "/ui/vendor/witan-client.js";
import { html } from "/ui/vendor/preact.js";
import { call } from "/ui/lib/api.js";
import { date, listed, number, plural } from "/ui/lib/format.js";
import { network, validatorName } from "/ui/lib/live.js";
import { BlockRef, Failure } from "/ui/lib/ui.js";

let kept;

/** A verifier that starts from the genesis that the node tells; its chain id is computed here. */
export function verifier() {
  const known = network.get();
  if (known === undefined) throw new Error("the genesis is not here yet");
  if (kept?.chain !== known.chain) kept = { chain: known.chain, verifier: new Verifier(known.genesis) };
  if (kept.verifier.chain !== known.chain) {
    throw new ProofError("WRONG_CHAIN", `the node says chain ${known.chain}, and its genesis hashes to ${kept.verifier.chain}`);
  }
  return kept.verifier;
}

/**
 * Proves with `prove(verifier)`. Where the epoch that sealed it is not known yet, its record is proved first, from genesis on.
 */
export async function judge(prove, signal) {
  const began = performance.now();
  const judged = verifier();
  try {
    return { verified: prove(judged), tookMs: performance.now() - began };
  } catch (error) {
    if (!(error instanceof ProofError) || error.reason !== "UNKNOWN_EPOCH") throw error;
  }
  const { groups } = network.get();
  for (const { group } of groups) {
    const { proof } = await call("chain_getEpoch", { group, prove: true }, { signal });
    judged.learnEpoch(proof);
  }
  return { verified: prove(judged), tookMs: performance.now() - began };
}

const isRefusal = (error) => error instanceof ProofError || error instanceof MalformedError;

/** What came of a proof: verified or refused, and on what that rests. */
export function Judgement({ state, testid = "proof" }) {
  // What was proved before says nothing of what is refused now.
  if (state.error !== undefined) {
    if (!isRefusal(state.error)) return html`<${Failure} error=${state.error} testid=${`${testid}-error`} />`;
    return html`<div class="verdict bad" role="alert" data-testid=${testid} data-verdict="refused">
      <strong>✗ refused</strong><p>${state.error.reason ? html`<code>${state.error.reason}</code> ` : ""}${state.error.message}</p>
      <p class="faint">What the node answered is not what a quorum signed: don't believe it.</p></div>`;
  }
  if (state.data === undefined) return html`<p class="empty loading">The proof is fetched and verified…</p>`;
  const { verified, tookMs } = state.data;
  const names = verified.signers.map(validatorName);
  return html`<div class="verdict good" data-testid=${testid} data-verdict="verified">
    <strong>✓ verified in this browser</strong>
    <p>True after block <${BlockRef} group=${verified.group} height=${verified.height} />, sealed by <b data-testid="seal-signers">${plural(verified.signers.length, "validator")}</b>${" "}
      (${listed(names)}) at ${date(verified.timeMs)}. ${verified.trust === "members"
        ? "This group runs Raft: it is so unless one of its members lied."
        : "It is so unless more of them lie than the engine withstands."}</p>
    <p class="faint">Checked in ${Math.max(1, Math.round(tookMs))} ms: ${number(verified.signers.length)} signatures, and the path of hashes from what is shown to the sealed root.
      What is trusted: the genesis with chain id <span class="mono whole">${network.get().chain}</span>. This node told it, and the id was computed from it here:
      compare the id with one from somebody you trust. The page itself comes from this node too; <code>witan verify</code> checks the same without it.</p>
  </div>`;
}
