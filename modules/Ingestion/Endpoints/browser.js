// The first-party script of a website. Served with its settings put in at the end (BrowserScript.cs), with these comments and
// the indentation taken out; so a line must not begin inside a text, and a comment has a line of its own.
// C: k write key, p path of the calls, n name of the object, c wait for consent, u the purpose to wait for ("" any),
//    a page views by itself, g heed Global Privacy Control, s the browser sent Sec-GPC.
(function (C) {
  "use strict"
  const w = window, d = document, nav = navigator, me = d.currentScript
  const MAX = 60000, KEPT = 1000, IDLE = 18e5, HELD = 100
  const name = me && (me.getAttribute("data-name") || me.getAttribute("data-global-segment-analytics-key")) || C.n
  // Our own address stands beside the script, also behind a path of the shop's; Segment's address has one of its own.
  const src = me ? me.src : location.href, other = src.indexOf("/analytics.js/")
  const to = (other >= 0 ? src.slice(0, other) + C.p : src.replace(/\/[^\/]*$/, "")) + "/b"
  const had = w[name] || [], api = had
  if (had.initialized) return
  const gpc = !!(nav.globalPrivacyControl || C.s)
  const waits = C.c || (gpc && C.g)
  const now = () => Date.now()
  const uuid = () => crypto.randomUUID ? crypto.randomUUID() : "10000000-1000-4000-8000-100000000000".replace(/[018]/g,
    c => (c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> c / 4).toString(16))
  const isObject = v => v && typeof v === "object" && !Array.isArray(v)
  const is = (v, type) => typeof v === type

  // ---- what is kept; nothing is before consent, where the source waits for it ----
  const own = "_c." + C.k.slice(0, 8) + ".", tab = uuid().slice(0, 8)
  let memory = {}, store = null, open = true
  try { store = w.localStorage } catch (e) {}
  const get = k => { if (open && store) { try { return JSON.parse(store.getItem(own + k)) } catch (e) {} } return k in memory ? memory[k] : null }
  const set = (k, v) => {
    memory[k] = v
    if (open && store) try { v == null ? store.removeItem(own + k) : store.setItem(own + k, JSON.stringify(v)) } catch (e) {}
  }
  const ours = () => store ? Object.keys(store).filter(k => !k.indexOf(own)) : []
  const wipe = () => { ours().forEach(k => store.removeItem(k)); memory = {} }
  const agreed = answers => !!answers && (C.u ? answers[C.u] === true : Object.keys(answers).some(k => answers[k] === true))
  let held = [], refused = false, answers = get("k")
  if (waits && !agreed(answers)) { wipe(); answers = null; open = false }

  // ---- who, which visit, where ----
  const anonymous = () => { let id = get("a"); if (!id) set("a", id = uuid()); return id }
  const visit = () => {
    let v = get("s"), first = 0
    if (!v || now() - v.t > IDLE) {
      v = { i: now(), c: null, r: null }
      first = 1
      new URLSearchParams(location.search).forEach((value, key) => {
        if (!key.indexOf("utm_")) (v.c = v.c || {})[key === "utm_campaign" ? "name" : key.slice(4)] = value
      })
      if (d.referrer && d.referrer.split("/")[2] !== location.host) v.r = d.referrer
    }
    v.t = now()
    set("s", v)
    return [v, first]
  }
  let last = d.referrer, here = location.href
  const where = () => {
    const link = d.querySelector("link[rel=canonical]")
    return { path: location.pathname, referrer: last, search: location.search, title: d.title, url: link && link.href || location.href.split("#")[0] }
  }
  const context = () => {
    const [v, first] = visit(), s = screen
    const c = {
      page: where(), userAgent: nav.userAgent, locale: nav.language, sessionId: v.i,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: { width: s.width, height: s.height, density: w.devicePixelRatio }, library: { name: "cdp.js", version: "1" }
    }
    if (first) c.sessionStart = true
    if (v.c) c.campaign = v.c
    if (v.r) c.referrer = { type: "web", url: v.r }
    if (answers) c.consent = { categoryPreferences: answers }
    if (gpc) c.globalPrivacyControl = true
    return c
  }

  // ---- what waits to be sent: in memory, with a copy per tab in the browser's storage ----
  let queue = [], flying = [], pause = 0, timer = 0, failed = 0, many = 50, cut = false
  const done = {}, gone = {}
  const keep = () => set("q." + tab, queue.length ? queue : null)
  const adopt = () => {
    try {
      ours().forEach(k => {
        if (!k.indexOf(own + "q.") && k !== own + "q." + tab) {
          queue = JSON.parse(store.getItem(k)).concat(queue)
          store.removeItem(k)
        }
      })
    } catch (e) {}
    keep()
  }
  const told = ids => ids.forEach(id => { if (done[id]) { done[id](); delete done[id] } })
  const drop = calls => {
    const ids = calls.map(call => call.messageId)
    queue = queue.filter(call => ids.indexOf(call.messageId) < 0)
    keep()
    told(ids)
  }
  const pack = calls => JSON.stringify({ writeKey: C.k, sentAt: new Date().toISOString(), batch: calls })
  const size = text => new Blob([text]).size
  // As many calls from the front as fit; one that fits in no request goes alone, and the server says what it thinks of it.
  const handful = calls => {
    let bytes = 200, n = 0
    while (n < many && n < calls.length && ((bytes += size(JSON.stringify(calls[n])) + 1) < MAX || !n)) n++
    return calls.slice(0, n)
  }
  const soon = ms => { if (!timer) timer = setTimeout(() => { timer = 0; flush() }, Math.max(ms, pause - now())) }
  const later = (seconds, offline) => {
    failed++
    cut = offline
    pause = now() + (seconds > 0 ? Math.min(seconds, 3600) * 1e3 : Math.min(1e3 * 2 ** Math.min(failed - 1, 8), 3e5) * (0.5 + Math.random() / 2))
    soon(0)
  }
  const flush = () => {
    const calls = handful(queue.filter(call => !gone[call.messageId]))
    if (flying.length || !calls.length || nav.onLine === false) return
    if (now() < pause) return soon(0)
    const body = pack(calls)
    flying = calls
    fetch(to, { method: "POST", body, keepalive: size(body) < 64000, credentials: "omit", headers: { "Content-Type": "text/plain" } }).then(answer => {
      const status = answer.status
      flying = []
      if (status === 413 && calls.length > 1) {
        many = calls.length >> 1
        return soon(0)
      }
      if (status < 300 || status === 400 || status === 413) {
        failed = pause = 0
        drop(calls)
        return flush()
      }
      later(+answer.headers.get("Retry-After") || (status < 429 ? 600 : 0))
    }, () => { flying = []; later(0, true) })
  }
  // The page goes: what is under way goes on by itself, the rest goes by beacon. It stays stored, since nobody hears the answer;
  // should it be sent once more, the server knows its messageId.
  const leave = () => {
    for (;;) {
      const calls = handful(queue.filter(call => !gone[call.messageId] && flying.indexOf(call) < 0))
      if (!calls.length || !nav.sendBeacon || !nav.sendBeacon(to, pack(calls))) return
      calls.forEach(call => { gone[call.messageId] = 1 })
    }
  }

  // ---- the calls ----
  const put = call => {
    queue.push(call)
    if (queue.length > KEPT) drop([queue[0]])
    keep()
    soon(100)
  }
  const stamp = call => {
    call.anonymousId = call.anonymousId || anonymous()
    call.context = Object.assign(context(), call.context)
    return call
  }
  const send = (type, members, options, back) => {
    options = options || {}
    const call = Object.assign({ type, messageId: uuid(), timestamp: new Date().toISOString() }, members), more = {}
    Object.keys(options).forEach(k => {
      if (/^(messageId|timestamp|anonymousId|userId|integrations)$/.test(k)) call[k] = options[k]
      else if (k !== "context") more[k] = options[k]
    })
    call.context = Object.assign(more, options.context)
    const sent = new Promise(ready => { done[call.messageId] = ready }).then(() => { if (back) back(call); return call })
    if (get("u") && !call.userId) call.userId = get("u")
    if (open) put(stamp(call))
    else if (refused) drop([call])
    else {
      // Held in memory alone: where it happened is known now, who it was only if it may be.
      call.context = Object.assign({ page: where() }, call.context)
      held.push(call)
      if (held.length > HELD) held.shift()
    }
    ;(heard[type] || []).forEach(f => f(members.event || members.name || members.userId, members.properties || members.traits, options))
    return sent
  }
  const heard = {}
  // Segment's shapes: the last function is a callback, and what is left out makes the rest move up.
  const tidy = given => {
    const all = [].slice.call(given), tail = all[all.length - 1]
    if (tail && tail.__t === "bpc") all.pop()
    const at = all.findIndex(v => is(v, "function")), back = at < 0 ? null : all.splice(at, 1)[0]
    return [all, back]
  }
  const text = v => is(v, "string") || is(v, "number")
  const paged = type => function () {
    const [all, back] = tidy(arguments), names = []
    while (all.length && (text(all[0]) || all[0] == null)) names.push(all.shift())
    const title = names.length > 1 ? names[1] : names[0], members = {}
    if (title != null) members.name = String(title)
    if (names.length > 1 && names[0] != null) members.category = String(names[0])
    members.properties = Object.assign(where(), title != null ? { name: String(title) } : {}, all[0])
    return send(type, members, all[1], back)
  }
  const tracks = (links, event, properties, on) => {
    [].concat(links && links.length && !links.tagName ? [].slice.call(links) : links).forEach(e => e && e.addEventListener && e.addEventListener(on, () => {
      api.track(is(event, "function") ? event(e) : event, is(properties, "function") ? properties(e) : properties)
    }))
    return api
  }
  const known = {
    track() { const [[event, properties, options], back] = tidy(arguments); return send("track", { event, properties: properties || {} }, options, back) },
    identify() {
      const [all, back] = tidy(arguments)
      let id = all.shift()
      if (isObject(id)) { all.unshift(id); id = null }
      if (id != null && String(id)) {
        id = String(id)
        const before = get("u")
        if (before && before !== id) { set("t", null); set("a", null); set("g", null) }
        set("u", id)
      }
      const traits = Object.assign({}, get("t"), all[0])
      set("t", traits)
      return send("identify", { traits }, all[1], back)
    },
    group() {
      const [all, back] = tidy(arguments), id = isObject(all[0]) ? get("g") : all.shift()
      if (id != null) set("g", String(id))
      return send("group", { groupId: id == null ? undefined : String(id), traits: all[0] || {} }, all[1], back)
    },
    alias() {
      const [[to, from, options], back] = tidy(arguments)
      return send("alias", { userId: String(to), previousId: from == null ? get("u") || anonymous() : String(from) }, options, back)
    },
    page: paged("page"), screen: paged("screen"),
    reset() { ["u", "t", "g", "a", "s"].forEach(k => set(k, null)); return api },
    ready(f) { const ok = Promise.resolve(api); return f ? ok.then(f) : ok },
    user() {
      return {
        id: () => get("u"), traits: () => get("t") || {},
        anonymousId(id) { if (id !== undefined) set("a", id === null ? null : String(id)); return open ? anonymous() : null }
      }
    },
    setAnonymousId(id) { set("a", id); return id },
    consent(said) {
      if (!isObject(said)) return answers
      const was = open, at = new Date().toISOString(), all = Object.assign({}, answers, said), may = !waits || agreed(all)
      answers = all
      if (may && !was) {
        const known = memory
        open = true
        Object.keys(known).forEach(k => set(k, known[k]))
      }
      let sent = Promise.resolve()
      if (may || was) {
        set("k", all)
        const early = held
        held = []
        // They happened before the answer: it counts from when it was given.
        early.forEach(call => { stamp(call).context.consent.answeredAt = at; put(call) })
        sent = send("track", { event: "Segment Consent Preference Updated", properties: {} })
      }
      // Withdrawn: told as the last thing, then forgotten.
      if (was && !may) { open = false; wipe(); soon(0) }
      if (!may) { drop(held); held = []; answers = null }
      refused = !may
      return sent
    },
    on(type, f) { (heard[type] = heard[type] || []).push(f); return api },
    off(type, f) { heard[type] = (heard[type] || []).filter(g => g !== f); return api },
    once(type, f) { const g = function () { known.off(type, g); f.apply(null, arguments) }; return known.on(type, g) },
    flush() { flush(); return api },
    trackLink(links, event, properties) { return tracks(links, event, properties, "click") },
    trackForm(forms, event, properties) { return tracks(forms, event, properties, "submit") },
    debug() {}, timeout() {}
  }
  known.trackClick = known.trackLink
  known.trackSubmit = known.trackForm
  known.pageview = known.page
  ;["addSourceMiddleware", "addDestinationMiddleware", "addIntegrationMiddleware", "register", "deregister", "load"].forEach(m => { known[m] = () => known.ready() })

  // ---- from now on ----
  const early = [].slice.call(had)
  had.length = 0
  Object.assign(api, known, { initialized: true, invoked: true, push: q => run(q) })
  const run = q => { const [m, ...rest] = [].slice.call(q); return known[m] && known[m](...rest) }
  w[name] = api
  if (open) adopt()
  let seen = false
  const moved = () => {
    if (location.href.split("#")[0] === here.split("#")[0] && seen) return
    if (seen) last = here
    here = location.href
    seen = true
    api.page()
  }
  if (C.a) {
    const push = history.pushState
    history.pushState = function () { const r = push.apply(this, arguments); setTimeout(moved, 0); return r }
    addEventListener("popstate", () => setTimeout(moved, 0))
  }
  early.forEach(run)
  if (C.a) moved()
  addEventListener("online", () => { if (cut) pause = 0; flush() })
  addEventListener("pagehide", leave)
  addEventListener("pageshow", () => { Object.keys(gone).forEach(id => delete gone[id]); soon(0) })
  d.addEventListener("visibilitychange", () => { if (d.visibilityState === "hidden") flush() })
  if (queue.length) soon(0)
})
