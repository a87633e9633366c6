// What a page can do besides being read: keys, drafts, presence, live changes, files dropped into a reply.
// Nothing here is needed to read or to answer. Text from elsewhere is only ever set as text.
"use strict";
(() => {
  const body = document.body;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const csrf = one("meta[name=csrf]")?.content ?? "";
  const ticket = body.dataset.ticket;
  const told = one("#told");
  document.documentElement.classList.add("scripted");

  function post(address, fields) {
    const form = fields instanceof FormData ? fields : new FormData();
    if (form !== fields) for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return fetch(address, { method: "POST", body: form, headers: { "X-CSRF-Token": csrf }, keepalive: !(fields instanceof FormData) });
  }
  function make(name, text, attributes = {}) {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // --- times in the browser's zone, where the agent has chosen none
  function localTimes(root = document) {
    if (body.dataset.zone) return;
    for (const time of all("time", root)) {
      time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang);
      if (time.classList.contains("exact")) time.textContent = time.title;
    }
  }
  function localFields(root = document) {
    if (body.dataset.zone) return;
    for (const field of all("input[data-local]", root)) {
      const at = field.value && new Date(`${field.value}Z`);
      if (at) field.value = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
      field.removeAttribute("data-local");
      one("#due-zone", root).textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
      field.form.addEventListener("formdata", (event) => {
        if (field.value) event.formData.set(field.name, new Date(field.value).toISOString().slice(0, 16));
      });
    }
  }
  localTimes();
  localFields();
  if (matchMedia("(max-width: 48rem)").matches) one(".side details")?.removeAttribute("open");

  // --- moving
  const rows = () => all(".line, .moment[data-entry]:not(.quiet)").filter((row) => row.checkVisibility());
  let place = -1;
  function move(step) {
    const items = rows();
    if (!items.length) return;
    items[place]?.classList.remove("here");
    place = Math.max(0, Math.min(items.length - 1, place + step));
    items[place].classList.add("here");
    items[place].scrollIntoView({ block: "nearest" });
    one("a.open", items[place])?.focus({ preventScroll: true });
  }
  function unfold(element) {
    for (let box = element.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  }
  function reveal(selector) {
    const field = one(selector);
    if (!field) return;
    unfold(field);
    field.focus();
    field.scrollIntoView({ block: "center" });
  }
  function toEntry() {
    const entry = /^#entry-\d+$/.test(location.hash) && one(location.hash);
    if (entry) { unfold(entry); entry.scrollIntoView({ block: "center" }); }
  }
  toEntry();
  addEventListener("hashchange", toEntry);
  const keys = {
    j: () => move(1), k: () => move(-1),
    o: () => one(".here a.open")?.click(),
    x: () => one(".here input[type=checkbox]")?.click(),
    u: () => { if (ticket) location.assign(sessionStorage.getItem("list") || "/"); },
    r: () => reveal("#reply-text"), n: () => reveal("#note-text"),
    a: () => reveal("#set-assignee"), s: () => reveal("#set-status"), l: () => reveal("#add-tag"), m: () => reveal("#merge-into"),
    e: () => one("#solve")?.requestSubmit(),
    "/": () => reveal("#q"),
    "?": () => one("#keys")?.showModal(),
  };
  one("[data-keys]")?.addEventListener("click", keys["?"]);
  document.addEventListener("click", (event) => { for (const menu of all(".menu[open]")) if (!menu.contains(event.target)) menu.open = false; });
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (Date.now() - going < 1500) {
      going = 0;
      const link = one(`.side a[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") { going = Date.now(); return; }
    const act = Object.hasOwn(keys, event.key) && keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  if (body.classList.contains("page-list")) sessionStorage.setItem("list", location.pathname + location.search);
  if (one(".problem")) one(".problem").closest("details, section, main")?.querySelector("textarea, input:not([type=hidden])")?.focus();

  // --- many at once
  const bulk = one("#bulk");
  function chosen() {
    const boxes = all(".tick input"), count = boxes.filter((box) => box.checked).length;
    bulk?.classList.toggle("chosen", count > 0);
    const words = bulk && one("legend", bulk);
    if (words) words.textContent = words.dataset.chosen.replace("{count}", count);
  }
  document.addEventListener("change", (event) => {
    if (event.target.closest(".tick")) chosen();
    if (event.target.closest("#state")) one("button[form=state]").classList.add("main");
  });
  bulk && one("[data-all]", bulk)?.addEventListener("click", () => {
    const boxes = all(".tick input"), every = boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = !every;
    chosen();
  });
  chosen();

  // --- drafts: saved a moment after the last key, and when the page goes away
  const drafts = all("form[data-draft]").map((form) => {
    const kind = form.dataset.draft, text = one("textarea", form), saved = one("[data-saved]", form);
    const state = { form, kind, text, dirty: false, timer: 0, busy: null, sent: false, version: form.dataset.version };
    state.save = async () => {
      clearTimeout(state.timer);
      if (!state.dirty || state.sent) return;
      if (state.busy) { await state.busy; return state.save(); }
      state.dirty = false;
      const fields = { text: text.value };
      if (form.elements.cc) fields.cc = form.elements.cc.value;
      if (state.version) fields.version = state.version;
      state.busy = post(`/tickets/${ticket}/drafts/${kind}`, fields).then(async (answer) => {
        if (answer.ok) { state.version = (await answer.json()).version; saved.textContent = saved.dataset.words; }
        else if (answer.status === 409) saved.textContent = saved.dataset.conflict;
        else throw answer;
      }).catch(() => {
        saved.textContent = saved.dataset.failed;
        state.dirty = true;
        state.timer = setTimeout(state.save, 3000);
      }).finally(() => { state.busy = null; });
      return state.busy;
    };
    form.addEventListener("input", (event) => {
      if (event.target.type === "file") return;
      state.dirty = true;
      clearTimeout(state.timer);
      state.timer = setTimeout(state.save, 900);
      say(kind === "reply" ? "replying" : "noting");
    });
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      state.sent = true;
      clearTimeout(state.timer);
    });
    return state;
  });
  addEventListener("pagehide", () => drafts.forEach((draft) => draft.save()));

  // --- a canned answer goes where the cursor is
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-canned]");
    if (!link) return;
    event.preventDefault();
    const area = one("#reply-text");
    const answer = await fetch(`/api/v1/canned/${link.dataset.canned}/filled?ticket=${ticket}`).catch(() => null);
    if (!answer?.ok) return location.assign(link.href);
    link.closest("details").open = false;
    area.focus();
    const gap = /[^\n]$/.test(area.value.slice(0, area.selectionStart)) ? "\n\n" : "";
    area.setRangeText(gap + (await answer.json()).text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // --- files: chosen, dropped or pasted, they are on the draft at once
  for (const area of all("textarea[data-drop]")) {
    const form = area.form, list = one("[data-attached]", form);
    const row = (file) => {
      const item = make("li", `${file.filename} `);
      const remove = make("button", list.dataset.remove, { type: "button", class: "plain" });
      remove.addEventListener("click", async () => {
        if ((await post(`/tickets/${ticket}/drafts/reply/files/${file.position}/remove`, {})).ok) item.remove();
      });
      item.append(make("span", file.shown, { class: "hint" }), " ", remove);
      return item;
    };
    const told = one("[data-saved]", form), picker = one("input[type=file]", form);
    let attaching = null, waiting = false;
    const lost = new Set();  // names of files that are neither on the draft nor in the form's field
    const picked = (files) => files.length > 0 && files.every((file, n) => file === picker.files[n]);
    const missing = () => told.dataset.unattached.replace("{names}", () => [...lost].join(", "));
    const upload = async (files) => {
      const fields = new FormData();
      for (const file of files) fields.append("file", file);
      const answer = await post(`/tickets/${ticket}/drafts/reply/files`, fields);
      return answer.ok ? answer.json() : null;
    };
    const attach = async (files, here) => {
      told.textContent = told.dataset.loading;
      const rows = await upload(files).catch(() => null);
      if (rows) {
        for (const file of files) lost.delete(file.name);
        list.append(...rows.map(row));
        if (here) place(rows.map((file) => file.filename).filter((name) => /^[\p{L}\p{N}_ .()-]+\.(png|jpe?g|gif)$/iu.test(name)));
        if (picked(files)) picker.value = "";
      } else if (!picked(files)) {
        for (const file of files) lost.add(file.name);
      }
      told.textContent = lost.size ? missing() : rows ? told.dataset.words : told.dataset.failed;
    };
    // whichever way a file comes, a reply waits for it
    const track = (files, here = false) => {
      if (!files.length) return;
      const both = Promise.all([attaching, attach([...files], here)]).finally(() => { if (attaching === both) attaching = null; });
      attaching = both;
    };
    // a picture that is dropped or pasted into the words is shown there
    const place = (names) => {
      if (!names.length) return;
      area.setRangeText(names.map((name) => `[image: ${name}]`).join("\n"), area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    // every picture that is pasted is called image.png
    const renamed = (files) => [...files].map((file, n) => new File([file], file.name.replace(/^image\./, `image-${Date.now() % 1e6 + n}.`), { type: file.type }));
    picker.addEventListener("change", () => track(picker.files));
    // before the draft's own listener, which must not take a reply that stays here for a sent one
    form.addEventListener("submit", async (event) => {
      if (attaching) {
        event.preventDefault();  // the files go with the reply: wait for them
        if (waiting) return;
        waiting = true;
        await attaching;
        waiting = false;
        form.requestSubmit(event.submitter);
      } else if (lost.size && !event.submitter?.hasAttribute("formaction")) {
        event.preventDefault();  // said once, it may be sent without them
        told.textContent = missing();
        lost.clear();
      }
    }, true);
    form.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); area.classList.add("dropping"); } });
    form.addEventListener("dragleave", () => area.classList.remove("dropping"));
    form.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      area.classList.remove("dropping");
      track(event.dataTransfer.files, event.target === area);
    });
    area.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); track(renamed(event.clipboardData.files), true); } });
  }

  // --- undo: the offer goes when its time is over
  function offers() {
    for (const form of all("form.undo[data-until]")) {
      const words = one("span", form), first = words.textContent, until = Date.parse(form.dataset.until);
      delete form.dataset.until;
      const tick = () => {
        const left = Math.ceil((until - Date.now()) / 1000);
        if (left <= 0 || left > 3600) return left <= 0 && form.remove();
        words.textContent = `${first} ${left} s`;
        setTimeout(tick, 500);
      };
      tick();
    }
  }
  offers();

  // --- together
  let doing = "looking", quiet = 0;
  const presence = one("#presence");
  function show(people) {
    if (!presence) return;
    all("p:not(.draft)", presence).forEach((line) => line.remove());
    for (const person of people) {
      const words = presence.dataset[person.doing] ?? presence.dataset.looking;
      presence.prepend(make("p", words.replace("{name}", person.name), { class: person.doing }));
    }
  }
  function tell() {
    if (!ticket || document.hidden) return;
    post(`/tickets/${ticket}/presence`, { doing }).then((answer) => answer.ok && answer.json()).then((people) => people && show(people)).catch(() => {});
  }
  function say(what) {
    clearTimeout(quiet);
    quiet = setTimeout(() => { doing = "looking"; tell(); }, 20000);
    if (doing !== what) { doing = what; tell(); }
  }
  if (ticket && csrf) {
    tell();
    setInterval(tell, 15000);
    document.addEventListener("visibilitychange", tell);
    addEventListener("pagehide", () => post(`/tickets/${ticket}/presence`, { doing: "" }).catch(() => {}));
  }

  // --- live: what is new comes as the page itself, from the server; only what changed is put in
  let refreshing = 0, stale = false;
  async function refresh() {
    stale = document.hidden;  // what nobody looks at is not read, and is fetched once it is looked at
    if (stale) return;
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (ticket) freshTicket(fresh); else freshList(fresh);
    const side = one(".side", fresh);
    if (side && !one(".side")?.contains(document.activeElement)) all(".side a span:last-child").forEach((count, index) => { const other = all(".side a span:last-child", side)[index]; if (other && !count.classList.contains("queue")) count.textContent = other.textContent; });
    const notices = one(".notices", fresh);
    if (notices) one(".notices").replaceChildren(...notices.childNodes);
    localTimes();
    offers();
  }
  function freshTicket(fresh) {
    const mine = one("#conversation"), theirs = one("#conversation", fresh);
    if (!mine || !theirs) return;
    for (const moment of all("[data-entry]", theirs)) {
      const known = document.getElementById(moment.id);
      if (!known) { moment.classList.add("fresh"); mine.append(moment); }
      else if (!known.contains(document.activeElement) && !one("details[open]", known) && known.textContent !== moment.textContent && !one("form.undo", known)) known.replaceWith(moment);
    }
    const facts = one(".heading .facts"), newFacts = one(".heading .facts", fresh);
    if (facts && newFacts) facts.replaceWith(newFacts);
    const aside = one("#aside"), newer = one("#aside", fresh);
    if (aside && newer && !aside.contains(document.activeElement) && !one("details[open]", aside)) { aside.replaceWith(newer); localFields(); }
  }
  function freshList(fresh) {
    const mine = one("#tickets"), theirs = one("#tickets", fresh);
    if (!mine || !theirs) return;
    const ticked = new Set(all(".tick input:checked").map((box) => box.value));
    const here = one(".here")?.dataset.ticket, focused = mine.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    mine.replaceChildren(...theirs.childNodes);
    for (const box of all(".tick input")) box.checked = ticked.has(box.value);
    place = rows().findIndex((row) => row.dataset.ticket === here);
    rows()[place]?.classList.add("here");
    if (focused) one(`a[href="${CSS.escape(focused)}"]`, mine)?.focus({ preventScroll: true });
    chosen();
  }
  document.addEventListener("visibilitychange", () => { if (stale && !document.hidden) refresh(); });
  function soon() { clearTimeout(refreshing); refreshing = setTimeout(refresh, 250); }
  let lost = 0;
  function listen() {
    const stream = new EventSource(`/live?since=${body.dataset.live}`);
    stream.addEventListener("entry", (event) => { if (!ticket || String(JSON.parse(event.data).ticket) === ticket) soon(); });
    stream.addEventListener("notice", soon);
    stream.addEventListener("missed", soon);
    stream.addEventListener("presence", (event) => { if (String(JSON.parse(event.data).ticket) === ticket) tell(); });
    stream.onopen = () => {
      clearTimeout(lost);
      lost = 0;
      told.textContent = "";
    };
    stream.onerror = () => {
      lost ||= setTimeout(() => { told.textContent = told.dataset.lost; }, 5000);
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 10000);  // an answer that was none: a proxy's, say
    };
    addEventListener("pagehide", () => stream.close(), { once: true });
  }
  if (csrf && body.dataset.live) listen();
})();
