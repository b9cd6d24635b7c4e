// Clocks and ages move each minute, on the server's time. A page that is not live stops its rings.
const root = document.documentElement
const ahead = Number(root.dataset.now) * 1000 - Date.now()
const [day, hour, minute] = root.dataset.units.split(' ')
const nb = '\u00a0'

function words(seconds) {
  const m = Math.floor(Math.abs(seconds) / 60)
  if (m < 60) return m + nb + minute
  if (m < 1440) return Math.floor(m / 60) + nb + hour + nb + String(m % 60).padStart(2, '0') + nb + minute
  return Math.floor(m / 1440) + nb + day + nb + Math.floor(m / 60) % 24 + nb + hour
}

function tick() {
  if (root.dataset.stale !== undefined) return
  const now = Math.floor((Date.now() + ahead) / 1000)
  for (const el of document.querySelectorAll('[data-since]')) {
    const age = now - Number(el.dataset.since)
    if (age >= 0 && age < 86400) put(el, words(age))
  }
  for (const el of document.querySelectorAll('[data-due]')) {
    const due = Number(el.dataset.due)
    const text = due >= now ? words(due - now) : el.dataset.late.replace('%', words(now - due))
    put(el.querySelector('.clock-left') ?? el, text)
    if (el.dataset.start) turn(el, Number(el.dataset.start), due, now)
  }
}

function put(el, text) {
  if (el.textContent !== text) el.textContent = text
}

function turn(el, start, due, now) {
  const gone = due > start ? Math.min(1, Math.max(0, (now - start) / (due - start))) : 1
  el.querySelector('.gone').setAttribute('stroke-dasharray', (gone * 100).toFixed(1) + ' 100')
  el.classList.remove('clock-calm', 'clock-warn', 'clock-crit')
  el.classList.add(gone > 0.9 ? 'clock-crit' : gone >= 0.75 ? 'clock-warn' : 'clock-calm')
}

setInterval(tick, 60000)
document.addEventListener('visibilitychange', () => { if (!document.hidden) tick() })
