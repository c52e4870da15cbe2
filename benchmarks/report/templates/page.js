// Tables can be sorted by their heads and, where they are long, filtered by words; a cell of a study can be shown alone
// and an estimator marked. Everything can be read without.
(function () {
  "use strict";
  function all(where, what) { return Array.prototype.slice.call(where.querySelectorAll(what)); }
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
    var label = document.createElement("label");
    label.className = "tool";
    label.appendChild(document.createTextNode(text + " "));
    label.appendChild(control);
    return label;
  }
  function menu(first, names, chosen) {
    var select = document.createElement("select");
    [first].concat(names).forEach(function (name, place) {
      var option = document.createElement("option");
      option.value = place ? String(place - 1) : "";
      option.textContent = name;
      select.appendChild(option);
    });
    select.addEventListener("change", function () { chosen(select.value === "" ? -1 : Number(select.value)); });
    return select;
  }
  all(document, ".wide table").forEach(function (table) {
    var heads = Array.prototype.slice.call(table.tHead.rows[table.tHead.rows.length - 1].cells);
    var body = Array.prototype.slice.call(table.tBodies[0].rows);
    if (body.length < 3 || table.querySelector(".level")) { return; }
    heads.forEach(function (head, place) {
      if (head.tagName !== "TH") { return; }
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
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
    var input = document.createElement("input");
    input.type = "search";
    table.parentNode.parentNode.insertBefore(tool("rows with", input), table.parentNode);
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/);
      body.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      });
    });
  });
  var tools = document.querySelector(".tools");
  if (tools) {
    var cells = all(document, "section.cell");
    if (cells.length > 1) {
      tools.appendChild(tool("show", menu("all cells", cells.map(function (cell) {
        return cell.firstElementChild.textContent;
      }), function (one) {
        cells.forEach(function (cell, place) { cell.hidden = one >= 0 && place !== one; });
      })));
    }
    var names = [];
    all(document, ".wide table").forEach(function (table) {
      var place = all(table.tHead, "th, td").map(function (head) { return head.textContent; }).indexOf("estimator");
      if (place < 0) { return; }
      Array.prototype.forEach.call(table.tBodies[0].rows, function (row) {
        var name = row.cells[place].textContent;
        if (names.indexOf(name) < 0) { names.push(name); }
      });
    });
    if (names.length > 1) {
      tools.appendChild(tool("mark", menu("no estimator", names, function (one) {
        all(document, ".picked").forEach(function (old) { old.classList.remove("picked"); });
        if (one < 0) { return; }
        all(document, ".wide table").forEach(function (table) {
          var heads = all(table.tHead, "tr:last-child > *").map(function (head) { return head.textContent; });
          var place = heads.indexOf("estimator"), column = heads.indexOf(names[one]);
          Array.prototype.forEach.call(table.tBodies[0].rows, function (row) {
            if (place >= 0 && row.cells[place].textContent === names[one]) { row.classList.add("picked"); }
            if (column >= 0) { row.cells[column].classList.add("picked"); }
          });
        });
      })));
    }
  }
  function reachable() {
    all(document, ".wide, .drawn").forEach(function (box) {
      if (box.scrollWidth > box.clientWidth || !box.offsetParent) { box.setAttribute("tabindex", "0"); }
      else { box.removeAttribute("tabindex"); }
    });
  }
  window.addEventListener("beforeprint", function () {
    all(document, "details.printed").forEach(function (one) { one.open = true; });
  });
  window.addEventListener("resize", reachable);
  reachable();
}());
