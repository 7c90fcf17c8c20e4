(function () {
  function report(what) {
    var visit = document.querySelector("input[name=visit]").value;
    try { navigator.sendBeacon("/" + document.body.dataset.code + "/" + what + "visit=" + visit); } catch (e) {}
  }
  function look() {
    if (document.prerendering || document.visibilityState !== "visible") return;
    removeEventListener("pageshow", look);
    document.removeEventListener("visibilitychange", look);
    document.removeEventListener("prerenderingchange", look);
    report("seen?");
  }
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("prerenderingchange", look);
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-store]");
    if (link) report("tap?store=" + link.getAttribute("data-store") + "&");
  });
})();
