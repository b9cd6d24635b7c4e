// What is typed is kept on the server: 2 s after typing stops, when the field is left, when the page is hidden. The state
// beside the field is what the server answered, never a guess.
const timers = new WeakMap()
const saved = new WeakMap()

const fields = el => el instanceof Element && el.matches('[data-draft]') ? el : null

async function save(el, last) {
  clearTimeout(timers.get(el))
  if (saved.get(el) === el.value || (!saved.has(el) && el.value === el.defaultValue)) return
  const value = el.value
  const state = document.getElementById(el.dataset.draftState)
  try {
    const answer = await fetch(el.dataset.draft, { method: 'POST', keepalive: last, body: new URLSearchParams({ text: value }) })
    const words = answer.headers.get('Content-Type')?.startsWith('text/plain') ? await answer.text() : ''
    if (answer.ok) saved.set(el, value)
    if (state) state.textContent = words
  } catch {
    if (state) state.textContent = ''
  }
}

document.addEventListener('input', e => {
  const el = fields(e.target)
  if (!el) return
  clearTimeout(timers.get(el))
  timers.set(el, setTimeout(save, 2000, el))
})
document.addEventListener('focusout', e => { if (fields(e.target)) save(e.target) })
document.addEventListener('visibilitychange', () => {
  if (document.hidden) for (const el of document.querySelectorAll('[data-draft]')) save(el, true)
})
// Going to another item waits for the save.
document.addEventListener('click', async e => {
  const link = e.target instanceof Element && e.target.closest('a[href]')
  const open = [...document.querySelectorAll('[data-draft]')].filter(el => el.value !== (saved.get(el) ?? el.defaultValue))
  if (!link || !open.length || e.ctrlKey || e.metaKey || e.shiftKey || link.target || link.getAttribute('href').startsWith('#') || link.hasAttribute('hx-get')) return
  e.preventDefault()
  await Promise.all(open.map(el => save(el, true)))
  location.assign(link.href)
})
