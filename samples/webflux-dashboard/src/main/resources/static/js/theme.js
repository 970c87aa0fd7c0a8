// Applies the kept colour theme before the first paint, so that the page does not flash.
(() => {
  "use strict";
  let kept = null;
  try {
    kept = localStorage.getItem("hivemind.theme");
  } catch {
    // Storage is off: the system's theme it is.
  }
  if (kept === "light" || kept === "dark") {
    document.documentElement.dataset.theme = kept;
  }
})();
