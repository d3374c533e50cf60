// A screen that is looked at and not touched stays on.

/**
 * Ask the browser not to let the screen sleep while this page is seen: now, and at each touch until it agrees, since
 * Safari wants one. A page that came over the network without encryption cannot ask.
 */
export function keepAwake() {
  let lock = null;
  const ask = async () => {
    if (document.visibilityState !== "visible" || (lock && !lock.released)) return;
    lock = await navigator.wakeLock?.request("screen").catch(() => null);
  };
  document.addEventListener("visibilitychange", ask);
  addEventListener("pointerdown", ask);
  ask();
}
