// The page of a run: rows and figures. All text of others goes through textContent.
"use strict";
(() => {
  const { DataTable, arc, arrow, axisX, axisY, barX, dot, gridX, gridY, lineY, plot, rect, rectY, ruleX, ruleY, text } = libraries;
  const data = JSON.parse(document.getElementById("data").textContent);
  const listings = new Map(data.listings.map((each) => [each.name, each]));
  const RESERVED = new Set(["rows", "row", "q", "sort"]);
  const TEXTS = ["prompt", "instruction", "input", "output", "completion", "chosen", "rejected", "neighbour", "detail",
    "reasoning", "parent", "title", "document", "topic", "original_instruction", "original_input", "original_output"];
  const HIDDEN = new Set(["shot_ids", "most_similar", "instances", "messages", "judge_words"]);
  const PALETTE = ["--blue", "--orange", "--green", "--purple", "--yellow", "--sky", "--pink", "--grey"];
  const whole = (number) => Math.round(number).toLocaleString("en-US");
  const $ = (id) => document.getElementById(id);

  function el(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") node.className = value;
      else if (name in node && typeof value !== "string") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  // --- values ----------------------------------------------------------------------------------------------------------

  const word = (value) => value === undefined || value === null ? "none" : value === true ? "yes" : value === false ? "no" : String(value);

  function textOf(value) {
    if (value === null || value === undefined) return "";
    if (Array.isArray(value)) return value.map(textOf).join("\n");
    if (typeof value === "object") return Object.entries(value).filter(([name]) => name !== "role").map(([, each]) => textOf(each)).join("\n");
    return String(value);
  }

  function shortly(value) {
    if (typeof value === "number" && !Number.isInteger(value)) return String(Math.round(value * 1000) / 1000);
    if (typeof value === "number" || typeof value === "boolean") return word(value);
    const plain = textOf(value).replace(/\s+/g, " ");
    return plain.length > 160 ? plain.slice(0, 160) + " …" : plain;
  }

  function bounds(wanted) {
    const found = /^(-?[\d.]+(?:e-?\d+)?)?\.\.(<?)(-?[\d.]+(?:e-?\d+)?)?$/.exec(wanted);
    if (!found) return [Number(wanted), Number(wanted), false];
    return [found[1] === undefined ? -Infinity : Number(found[1]), found[3] === undefined ? Infinity : Number(found[3]), found[2] === "<"];
  }

  function fits(row, filters, kinds, words) {
    for (const [name, wanted] of Object.entries(filters)) {
      const value = row[name];
      if (kinds[name] === "number" && wanted !== "none") {
        const [low, high, isOpen] = bounds(wanted);
        if (typeof value !== "number" || !(value >= low && (isOpen ? value < high : value <= high))) return false;
      } else if (word(value) !== wanted) return false;
    }
    if (!words.length) return true;
    row._text ??= Object.entries(row).filter(([name]) => !name.startsWith("_")).map(([, value]) => textOf(value)).join("\n").toLowerCase();
    return words.every((each) => row._text.includes(each));
  }

  // --- where rows come from: the page itself, or the server --------------------------------------------------------------

  const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

  async function fetched(path, values) {
    const response = await fetch(`api/${path}?` + new URLSearchParams(values));
    if (!response.ok) throw new Error(`${response.status}`);
    return response.json();
  }

  async function rowOf(name, key) {
    const listing = listings.get(name);
    if (!listing) return null;
    if (data.live) return fetched("row", { rows: name, key }).catch(() => null);
    listing.byKey ??= new Map(listing.rows.map((row) => [row._key, row]));
    return listing.byKey.get(key) ?? null;
  }

  async function rowsWhere(name, column, value, most = 20) {
    const listing = listings.get(name);
    if (!listing || value === undefined || value === null) return [];
    if (data.live) return (await fetched("rows", { rows: name, length: most, [column]: value }).catch(() => ({ data: [] }))).data;
    return listing.rows.filter((row) => row[column] === value).slice(0, most);
  }

  // --- the address -------------------------------------------------------------------------------------------------------

  const first = data.listings[0]?.name;
  let state = { rows: first, row: null, q: "", sort: "", filters: {} };

  function read(hash) {
    const values = new URLSearchParams(hash.replace(/^#/, ""));
    if (!values.has("rows") && !values.has("row")) return null;
    const [ofRow, key] = split(values.get("row"));
    const rows = ofRow ?? values.get("rows");
    const filters = {};
    for (const [name, value] of values) if (!RESERVED.has(name)) filters[name] = value;
    return { rows: listings.has(rows) ? rows : first, row: key, q: values.get("q") ?? "", sort: values.get("sort") ?? "", filters };
  }

  function split(address) {
    if (!address) return [null, null];
    const at = address.indexOf("/");
    return at < 0 ? [address, null] : [address.slice(0, at), decodeURIComponent(address.slice(at + 1))];
  }

  function addressOf({ rows, row, q, sort, filters }) {
    const parts = [row === null ? `rows=${encodeURIComponent(rows)}` : `row=${encodeURIComponent(rows)}/${encodeURIComponent(row)}`];
    if (q) parts.push(`q=${encodeURIComponent(q)}`);
    if (sort) parts.push(`sort=${encodeURIComponent(sort)}`);
    for (const [name, value] of Object.entries(filters)) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    return "#" + parts.join("&");
  }

  function go(changes, isSilent = false) {
    const next = { ...state, ...changes };
    if (isSilent) history.replaceState(null, "", addressOf(next));
    else history.pushState(null, "", addressOf(next));
    show(next);
  }

  // --- the list ----------------------------------------------------------------------------------------------------------

  let table = null, shown = null;
  const listing = () => listings.get(state.rows);
  const kindsOf = (of) => Object.fromEntries([...of.columns, ...of.filters].map((each) => [each.name, each.kind]));

  function drawTable() {
    const of = listing();
    table?.destroy();
    const body = el("table", { class: "rows-table" }, el("caption", { class: "sr" }, of.title));
    $("list").replaceChildren(body);
    const columns = of.columns.map((column, at) => ({
      data: column.name, name: column.name, title: column.label, defaultContent: "", searchable: false,
      className: at ? (column.kind === "number" ? "number" : "small") + (at > 2 ? " wide" : at > 1 ? " middle" : "") : "first",
      type: column.kind === "number" ? "num" : "string",
      render: (value, use, row) => {
        if (use === "display") return of.of && value > 0 && listings.has(column.name)
          ? el("a", { href: `#rows=${encodeURIComponent(column.name)}&${encodeURIComponent(of.of)}=${encodeURIComponent(row[of.of])}` }, whole(value))
          : document.createTextNode(lineOf(value, at, row));
        if (use === "sort" || use === "type") return column.kind === "number" ? (value ?? -Infinity) : textOf(value).toLowerCase();
        return value;
      },
    }));
    table = new DataTable(body, {
      columns, pageLength: data.page, lengthChange: false, autoWidth: false, deferRender: true, orderMulti: false,
      order: orderOf(of), layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: "paging" },
      language: { info: "_START_ to _END_ of _TOTAL_", infoEmpty: "no row", infoFiltered: "(of _MAX_)", zeroRecords: "No row fits.", emptyTable: "No row." },
      createdRow: (line, row) => { line.dataset.key = row._key; line.dir = "auto"; },
      drawCallback: () => mark(),
      ...(data.live ? { serverSide: true, ajax: ask } : { data: of.rows }),
    });
    if (!data.live) table.search.fixed("rows", (_, row) => fits(row, state.filters, kindsOf(of), wordsOf(state.q)));
    table.on("order", () => {
      const [ordered] = table.order();
      const sort = ordered && ordered[1] ? (ordered[1] === "desc" ? "-" : "") + of.columns[ordered[0]].name : "";
      if (sort !== state.sort) go({ sort }, true);
    });
    shown = state.rows;
  }

  function lineOf(value, at, row) {
    if (at || textOf(value)) return shortly(value);
    return shortly(row.detail ?? row.completion ?? row.title ?? "(no text)");
  }

  function orderOf(of) {
    const at = of.columns.findIndex((column) => column.name === state.sort.replace(/^-/, ""));
    return at < 0 ? [] : [[at, state.sort.startsWith("-") ? "desc" : "asc"]];
  }

  async function ask(request, give) {
    const values = { rows: state.rows, q: state.q, sort: state.sort, start: request.start, length: request.length, ...state.filters };
    try {
      const found = await fetched("rows", values);
      $("trouble").textContent = "";
      give({ draw: request.draw, data: found.data, recordsTotal: found.total, recordsFiltered: found.fit });
    } catch {
      $("trouble").textContent = "The server does not answer; start `self-instruct view` again.";
      give({ draw: request.draw, data: [], recordsTotal: 0, recordsFiltered: 0 });
    }
  }

  function mark() {
    for (const line of $("list").querySelectorAll("tbody tr")) {
      const isOpen = line.dataset.key !== undefined && line.dataset.key === state.row;
      line.classList.toggle("open", isOpen);
      if (isOpen) line.setAttribute("aria-current", "true"); else line.removeAttribute("aria-current");
    }
  }

  function drawTabs() {
    $("tabs").replaceChildren(...data.listings.map((each) => el("a", {
      href: `#rows=${encodeURIComponent(each.name)}`, role: "tab", "aria-selected": String(each.name === state.rows),
    }, each.title, el("span", { class: "count" }, whole(each.total)))));
    const of = listing();
    $("sampled").textContent = !data.live && of.rows.length < of.total
      ? `A sample of ${whole(of.rows.length)} of ${whole(of.total)} rows, drawn with seed ${data.seed}; figures count all. \`self-instruct view RUN\` shows every row.` : "";
  }

  function drawFilters() {
    const of = listing();
    const fields = of.filters.map((filter) => {
      const wanted = state.filters[filter.name] ?? "";
      if (filter.kind === "number") return numbers(filter, wanted);
      const select = el("select", { id: `filter-${filter.name}` }, el("option", { value: "" }, "all"));
      const known = filter.values.some(([value]) => value === wanted) || !wanted;
      for (const [value, count] of known ? filter.values : [[wanted, null], ...filter.values]) {
        const name = data.words?.[filter.name]?.[value] ?? value;
        select.append(el("option", { value }, `${name.length > 60 ? name.slice(0, 60) + "…" : name || "(empty)"}${count === null ? "" : ` (${whole(count)})`}`));
      }
      select.value = wanted;
      select.addEventListener("change", () => filterBy(filter.name, select.value));
      return el("label", {}, filter.label, select);
    });
    const others = Object.keys(state.filters).filter((name) => !of.filters.some((filter) => filter.name === name)).map((name) => {
      const button = el("button", { type: "button", class: "chip" }, `${name}: ${state.filters[name]} ✕`);
      button.addEventListener("click", () => filterBy(name, ""));
      return button;
    });
    $("filters").replaceChildren(...fields, ...others);
    const isFiltered = state.q || Object.keys(state.filters).length;
    $("clear").hidden = !isFiltered;
    if ($("search").value !== state.q) $("search").value = state.q;
  }

  function numbers(filter, wanted) {
    const [low, high] = wanted && wanted !== "none" ? bounds(wanted) : [-Infinity, Infinity];
    const input = (value, hint, name) => el("input", {
      type: "number", step: "any", "aria-label": `${filter.label}: ${name}`, placeholder: String(Math.round(hint * 100) / 100), value: Number.isFinite(value) ? String(value) : "",
    });
    const [from, to] = [input(low, filter.span?.[0] ?? 0, "from"), input(high, filter.span?.[1] ?? 0, "to")];
    const changed = () => filterBy(filter.name, from.value || to.value ? `${from.value}..${to.value}` : "");
    from.addEventListener("change", changed);
    to.addEventListener("change", changed);
    return el("label", {}, filter.label, el("span", { class: "range" }, from, "–", to));
  }

  function filterBy(name, value) {
    const filters = { ...state.filters };
    if (value) filters[name] = value; else delete filters[name];
    go({ filters, row: null });
  }

  // --- one row -----------------------------------------------------------------------------------------------------------

  async function drawRow() {
    const pane = $("row");
    document.body.classList.toggle("reading", state.row !== null);
    if (state.row === null) { pane.replaceChildren(); return; }
    const [name, key] = [state.rows, state.row];
    const row = await rowOf(name, key);
    if (name !== state.rows || key !== state.row) return;
    if (!row) {
      pane.replaceChildren(headOf(name, key), el("p", {}, data.live ? "There is no such row." : "This row is not among those that the page holds."));
      return;
    }
    pane.replaceChildren(headOf(name, key), ...reviewOf(name, row), ...textsOf(row), factsOf(row), el("div", { id: "related" }));
    pane.scrollTop = 0;
    const related = await relatedOf(name, row);
    if (name === state.rows && key === state.row) $("related")?.replaceChildren(...related);
  }

  function headOf(name, key) {
    const button = (label, title, act) => {
      const made = el("button", { type: "button", title, "aria-label": title }, label);
      made.addEventListener("click", act);
      return made;
    };
    return el("header", {},
      el("a", { href: `#row=${encodeURIComponent(name)}/${encodeURIComponent(key)}`, class: "permanent", title: "permanent link to this row" }, `${listings.get(name).title} ${key}`),
      button("←", "the row before (k)", () => step(-1)), button("→", "the next row (j)", () => step(1)), button("✕", "close (Esc)", () => go({ row: null })));
  }

  const labelOf = (name) => name.replace(/_/g, " ");

  const isText = (name, row) => TEXTS.includes(name) && name in row && typeof row[name] !== "number";

  function textsOf(row) {
    const blocks = [];
    const present = TEXTS.filter((name) => isText(name, row) && textOf(row[name]) !== "");
    if ("chosen" in row && "rejected" in row) {
      blocks.push(textBlock("prompt", row.prompt), el("div", { class: "sides" },
        textBlock("chosen", answerOf(row.chosen), row.score_chosen), textBlock("rejected", answerOf(row.rejected), row.score_rejected)));
      return blocks;
    }
    for (const name of present) {
      if (name === "neighbour") {
        const own = textOf(row.instruction ?? row.topic);
        blocks.push(el("section", {}, el("h3", {}, `Neighbour${typeof row.score === "number" ? `, ROUGE-L ${shortly(row.score)}` : ""}`, neighbourLink(row)), paragraph(...common(textOf(row.neighbour), own))));
      } else if (name === "instruction" && row.neighbour) {
        blocks.push(el("section", {}, el("h3", {}, "Instruction"), paragraph(...common(textOf(row.instruction), textOf(row.neighbour)))));
      } else {
        blocks.push(textBlock(name, row[name]));
      }
    }
    if (Array.isArray(row.messages) && row.messages.length > 2) blocks.push(...row.messages.slice(2).map((each) => textBlock(each.role, each.content)));
    (row.judge_words ?? []).forEach((words, at) => blocks.push(textBlock(`what the judge says${row.judge_words.length > 1 ? ` (${at + 1})` : ""}`, words)));
    if (row._cut) blocks.push(el("p", { class: "muted" }, `Cut to the first characters here: ${row._cut.map(labelOf).join(", ")}. \`self-instruct view RUN\` shows all.`));
    return blocks;
  }

  const answerOf = (chat) => Array.isArray(chat) ? chat.filter((each) => each?.role !== "user" && each?.role !== "system") : chat;
  const paragraph = (...content) => el("div", { class: "text", dir: "auto", tabIndex: 0 }, ...content);
  const textBlock = (name, value, score) => el("section", {}, el("h3", {}, labelOf(name) + (typeof score === "number" ? `, score ${shortly(score)}` : "")), paragraph(textOf(value)));

  function neighbourLink(row) {
    if (!row.neighbour_id) return null;
    const target = ["instructions", "seeds"].find((name) => listings.has(name));
    const link = el("a", { class: "follow", href: "#" }, row.neighbour_id);
    (async () => {
      for (const name of ["instructions", "seeds", "topics"]) {
        if (listings.has(name) && await rowOf(name, row.neighbour_id)) { link.href = `#row=${name}/${encodeURIComponent(row.neighbour_id)}`; return; }
      }
      link.replaceWith(` ${row.neighbour_id}`);
    })();
    return target ? link : null;
  }

  function common(text, other) {
    const words = /[\p{L}\p{N}]+/gu;
    const known = new Set((other.match(words) ?? []).map((each) => each.toLowerCase()));
    const parts = [];
    let at = 0;
    for (const found of text.matchAll(words)) {
      if (!known.has(found[0].toLowerCase())) continue;
      if (parts.length > 2000) break;
      parts.push(text.slice(at, found.index), el("mark", {}, found[0]));
      at = found.index + found[0].length;
    }
    return [...parts, text.slice(at)];
  }

  function factsOf(row) {
    const meanings = listing().meanings ?? {};
    const facts = el("dl", {});
    for (const [name, value] of Object.entries(row)) {
      if (name.startsWith("_") || isText(name, row) || (HIDDEN.has(name) && typeof value === "object") || textOf(value) === "") continue;
      const said = data.words?.[name]?.[word(value)];
      const text = said ? `${said} (${word(value)})` : shortly(value);
      const leads = listing().filters.some((filter) => filter.name === name && filter.kind !== "number");
      facts.append(el("dt", { title: meanings[name] ?? "" }, labelOf(name)), el("dd", {}, leads ? el("a", { href: addressOf({ rows: state.rows, row: null, q: "", sort: "", filters: { [name]: word(value) } }), title: "all rows like this one" }, text) : text));
    }
    return facts;
  }

  async function relatedOf(name, row) {
    const parts = [];
    const section = (title, rows, of) => {
      if (rows.length) parts.push(el("section", {}, el("h3", {}, title), el("ul", {}, ...rows.map((each) => el("li", { dir: "auto" }, el("a", { href: `#row=${of}/${encodeURIComponent(each._key)}` }, shortly(each.output && of === "instances" ? each.output : each.instruction ?? each.topic ?? each.prompt ?? each.title ?? each._key)))))));
    };
    let shots = row.shot_ids;
    if (row.instruction_id) {
      const [instruction] = name === "instructions" ? [] : await rowsWhere("instructions", "instruction_id", row.instruction_id, 1);
      if (instruction) { section("Its instruction", [instruction], "instructions"); shots ??= instruction.shot_ids; }
      for (const [of, title] of [["instances", listings.get("instances")?.title], ["preferences", "Pair"], ["rejected", "Rejected with it"]]) {
        section(title, (await rowsWhere(of, "instruction_id", row.instruction_id)).filter((each) => of !== name || each._key !== row._key), of);
      }
    }
    if (row.instance_id && name !== "reviewed") {
      for (const each of await rowsWhere("reviewed", "instance_id", row.instance_id)) parts.push(reviewOfOne(each));
    }
    const named = async (id) => {
      for (const of of ["instructions", "seeds"]) { const found = await rowOf(of, id); if (found) return [of, found]; }
      return [null, null];
    };
    const list = async (title, entries) => {
      if (!entries?.length) return;
      const items = [];
      for (const [id, more] of entries.slice(0, 20)) {
        const [of, found] = await named(id);
        items.push(el("li", { dir: "auto" }, found ? el("a", { href: `#row=${of}/${encodeURIComponent(found._key)}` }, shortly(found.instruction)) : id, more));
      }
      parts.push(el("section", {}, el("h3", {}, title), el("ul", {}, ...items)));
    };
    await list("Shots of its prompt", shots?.map((id) => [id, ""]));
    await list("Most similar in the pool", row.most_similar?.map((each) => [each.id, `, ROUGE-L ${shortly(each.score)}`]));
    if (Array.isArray(row.instances)) {
      for (const each of row.instances.slice(0, 10)) parts.push(textBlock("input", each.input || "(none)"), textBlock("output", each.output));
    }
    if (name === "topics") section("Instructions about it", await rowsWhere("instructions", "topic", row.topic), "instructions");
    if (row.document_id && name === "documents") {
      section("Queries", await rowsWhere("instructions", "document_id", row.document_id), "instructions");
      section("Rejected", await rowsWhere("rejected", "document_id", row.document_id), "rejected");
    } else if (row.document_id && !row.document) {
      const [found] = await rowsWhere("documents", "document_id", row.document_id, 1);
      if (found) parts.push(el("section", {}, el("h3", {}, "Document", el("a", { class: "follow", href: `#row=documents/${encodeURIComponent(found._key)}` }, found.title ?? found._key)), paragraph(textOf(found.document))));
    }
    return parts;
  }

  function reviewOfOne(each) {
    const questions = data.questions.filter((question) => typeof each[question.name] === "boolean");
    const changed = ["instruction", "input", "output"].filter((field) => textOf(each[field]) !== textOf(each[`original_${field}`]));
    return el("section", {}, el("h3", {}, "Review ", el("a", { class: "follow", href: `#row=reviewed/${encodeURIComponent(each._key)}` }, each.annotator ?? each._key)),
      el("ul", {}, ...questions.map((question) => el("li", {}, `${question.title} `, el("strong", {}, word(each[question.name]))))),
      ...changed.map((field) => textBlock(`${field}, corrected`, each[field])));
  }

  function step(by) {
    const lines = [...$("list").querySelectorAll("tbody tr[data-key]")];
    if (!lines.length) return;
    const at = lines.findIndex((line) => line.dataset.key === state.row);
    const next = at < 0 ? (by > 0 ? 0 : lines.length - 1) : at + by;
    if (lines[next]) {
      go({ row: lines[next].dataset.key }, true);
      lines[next].scrollIntoView({ block: "nearest" });
      return;
    }
    const { page, pages } = table.page.info();
    if (page + by < 0 || page + by >= pages) return;
    table.one("draw", () => {
      const drawn = [...$("list").querySelectorAll("tbody tr[data-key]")];
      const line = drawn[by > 0 ? 0 : drawn.length - 1];
      if (line) { go({ row: line.dataset.key }, true); line.scrollIntoView({ block: "nearest" }); }
    });
    table.page(page + by).draw("page");
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !first) return;
    if (/^(input|select|textarea)$/i.test(event.target.tagName)) { if (event.key === "Escape") event.target.blur(); return; }
    const isInRows = state.row !== null || $("rows").contains(event.target);
    if (event.key === "j" || (event.key === "ArrowDown" && isInRows && !event.target.classList.contains("text"))) { event.preventDefault(); step(1); }
    else if (event.key === "k" || (event.key === "ArrowUp" && isInRows && !event.target.classList.contains("text"))) { event.preventDefault(); step(-1); }
    else if (event.key === "Escape" && state.row !== null) go({ row: null });
    else if (event.key === "/") { event.preventDefault(); $("search").focus(); }
  });

  // --- review ------------------------------------------------------------------------------------------------------------

  const review = data.review;
  const place = `review ${data.name} ${review?.run ?? ""}`;
  const kept = (() => { try { return JSON.parse(localStorage.getItem(place)) ?? {}; } catch { return {}; } })();
  const answers = kept.answers ?? {};
  let annotator = kept.annotator ?? "";
  const keep = () => { try { localStorage.setItem(place, JSON.stringify({ answers, annotator })); } catch { /* a browser that keeps nothing */ } };
  const isDone = (answer) => review.questions.every(({ name }) => answer[name]);

  function reviewOf(name, row) {
    if (!review || name !== "instances" || !row._record || row._cut) return [];
    const answer = answers[row._record] ?? {};
    const set = (change) => { answers[row._record] = { ...answers[row._record], ...change, key: row._key, texts: textsReviewed(row) }; keep(); drawReview(); };
    const fields = review.questions.map(({ name: question, title, field }) => {
      const correction = el("textarea", { rows: "3", "aria-label": `the right ${field}`, placeholder: `the right ${field}` });
      correction.value = answer[`corrected_${field}`] ?? row[field] ?? "";
      correction.hidden = answer[question] !== "no";
      correction.addEventListener("input", () => set({ [`corrected_${field}`]: correction.value }));
      const choices = ["yes", "no"].map((value) => {
        const input = el("input", { type: "radio", name: `${question}`, value });
        input.checked = answer[question] === value;
        input.addEventListener("change", () => { set({ [question]: value }); correction.hidden = value !== "no"; });
        return el("label", {}, input, value);
      });
      return el("fieldset", {}, el("legend", {}, title), ...choices, correction);
    });
    const opened = el("details", { class: "review" }, el("summary", {}, "Review this instance"), ...fields);
    opened.open = Object.keys(answers).length > 0;
    return [opened];
  }

  function textsReviewed(row) {
    const document = listings.get("documents")?.rows?.find((each) => each.document_id === row.document_id);
    const [title, whole] = [document?.title ?? row.title, document?.document ?? row.document];
    return { instruction: row.instruction ?? "", input: row.input ?? "", output: row.output ?? "", document: whole && title ? `${title}\n\n${whole}` : whole ?? "" };
  }

  function drawReview() {
    const bar = $("answers");
    if (!bar) return;
    const done = Object.values(answers).filter(isDone).length;
    const begun = Object.keys(answers).length - done;
    bar.hidden = !(done + begun);
    if (bar.hidden) return;
    const name = el("input", { type: "text", placeholder: "your name", "aria-label": "your name", value: annotator });
    name.addEventListener("change", () => { annotator = name.value; keep(); });
    const save = el("button", { type: "button", disabled: !done }, done === 1 ? "Save 1 answer" : `Save ${whole(done)} answers`);
    save.addEventListener("click", download);
    bar.replaceChildren(`${whole(done)} reviewed` + (begun ? `, ${whole(begun)} begun` : ""), name, save,
      el("span", { class: "muted" }, "then: ", el("code", {}, `self-instruct review pull ${review.run} --from review.jsonl`)));
  }

  function download() {
    const lines = Object.entries(answers).filter(([, answer]) => isDone(answer)).map(([id, answer]) => {
      const row = { record_id: id, annotator, ...answer.texts };
      for (const { name, field } of review.questions) { row[name] = answer[name]; row[review.correction.replace("FIELD", field)] = answer[`corrected_${field}`] ?? answer.texts[field]; }
      return JSON.stringify(row) + "\n";
    });
    const link = el("a", { download: "review.jsonl" });
    link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- figures -----------------------------------------------------------------------------------------------------------

  const colours = (names) => names.map((name, at) => `var(${name === "rejected" ? "--orange" : name === "other" ? "--grey" : PALETTE[at % PALETTE.length]})`);
  const isWhole = (points) => points.every((point) => Number.isInteger(point.x));
  const breadth = (label) => [...label].reduce((sum, letter) => sum + (letter === "…" || letter !== letter.toLowerCase() ? 9.2 : letter.codePointAt(0) > 0x2e7f ? 12.5 : 6.9), 0);
  const clipped = (label, most) => label.length > most ? label.slice(0, most - 1) + "…" : label;

  const draw = {
    bars(chart, width) {
      const most = Math.max(1, ...chart.bars.map((bar) => bar.wanted ?? 0), ...chart.bars.map((bar) => bar.value), chart.most ?? 0);
      const letters = Math.min(34, Math.max(8, Math.floor(width * 0.42 / 6.6)));
      const labels = chart.bars.map((bar) => clipped(bar.label, letters));
      const left = Math.min(width * 0.55, Math.max(...labels.map(breadth)) + 14);
      const unique = labels.map((label, at) => labels.indexOf(label) === at ? label : label + "\u200b".repeat(at));
      const names = [...new Set(chart.bars.flatMap((bar) => (bar.parts ?? []).map((part) => part.name)))];
      const parts = chart.bars.flatMap((bar, at) => (bar.parts ?? [{ name: "", value: bar.value, href: bar.href }]).map((part) => ({ ...part, label: unique[at], title: `${bar.label}${part.name ? `, ${part.name}` : ""}: ${whole(part.value)} ${chart.unit}` })));
      const wanted = chart.bars.map((bar, at) => ({ ...bar, label: unique[at] })).filter((bar) => bar.wanted !== undefined);
      const fill = chart.id.startsWith("reasons-") ? "var(--orange)" : "var(--blue)";
      return withLegend(names, plot({
        width, height: chart.bars.length * 24 + 52, marginLeft: left, marginRight: 62, marginBottom: 38,
        x: { domain: [0, most], label: chart.unit, nice: true, ticks: Math.max(2, Math.floor(width / 140)), tickFormat: (n) => Number.isInteger(n) ? whole(n) : "" }, y: { domain: unique, label: null },
        color: names.length ? { domain: names, range: colours(names) } : undefined,
        marks: [gridX({ stroke: "var(--grid)", strokeOpacity: 1 }),
          barX(parts, { x: "value", y: "label", fill: names.length ? "name" : fill, href: "href", title: "title", insetTop: 2, insetBottom: 2, order: names.length ? names : null }),
          text(chart.bars.map((bar, at) => ({ ...bar, label: unique[at] })), { x: "value", y: "label", text: (bar) => whole(bar.value) + (bar.wanted !== undefined ? ` of ${whole(bar.wanted)}` : ""), textAnchor: "start", dx: 5, fill: "var(--ink)" }),
          ...wanted.map((bar) => text([bar], { x: "wanted", y: "label", text: () => "|", fill: "var(--ink)", title: () => `wanted: ${whole(bar.wanted)}` }))],
      }));
    },
    histogram(chart, width) {
      const bars = chart.bars.map((bar) => ({ ...bar, title: `${shortly(bar.x1)} to ${shortly(bar.x2)}: ${whole(bar.value)} ${chart.unit}` }));
      return plot({
        width, height: 256, marginLeft: 54, marginBottom: 42, marginTop: 38,
        x: { label: chart.x, ticks: Math.max(3, Math.floor(width / 90)) }, y: { label: chart.unit, tickFormat: (n) => Number.isInteger(n) ? whole(n) : "" },
        marks: [gridY({ stroke: "var(--grid)", strokeOpacity: 1 }),
          rectY(bars, { x1: "x1", x2: "x2", y: "value", fill: "var(--blue)", href: "href", title: "title", insetLeft: 0.5, insetRight: 0.5 }),
          ruleY([0], { stroke: "var(--muted)" }),
          ...(typeof chart.mean === "number" && chart.mean <= bars.at(-1).x2 && chart.mean >= bars[0].x1
            ? [ruleX([chart.mean], { stroke: "var(--orange)", strokeWidth: 1.6 }), text([chart.mean], { x: (mean) => mean, frameAnchor: "top", text: () => `mean ${shortly(chart.mean)}`, dy: -13, fill: "var(--ink)" })] : [])],
      });
    },
    lines(chart, width) {
      const names = [...new Set(chart.points.map((point) => point.series))];
      return withLegend(names, plot({
        width, height: 260, marginLeft: 48, marginBottom: 40,
        x: { label: chart.x, ticks: Math.max(2, Math.floor(width / 80)), tickFormat: (n) => Number.isInteger(n) ? whole(n) : "" }, y: { domain: [0, 1], label: chart.y, tickFormat: (n) => `${Math.round(n * 100)}%` },
        color: { domain: names, range: colours(names) },
        marks: [gridY({ stroke: "var(--grid)", strokeOpacity: 1 }), lineY(chart.points, { x: "x", y: "y", stroke: "series", strokeWidth: 1.8 }),
          dot(chart.points, { x: "x", y: "y", fill: "series", r: 4, href: "href", title: (point) => `${point.series} up to round ${point.x}: ${Math.round(point.y * 100)}%` })],
      }));
    },
    points(chart, width) {
      const most = Math.max(...chart.points.map((point) => Math.max(point.x, point.y)));
      return plot({
        width, height: 300, marginLeft: 54, marginBottom: 42, grid: false,
        x: { label: chart.x, nice: true, ticks: Math.max(3, Math.floor(width / 90)), tickFormat: isWhole(chart.points) ? (n) => Number.isInteger(n) ? whole(n) : "" : shortly }, y: { label: chart.y, nice: true },
        marks: [gridY({ stroke: "var(--grid)", strokeOpacity: 1 }), gridX({ stroke: "var(--grid)", strokeOpacity: 1 }),
          ...(chart.diagonal ? [lineY([[0, 0], [most, most]], { x: (at) => at[0], y: (at) => at[1], stroke: "var(--muted)", strokeDasharray: "4 3" })] : []),
          dot(chart.points, { x: "x", y: "y", r: 3, fill: "var(--blue)", fillOpacity: 0.55, href: "href", title: (point) => `${shortly(point.x)}, ${shortly(point.y)}` })],
      });
    },
    wiring(chart, width) {
      const [columns, rows] = ["x", "y"].map((axis) => chart.steps.map((step) => step[axis]));
      const [left, right, bottom] = [Math.min(...columns) - 0.5, Math.max(...columns) + 0.5, Math.max(...rows)];
      const letters = Math.max(6, Math.floor((Math.min(width / (right - left), 240) - 14) / 6.4));
      return plot({
        width: Math.min(width, (right - left) * 240), height: (bottom + 1) * 62, margin: 2, x: { domain: [left, right], axis: null }, y: { domain: [bottom + 0.45, -0.45], axis: null },
        marks: [arrow(chart.edges, { x1: (edge) => edge.from[0], y1: (edge) => edge.from[1] + 0.32, x2: (edge) => edge.to[0], y2: (edge) => edge.to[1] - 0.32, stroke: "var(--muted)", headLength: 6 }),
          rect(chart.steps, { x1: (step) => step.x - 0.48, x2: (step) => step.x + 0.48, y1: (step) => step.y - 0.32, y2: (step) => step.y + 0.32, rx: 5, fill: "var(--surface)", stroke: (step) => step.asks ? "var(--blue)" : "var(--grid)", strokeWidth: (step) => step.asks ? 2 : 1.2, title: (step) => `${step.name}: ${step.kind}` }),
          text(chart.steps, { x: "x", y: "y", dy: -7, text: (step) => clipped(step.name, letters), fill: "var(--ink)", fontSize: 12 }),
          text(chart.steps, { x: "x", y: "y", dy: 8, text: (step) => clipped(step.kind, Math.floor(letters * 1.15)), fill: "var(--muted)", fontSize: 10 })],
      });
    },
    ring(chart, width) {
      const size = Math.min(width, 560), radius = size / 2 - 2, space = "http://www.w3.org/2000/svg";
      const total = chart.verbs.reduce((sum, verb) => sum + verb.parts.reduce((of, part) => of + part.value, 0), 0) || 1;
      const made = (tag, properties) => { const node = document.createElementNS(space, tag); for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value); return node; };
      const svg = made("svg", { viewBox: `${-size / 2} ${-size / 2} ${size} ${size}`, width: size, height: size, role: "img" });
      let angle = 0;
      const piece = (label, value, href, from, to, inner, outer, colour, opacity) => {
        const link = made("a", { href });
        link.append(made("path", { d: arc()({ innerRadius: inner, outerRadius: outer, startAngle: from, endAngle: to }), fill: `var(${colour})`, "fill-opacity": opacity, stroke: "var(--surface)" }));
        const title = made("title", {});
        title.textContent = `${label}: ${whole(value)}`;
        link.append(title);
        const font = width < 480 ? 10.5 : 12, middle = (from + to) / 2, at = (inner + outer) / 2;
        if ((to - from) * (inner + 8) > font && label.length * font * 0.58 < outer - inner - 4) {
          const turn = middle * 180 / Math.PI - 90, flipped = middle > Math.PI;
          const words = made("text", { transform: `rotate(${turn}) translate(${at},0)${flipped ? " rotate(180)" : ""}`, "text-anchor": "middle", dy: "0.34em", "font-size": font, fill: "var(--ink)" });
          words.textContent = label;
          link.append(words);
        }
        svg.append(link);
      };
      chart.verbs.forEach((verb, place) => {
        const covered = verb.parts.reduce((sum, part) => sum + part.value, 0);
        const colour = PALETTE[place % (PALETTE.length - 1)], start = angle;
        for (const part of verb.parts) {
          const next = angle + part.value / total * 2 * Math.PI;
          piece(`${part.label}`, part.value, part.href, angle, next, radius * 0.56, radius, colour, 0.22);
          angle = next;
        }
        if (covered) piece(verb.label, verb.value, verb.href, start, angle, radius * 0.2, radius * 0.56, colour, 0.45);
      });
      return svg;
    },
  };

  function withLegend(names, figure) {
    if (names.length < 2) return figure;
    const [shades, legend] = [colours(names), el("p", { class: "legend" })];
    names.forEach((name, at) => { const swatch = el("i"); swatch.style.background = shades[at]; legend.append(el("span", {}, swatch, data.words?.reason?.[name] ?? name)); });
    return el("div", {}, legend, figure);
  }

  function drawCharts() {
    for (const chart of data.charts) {
      const holder = $(`chart-${chart.id}`);
      if (!holder) continue;
      const width = Math.floor(holder.clientWidth);
      if (!width || holder.dataset.width === String(width)) continue;
      holder.dataset.width = String(width);
      const drawn = draw[chart.kind](chart, width);
      drawn.setAttribute("aria-label", chart.title);
      holder.replaceChildren(drawn);
      for (const link of holder.querySelectorAll("a")) {
        const address = link.getAttribute("href") ?? link.getAttributeNS("http://www.w3.org/1999/xlink", "href");
        if (!listings.has(read(address ?? "")?.rows)) link.removeAttribute("href");
      }
    }
  }

  // --- a run that goes on --------------------------------------------------------------------------------------------------

  let seen = data.version;

  async function look() {
    try {
      const now = await fetched("state", {});
      $("trouble").textContent = "";
      drawProgress(now);
      for (const [name, total] of Object.entries(now.totals)) if (listings.has(name)) listings.get(name).total = total;
      if (now.rebuilt !== data.rebuilt) { location.reload(); return; }
      if (now.version !== seen) {
        seen = now.version;
        drawTabs();
        if (state.rows === "answers" && table) table.ajax.reload(null, false);
      }
    } catch {
      $("trouble").textContent = "The server does not answer; start `self-instruct view` again.";
    }
    setTimeout(look, 2000);
  }

  function drawProgress(now) {
    const head = el("thead", {}, el("tr", {}, ...["stage", "requests", "failed", "tokens in", "tokens out"].map((name) => el("th", { scope: "col" }, name))));
    const lines = now.stages.map((stage) => el("tr", {}, el("th", { scope: "row" }, stage.title), ...[stage.requests, stage.failed, stage.input, stage.output].map((n) => el("td", {}, whole(n)))));
    const last = now.last.map((each) => el("li", { dir: "auto" }, el("a", { href: `#row=answers/${encodeURIComponent(each.key)}` }, `${each.stage}: `, shortly(each.text))));
    $("progress").replaceChildren(
      el("p", {}, el("strong", {}, now.running ? "The run goes on" : now.ended ? `The run has ended: ${now.ended}` : "The run stands still"), now.share === null || now.ended ? null : el("progress", { max: "1", value: String(now.share) }), now.share === null || now.ended ? "" : ` ${Math.floor(100 * now.share)}%;`, ` ${now.words}`),
      ...(now.ended ? [] : [
      el("div", { class: "scroll" }, el("table", { class: "numeric" }, el("caption", { class: "sr" }, "What was asked so far"), head, el("tbody", {}, ...lines)))]),
      ...(last.length && !now.ended ? [el("h3", {}, "The last answers"), el("ul", { class: "newest" }, ...last)] : []));
  }

  // --- all of it -----------------------------------------------------------------------------------------------------------

  function show(next) {
    const before = state;
    state = next;
    const isOther = shown !== state.rows;
    if (!isOther && table && JSON.stringify(orderOf(listing())) !== JSON.stringify(table.order().slice(0, 1).filter((each) => each[1]))) table.order(orderOf(listing()));
    if (isOther) drawTable();
    const isChanged = isOther || before.q !== state.q || before.sort !== state.sort || JSON.stringify(before.filters) !== JSON.stringify(state.filters);
    drawTabs();
    if (isChanged) { drawFilters(); table.draw(); }
    if (state.row !== before.row || isOther) drawRow();
    if (!data.live && state.row !== null && (isChanged || before.row === null)) turnTo(state.row);
    mark();
  }

  function turnTo(key) {
    const at = table.rows({ search: "applied", order: "applied" }).data().toArray().findIndex((row) => row._key === key);
    if (at >= 0) table.page(Math.floor(at / data.page)).draw("page");
  }

  function arrive() {
    const next = read(location.hash);
    if (!next || !first) return;
    show(next);
    const top = $("rows").getBoundingClientRect().top;
    if (top < -40 || top > innerHeight * 0.5) $("rows").scrollIntoView();
  }

  if (first) {
    let typing = 0;
    $("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => go({ q: $("search").value, row: null }, true), data.live ? 300 : 120); });
    $("clear").addEventListener("click", () => go({ q: "", filters: {}, row: null }));
    $("list").addEventListener("click", (event) => {
      const line = event.target.closest("a") ? null : event.target.closest("tbody tr");
      if (line?.dataset.key !== undefined) go({ row: line.dataset.key });
    });
    const begun = read(location.hash) ?? state;
    state = { ...begun, row: null };
    drawTable(); drawTabs(); drawFilters(); drawReview();
    table.draw();
    if (read(location.hash)) { state = { ...begun, row: null }; show(begun); $("rows").scrollIntoView(); }
  }
  addEventListener("hashchange", arrive);
  addEventListener("popstate", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    const address = link?.getAttribute("href") ?? link?.getAttributeNS("http://www.w3.org/1999/xlink", "href");
    if (address && address === location.hash) arrive();  // the same address again
  });
  for (const link of document.querySelectorAll("main .numeric td a")) if (!listings.has(read(link.getAttribute("href"))?.rows)) link.removeAttribute("href");
  drawCharts();
  new ResizeObserver(() => requestAnimationFrame(drawCharts)).observe(document.querySelector("main"));
  if (data.live) look();
})();
