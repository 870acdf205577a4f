"use strict";
// Draws the charts of the page from the specs beside them. Nothing is fetched: Vega's loader
// refuses every address.
(function () {
  const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };
  function refuse() { return Promise.reject(new Error("this page fetches nothing")); }

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.appendChild(tip);

  function tooltip(handler, event, item, value) {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    tip.textContent = typeof value === "object"
      ? Object.entries(value).map(([name, told]) => name + ": " + told).join("\n")
      : String(value);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const right = document.documentElement.clientWidth;
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, right - box.width - 4)) + "px";
    tip.style.top = Math.max(4, event.clientY - box.height - 12) + "px";
  }

  function draw(target) {
    const spec = JSON.parse(document.getElementById(target.dataset.spec).textContent);
    spec.width = target.clientWidth;
    const runtime = vega.parse(vegaLite.compile(spec).spec, null, { ast: true });
    const view = new vega.View(runtime, {
      expr: vega.expressionInterpreter, renderer: "svg", container: target, hover: false,
      loader: loader, tooltip: tooltip, logLevel: vega.Error,
    });
    let width = spec.width;
    new ResizeObserver(function () {
      const now = target.clientWidth;
      if (now && now !== width) { width = now; view.width(now).runAsync(); }
    }).observe(target);
    return view.runAsync().then(function () {
      // The figure says in words what is to be seen; single marks would only be noise.
      target.querySelector("svg").setAttribute("aria-hidden", "true");
      target.dataset.drawn = "yes";
    });
  }

  document.querySelectorAll(".chart").forEach(function (target) {
    draw(target).catch(function (error) {
      target.textContent = "This chart could not be drawn; its numbers are in the table below.";
      console.error(error);
    });
  });

  // What is folded away belongs on paper, too.
  let closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach(function (fold) { fold.open = true; });
  });
  window.addEventListener("afterprint", function () {
    closed.forEach(function (fold) { fold.open = false; });
  });
})();
