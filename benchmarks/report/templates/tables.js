// Tables can be sorted by their heads and, where they are long, filtered by words. Everything can be read without.
(function () {
  "use strict";
  function valueOf(cell) {
    var text = cell ? cell.textContent.trim() : "";
    var number = parseFloat(text.replace(/,/g, "").replace(/\u2212/g, "-").replace(/^[<>]/, ""));
    return /^[<>+\-\u2212]?[\d.]/.test(text) && !isNaN(number) ? number : text.toLowerCase();
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a === typeof b) { return a < b ? -1 : a > b ? 1 : 0; }
    return typeof a === "number" ? -1 : 1;
  }
  document.querySelectorAll(".wide table").forEach(function (table) {
    var rows = Array.prototype.slice.call(table.rows);
    var heads = rows.length ? Array.prototype.slice.call(rows[0].cells) : [];
    if (rows.length < 4 || !heads.length || heads.some(function (one) { return one.tagName !== "TH"; })) { return; }
    var body = rows.slice(1);
    heads.forEach(function (head, place) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      if (!button.textContent.trim()) { button.setAttribute("aria-label", "first column"); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        body.map(function (row, k) { return [valueOf(row.cells[place]), k, row]; })
          .sort(function (a, b) { return (down ? -1 : 1) * compare(a[0], b[0]) || a[1] - b[1]; })
          .forEach(function (one) { one[2].parentNode.appendChild(one[2]); });
      });
    });
    if (body.length < 10) { return; }
    var label = document.createElement("label");
    var input = document.createElement("input");
    label.className = "filter";
    input.type = "search";
    label.appendChild(document.createTextNode("rows with "));
    label.appendChild(input);
    table.parentNode.parentNode.insertBefore(label, table.parentNode);
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/);
      body.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      });
    });
  });
}());
