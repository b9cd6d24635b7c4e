// Keys press visible controls: data-key for single letters, data-go for "G, then a letter". Letters act only outside fields.
let going
const visible = el => el.checkVisibility({ visibilityProperty: true })
const typing = el => el.closest('textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])')
const rows = () => [...document.querySelectorAll('[data-queue] .row')]
const current = () => document.querySelector('.row[data-here]')

function find(attribute, key) {
  return [...document.querySelectorAll(`[${attribute}]`)].find(el => el.getAttribute(attribute).toUpperCase() === key && visible(el))
}

function press(el) {
  if (el.matches('input, textarea')) el.focus()
  else el.click()
}

function mark(row) {
  current()?.removeAttribute('data-here')
  row.setAttribute('data-here', '')
  row.scrollIntoView({ block: 'nearest' })
}

function move(step) {
  const all = rows()
  const next = all[all.indexOf(current()) + step] ?? (current() ? null : all[0])
  if (!next) return
  mark(next)
  const link = next.querySelector('.row-link')
  link.focus({ preventScroll: true })
  link.click()
}

function help() {
  const list = document.getElementById('key-list')
  const panel = document.getElementById('keys')
  if (!list || !panel) return
  list.querySelectorAll('[data-found]').forEach(el => el.remove())
  const seen = new Set()
  for (const el of document.querySelectorAll('[data-key]:not([data-key=""]), [data-go]:not([data-go=""])')) {
    const key = el.dataset.key ? el.dataset.key : el.dataset.go && list.dataset.go + ' ' + el.dataset.go
    if (!key || seen.has(key) || !visible(el)) continue
    seen.add(key)
    const row = document.createElement('div')
    row.dataset.found = ''
    const cap = document.createElement('kbd')
    cap.textContent = key
    const dt = document.createElement('dt'), dd = document.createElement('dd')
    dt.append(cap)
    dd.textContent = el.title || el.placeholder || [...el.childNodes].filter(n => n.nodeName !== 'KBD').map(n => n.textContent).join(' ').trim()
    row.append(dt, dd)
    list.append(row)
  }
  panel.togglePopover()
}

function escape(el) {
  const open = document.querySelector('details.edit[open]')
  if (open) {
    open.querySelector('form')?.reset()
    open.open = false
    open.querySelector('summary').focus()
  } else if (typing(el)) el.blur()
}

document.addEventListener('keydown', e => {
  if (e.defaultPrevented || e.isComposing || e.altKey || !(e.target instanceof Element)) return
  if (e.key === 'Escape') return escape(e.target)
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
    const form = e.target.closest('form')
    if (form && typing(e.target)) { e.preventDefault(); form.requestSubmit(form.querySelector('.btn-primary')) }
    return
  }
  if (e.ctrlKey || e.metaKey || typing(e.target)) return
  const key = e.key.toUpperCase()
  const goes = going
  going = false
  let el
  if (goes) el = find('data-go', key)
  else if (key === 'G') { going = true; return }
  else if (e.key === '?') { e.preventDefault(); return help() }
  else if (key === 'J' || key === 'K') { e.preventDefault(); return move(key === 'J' ? 1 : -1) }
  else if (key === 'X') el = current()?.querySelector('input[type=checkbox]')
  else if (key === 'ENTER') {
    const row = e.target.closest('.row')
    if (row?.dataset.open && !e.target.matches('input')) { e.preventDefault(); location.assign(row.dataset.open) }
    return
  } else if (e.key.length === 1) el = find('data-key', key)
  if (el) { e.preventDefault(); if (el.type === 'checkbox') el.click(); else press(el) }
})
document.addEventListener('click', e => {
  const row = e.target instanceof Element && e.target.closest('.row-link')?.closest('.row')
  if (row) mark(row)
})
current()?.scrollIntoView({ block: 'nearest' })
document.querySelector('.tabs [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
