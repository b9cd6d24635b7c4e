'use strict'
const byID = name => document.getElementById(name)
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0))
const make = (tag, text, ...inside) => {
  const el = document.createElement(tag)
  if (text) el.textContent = text
  el.append(...inside)
  return el
}

async function unseal(passphrase) {
  const box = byID('sealed')
  const raw = await crypto.subtle.importKey('raw', new TextEncoder().encode(passphrase), 'PBKDF2', false, ['deriveKey'])
  const key = await crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: bytes(box.dataset.salt), iterations: Number(box.dataset.rounds) }, raw, { name: 'AES-GCM', length: 256 }, false, ['decrypt'])
  const open = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: bytes(box.dataset.nonce) }, key, bytes(box.innerHTML.trim()))
  return JSON.parse(new TextDecoder().decode(open))
}

function table(main, title, heads, rows, none) {
  main.append(make('h2', title))
  if (!rows.length) return main.append(make('p', none))
  const head = make('tr', '', ...heads.map(h => { const th = make('th', h); th.scope = 'col'; return th }))
  main.append(make('table', '', make('thead', '', head), make('tbody', '', ...rows.map(r => make('tr', '', ...r.map(c => make('td', c)))))))
}

const notes = []

function noteForm(main, w) {
  main.append(make('h2', w.calls), make('p', w.calls_lead))
  const form = make('form'), list = make('ol')
  list.id = 'notes'
  const field = (name, label, tag, type) => {
    const l = make('label', label), el = make(tag)
    l.htmlFor = el.id = el.name = name
    if (type) el.type = type
    form.append(l, el)
    return el
  }
  const fields = { name: field('name', w.who, 'input'), phone: field('phone', w.phone, 'input', 'tel'), organisation: field('organisation', w.organisation, 'input'), summary: field('summary', w.summary, 'input'), description: field('description', w.said, 'textarea') }
  fields.summary.required = true
  const at = field('called', w.called, 'input', 'datetime-local')
  const local = () => { const d = new Date(); return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16) }
  at.value = local()
  form.append(make('button', w.keep))
  const save = make('button', w.save)
  save.type = 'button'
  save.id = 'save'
  form.addEventListener('submit', e => {
    e.preventDefault()
    const note = { id: crypto.randomUUID(), called_at: new Date(at.value).toISOString() }
    for (const name in fields) { note[name] = fields[name].value; fields[name].value = '' }
    notes.push(note)
    list.append(make('li', note.called_at + ' · ' + note.name + ' · ' + note.summary))
    at.value = local()
    fields.name.focus()
  })
  save.addEventListener('click', () => {
    const a = make('a')
    a.href = URL.createObjectURL(new Blob([JSON.stringify({ tocsin: 'call-notes/1', notes }, null, 1)], { type: 'application/json' }))
    a.download = 'tocsin-call-notes-' + new Date().toISOString().slice(0, 16).replaceAll(':', '') + '.json'
    a.click()
  })
  main.append(form, list, save)
  addEventListener('beforeunload', e => { if (notes.length) e.preventDefault() })
}

function show(b) {
  const w = b.words, main = byID('main')
  main.replaceChildren(make('h1', b.team + ': ' + w.title), make('p', w.made + ' ' + new Date(b.made_at).toLocaleString(b.lang)))
  const all = list => list || []
  for (const what of all(b.more)) main.append(make('p', w.more + ' ' + what))
  noteForm(main, w)
  table(main, w.roster, [w.from, w.till, w.who], all(b.roster).map(x => [x.from, x.till, x.who + (x.email ? ' · ' + x.email : '')]), w.none)
  table(main, w.clocks, [w.due, w.number, w.what, w.owes], all(b.clocks).map(x => [x.due, x.number, x.what, x.owed_by]), w.none)
  table(main, w.cases, [w.number, w.what, w.state], all(b.cases).map(x => [x.number, x.title || w.only_number, [x.state, x.severity].filter(Boolean).join(' · ')]), w.none)
  table(main, w.contacts, [w.organisation, w.who, w.numbers], all(b.contacts).map(x => [x.organisation, [x.name, x.role, x.email].filter(Boolean).join(' · '), all(x.numbers).join('\n')]), w.none)
  main.append(make('h2', w.keys))
  for (const k of all(b.keys)) main.append(make('p', k.owner + ' · ' + k.fingerprint), ...(k.armored ? [make('pre', k.armored)] : []))
}

byID('door').addEventListener('submit', async e => {
  e.preventDefault()
  const said = byID('said')
  said.textContent = '…'
  if (!globalThis.crypto || !crypto.subtle) { said.textContent = said.dataset.old; return }
  let b
  try { b = await unseal(byID('passphrase').value) } catch { said.textContent = said.dataset.wrong; said.className = 'wrong'; return }
  show(b)
})
