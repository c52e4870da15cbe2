// Tables can be sorted by their heads and, where they are long, searched; one setting of a sweep can be shown by a
// slider, an analysis highlighted, values of curves read where one points. Everything can be read without.
(function () {
  "use strict";
  function all(where, what) { return Array.prototype.slice.call(where.querySelectorAll(what)); }
  function made(tag, name, text) {
    var one = document.createElement(tag);
    if (name) { one.className = name; }
    if (text) { one.textContent = text; }
    return one;
  }
  function valueOf(cell) {
    var text = cell ? cell.textContent.trim() : "";
    var number = parseFloat(text.replace(/,/g, "").replace(/\u2212/g, "-").replace(/^[<>]/, ""));
    return /^[<>]?[+\-\u2212]?[\d.]/.test(text) && !isNaN(number) ? number : text.toLowerCase();
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a === typeof b) { return a < b ? -1 : a > b ? 1 : 0; }
    return typeof a === "number" ? -1 : 1;
  }
  function tool(text, control) {
    var label = made("label", "tool", text + " ");
    label.appendChild(control);
    return label;
  }
  function heads(table) { return Array.prototype.slice.call(table.tHead.rows[table.tHead.rows.length - 1].cells); }
  all(document, ".wide table").forEach(function (table) {
    var own = heads(table), body = Array.prototype.slice.call(table.tBodies[0].rows);
    if (body.length < 3 || table.querySelector(".level")) { return; }
    own.forEach(function (head, place) {
      if (head.tagName !== "TH") { return; }
      var button = made("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        own.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        body.map(function (row, k) { return [valueOf(row.cells[place]), k, row]; })
          .sort(function (a, b) { return (down ? -1 : 1) * compare(a[0], b[0]) || a[1] - b[1]; })
          .forEach(function (one) { one[2].parentNode.appendChild(one[2]); });
      });
    });
    if (body.length < 10) { return; }
    var input = made("input");
    input.type = "search";
    table.parentNode.parentNode.insertBefore(tool("Search this table", input), table.parentNode);
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/);
      body.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      });
    });
  });
  all(document, ".settings").forEach(function (group) {
    var parts = Array.prototype.slice.call(group.children);
    if (parts.length < 2) { return; }
    var slider = made("input"), told = made("output"), label = tool("Show", slider);
    slider.type = "range";
    slider.min = 0;
    slider.max = parts.length;
    slider.value = 0;
    slider.step = 1;
    label.className = "tool slider";
    label.appendChild(told);
    function show() {
      var one = Number(slider.value);
      parts.forEach(function (part, place) { part.hidden = one > 0 && place !== one - 1; });
      var text = one ? parts[one - 1].firstElementChild.textContent : "all " + parts.length + " settings";
      told.textContent = text;
      slider.setAttribute("aria-valuetext", text);
    }
    slider.addEventListener("input", show);
    group.insertBefore(label, parts[0]);
    show();
  });
  var tools = document.querySelector(".tools"), names = [];
  function placeOf(table) {
    var told = heads(table).map(function (head) { return head.textContent; });
    return Math.max(told.indexOf("estimator"), told.indexOf("analysis"));
  }
  if (tools) {
    all(document, ".wide table").forEach(function (table) {
      var place = placeOf(table);
      if (place < 0) { return; }
      Array.prototype.forEach.call(table.tBodies[0].rows, function (row) {
        var name = row.cells[place].textContent;
        if (names.indexOf(name) < 0) { names.push(name); }
      });
    });
    if (names.length > 1) {
      var select = made("select");
      ["all analyses"].concat(names).forEach(function (name, place) {
        var option = made("option", "", name);
        option.value = place ? String(place - 1) : "";
        select.appendChild(option);
      });
      select.addEventListener("change", function () {
        var one = select.value === "" ? -1 : Number(select.value);
        all(document, ".picked").forEach(function (old) { old.classList.remove("picked"); });
        if (one < 0) { return; }
        all(document, ".wide table").forEach(function (table) {
          var place = placeOf(table);
          var column = heads(table).map(function (head) { return head.textContent; }).indexOf(names[one]);
          Array.prototype.forEach.call(table.tBodies[0].rows, function (row) {
            if (place >= 0 && row.cells[place].textContent === names[one]) { row.classList.add("picked"); }
            if (column >= 0) { row.cells[column].classList.add("picked"); }
          });
        });
      });
      tools.appendChild(tool("Highlight:", select));
    }
  }
  var bubble = made("div", "bubble");
  bubble.hidden = true;
  document.body.appendChild(bubble);
  all(document, ".spot").forEach(function (spot) {
    var text = spot.textContent;
    spot.textContent = "";  // our own bubble in place of the browser's
    spot.setAttribute("aria-label", text);
    function show() {
      var box = spot.getBoundingClientRect();
      bubble.textContent = text;
      bubble.hidden = false;
      bubble.style.left = Math.max(4, Math.min(box.left, document.documentElement.clientWidth - 270)) +
        window.scrollX + "px";
      bubble.style.top = box.top + window.scrollY - bubble.offsetHeight - 6 + "px";
    }
    spot.addEventListener("pointerenter", show);
    spot.addEventListener("pointerdown", show);
    spot.addEventListener("pointerleave", function () { bubble.hidden = true; });
  });
  function reachable() {
    all(document, ".wide, .drawn").forEach(function (box) {
      if (box.scrollWidth > box.clientWidth || !box.offsetParent) { box.setAttribute("tabindex", "0"); }
      else { box.removeAttribute("tabindex"); }
    });
  }
  var folded = [], unseen = [];
  window.addEventListener("beforeprint", function () {
    folded = all(document, "details:not([open])");
    unseen = all(document, ".settings > [hidden]");
    folded.forEach(function (one) { one.open = true; });
    unseen.forEach(function (one) { one.hidden = false; });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (one) { one.open = false; });
    unseen.forEach(function (one) { one.hidden = true; });
  });
  window.addEventListener("resize", reachable);
  reachable();
}());
