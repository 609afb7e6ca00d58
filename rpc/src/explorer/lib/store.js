// What several parts of the page look at: a value, and who wants to hear when it is another one.

import { useEffect, useRef, useState } from "/ui/vendor/preact.js";

export function store(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of listeners) listener(value);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of a store, drawn again with each change. */
export function useStore(of) {
  const [, draw] = useState(0);
  useEffect(() => {
    const listener = () => draw((count) => count + 1);
    listener();
    return of.listen(listener);
  }, [of]);
  return of.get();
}

/**
 * Asks now and every `every` milliseconds after an answer, or once if that is 0 or nothing; not while nobody sees the page.
 * `every` may depend on the answer. What was answered stays beside the error of a later question, and while the first of the
 * inputs, which is what it is about, stays the same.
 */
export function usePoll(ask, every, inputs) {
  const [state, setState] = useState({ loading: true });
  const subject = useRef(inputs[0]);
  useEffect(() => {
    const abort = new AbortController();
    let [timer, asking, done] = [undefined, false, false];
    const turn = async () => {
      clearTimeout(timer);
      if (abort.signal.aborted || asking || done || document.hidden) return;
      asking = true;
      let answer;
      try {
        answer = await ask(abort.signal);
        if (!abort.signal.aborted) setState({ data: answer });
      } catch (error) {
        if (!abort.signal.aborted) setState((old) => ({ data: old.data, error }));
      }
      asking = false;
      const pause = typeof every === "function" ? every(answer) : every;
      if (pause) timer = setTimeout(turn, pause);
      else done = true;
    };
    const isSame = subject.current === inputs[0];
    subject.current = inputs[0];
    setState((old) => (isSame && old.data !== undefined ? { data: old.data } : { loading: true }));
    turn();
    document.addEventListener("visibilitychange", turn);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", turn);
    };
  }, inputs);
  return state;
}
