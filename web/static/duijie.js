// What a page gains from a script; every page works without it.
(function () {
  "use strict";

  // An error summary takes the focus, so that a screen reader reads it and Tab leads into it.
  function focusSummary() {
    var summary = document.querySelector("[data-error-summary]");
    if (summary) summary.focus();
  }

  // A link of the summary jumps to its field, opens the part it is folded into, and puts the cursor there.
  document.addEventListener("click", function (event) {
    var link = event.target.closest("[data-error-summary] a, [data-jump]");
    if (!link) return;
    var field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    var step = field.closest("[data-step]");
    if (step && !step.classList.contains("dj-step--here")) {
      document.querySelectorAll("[data-step]").forEach(function (one) { one.classList.toggle("dj-step--here", one === step); });
      var at = document.querySelector("#post-form [name=at]");
      if (at) at.value = step.dataset.step;
    }
    for (var part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    field.scrollIntoView({ block: "center" });
    (field.matches("input, textarea, select") ? field : field.querySelector("input, textarea, select") || field).focus();
  });

  // The present tab is in sight, where the row of tabs is wider than the window.
  document.querySelectorAll(".dj-tabs [aria-current]").forEach(function (tab) {
    var row = tab.closest(".dj-tabs");
    if (row.scrollWidth > row.clientWidth) row.scrollLeft = tab.offsetLeft - row.offsetLeft - 16;
  });

  // Another step of a form: its error summary, or else its heading, takes the focus.
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.target.id !== "post-form") return;
    var place = document.querySelector("#post-form [data-error-summary]") || document.querySelector(".dj-step--here h2");
    if (place) place.focus();
    document.getElementById("post-form").scrollIntoView({ block: "start" });
    // What was typed just before is told to the column beside, and kept.
    document.getElementById("post-form").dispatchEvent(new Event("change"));
  });
  // An answer that is no form (a sign-in that ended, a stale token) must not take the form's place: the form is sent
  // as a whole, and the page that comes keeps its text.
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target.id !== "post-form" || event.detail.xhr.responseText.indexOf('id="post-form"') >= 0) return;
    event.detail.shouldSwap = false;
    document.getElementById("post-form").requestSubmit(event.detail.requestConfig.elt);
  });

  // Leaving a page with text that was not sent asks first.
  var written = false;
  document.addEventListener("input", function (event) {
    if (event.target.closest("form[data-keep]")) written = true;
  });
  document.addEventListener("submit", function (event) {
    if (event.target.matches("form[data-keep]")) written = false;
    // One click, one request: the button that was pressed rests until the answer comes.
    var button = event.submitter;
    if (button && event.target.method === "post") setTimeout(function () { button.disabled = true; }, 0);
  });
  window.addEventListener("beforeunload", function (event) {
    if (written) event.preventDefault();
  });
  // What is written is kept every few seconds (see data-autosave), and once more when one leaves.
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.target.id === "autosave" && event.target.querySelector("[data-kept]")) written = false;
  });
  document.addEventListener("visibilitychange", function () {
    var place = document.querySelector("[data-autosave]");
    var form = place && place.closest("form");
    if (document.visibilityState !== "hidden" || !form || !written) return;
    var kept = new FormData(form);
    kept.delete("file"); // files are kept as soon as they are chosen, and a beacon is small
    if (navigator.sendBeacon(place.dataset.autosave, kept)) written = false;
  });
  // Coming back by the back button must not leave a resting button behind.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("button[type=submit]:disabled").forEach(function (button) {
      if (!button.hasAttribute("data-off")) button.disabled = false;
    });
  });

  // Without an answer from the server the page says so, and keeps what it shows.
  document.addEventListener("htmx:sendError", function () { showOffline(true); });
  document.addEventListener("htmx:afterOnLoad", function () { showOffline(false); });
  window.addEventListener("offline", function () { showOffline(true); });
  window.addEventListener("online", function () { showOffline(false); });
  function showOffline(away) {
    var notice = document.getElementById("offline");
    if (notice) notice.hidden = !away;
  }

  // The count of unread messages is told as it changes, to the page one looks at. A server that has no room for it, or a
  // browser that cannot, leaves it at asking every minute.
  var stream = null;
  function followCount() {
    var place = document.querySelector("[data-live]");
    if (!place || !window.EventSource || document.visibilityState === "hidden" || stream) return;
    stream = new EventSource(place.dataset.live);
    stream.addEventListener("unread", function (event) {
      var shown = document.querySelector("[data-live]");
      if (shown && event.data !== shown.dataset.count) htmx.trigger(shown, "unread");
    });
  }
  function stopFollowing() {
    if (stream) stream.close();
    stream = null;
  }
  // Not at once: who only passes through a page takes no place.
  setTimeout(followCount, 1500);
  window.addEventListener("pagehide", stopFollowing);
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden") stopFollowing();
    else followCount();
  });

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) window.print();
  });

  // An unfolded menu folds when one goes elsewhere, and on Escape.
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.dj-menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.dj-menu[open]").forEach(function (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // Where there is room beside a list, its first question is unfolded.
  if (window.matchMedia("(min-width: 52rem)").matches) {
    document.querySelectorAll("details[data-open-wide]").forEach(function (part) { part.open = true; });
  }

  // A select marked so sends its form at once; its button is then not needed.
  document.querySelectorAll("form[data-send-on-change]").forEach(function (form) {
    form.querySelectorAll("select").forEach(function (select) {
      select.addEventListener("change", function () { form.requestSubmit(); });
    });
  });

  // A form of many ticks says how many there are, and ticks all or none.
  document.querySelectorAll("form[data-tick-count]").forEach(function (form) {
    var count = form.querySelector("[data-ticked]");
    // Where the form has other boxes, too, the attribute says which are meant.
    var name = form.dataset.tickCount;
    var boxes = form.querySelectorAll("input[type=checkbox]" + (name ? "[name=" + name + "]" : ""));
    function tell() {
      count.textContent = "(" + Array.prototype.filter.call(boxes, function (box) { return box.checked; }).length + ")";
    }
    form.addEventListener("change", tell);
    form.querySelectorAll("[data-tick]").forEach(function (button) {
      button.hidden = false;
      button.addEventListener("click", function () {
        boxes.forEach(function (box) { box.checked = button.dataset.tick === "all"; });
        tell();
      });
    });
    tell();
  });

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", focusSummary);
  else focusSummary();
})();
